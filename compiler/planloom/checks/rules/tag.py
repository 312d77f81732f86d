"""PL112 tag: a value has a YAML tag.

What: `!something` gives a value a type of its own. A plan's types follow from the field.

Why: Tags make some readers build objects or run code.

Fails:
    steps:
      - key: build
        run: !!str make

Passes:
    steps:
      - key: build
        run: make
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
