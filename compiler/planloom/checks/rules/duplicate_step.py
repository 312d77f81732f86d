"""PL301 duplicate-step: two steps have the same key.

What: Keys are unique in a plan; the name of a `foreach` group counts as one.

Why: Claims, records and artifacts are found by the key.

Fails:
    steps:
      - key: build
      - key: build

Passes:
    steps:
      - key: build
      - key: build-docs
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
