"""PL122 outside-file: a plan's file has a wrong name or place.

What: Plans are the files `specs/*.yaml`. `.yml` is refused, and so are a link that leads out of the project or nowhere, a folder,
a pipe, and a file that can't be read. The other plans are checked all the same.

Why: A plan that a checkout does not contain can't be reviewed or compiled again.

Fails:
    --- specs/demo.yml
    steps:
      - key: build

Passes:
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
