"""PL207 too-few: a text, list or mapping is empty.

What: A field that is written says something.

Why: An empty value is more often a line that was lost than a wish.

Fails:
    steps: []

Passes:
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
