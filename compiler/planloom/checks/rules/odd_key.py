"""PL119 odd-key: a key is not text.

What: Keys are text. A number, `true`, `null`, a list or a mapping as a key must be put in quotes, or is a mistake.

Why: Readers turn such keys into text in different ways.

Fails:
    steps:
      - key: build
        env: {1: one}

Passes:
    steps:
      - key: build
        env: {_1: one}
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
