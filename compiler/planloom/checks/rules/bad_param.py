"""PL305 bad-param: a parameter contradicts itself.

What: The pattern of a parameter is a regular expression; its default and its choices are values that it takes.

Why: Opening a work item without the parameter would always fail.

Fails:
    params:
      tag: {pattern: "^v[0-9]+$", default: latest}
    steps:
      - key: build

Passes:
    params:
      tag: {pattern: "^v[0-9]+$", default: v1}
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
