"""PL204 unknown-choice: a value is none of the choices.

What: Some fields take one of a few words; the help lists them.

Why: Another word would mean nothing.

Fails:
    workflow: {execution: isolate}
    steps:
      - key: build

Passes:
    workflow: {execution: isolated}
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
