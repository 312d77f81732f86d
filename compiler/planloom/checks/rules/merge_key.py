"""PL111 merge-key: a mapping merges another one.

What: `<<` takes over the keys of another mapping. It is no part of YAML 1.2.

Why: Readers disagree on it, and what a step is should be written where the step is.

Fails:
    steps:
      - key: build
        env:
          <<: {CI: "1"}

Passes:
    steps:
      - key: build
        env:
          CI: "1"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
