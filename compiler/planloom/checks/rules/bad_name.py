"""PL205 bad-name: a name has characters that it can't have.

What: Ids and keys are lower-case letters, digits and hyphens, at most 63, a letter or digit first; variables are
letters, digits and underscores; versions are semantic versions.

Why: Names become parts of files, git refs and artifacts on every system, where other characters are refused or mean
something.

Fails:
    steps:
      - key: Build_It

Passes:
    steps:
      - key: build-it
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
