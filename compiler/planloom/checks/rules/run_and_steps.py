"""PL302 run-and-steps: a step has run and steps.

What: A step is a command (`run`), a list of GitHub steps (`steps`), or neither: then somebody does it by hand.

Why: It would be unclear which of the two comes first.

Fails:
    steps:
      - key: build
        run: make
        steps:
          - run: make test

Passes:
    steps:
      - key: build
        steps:
          - run: make
          - run: make test
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
