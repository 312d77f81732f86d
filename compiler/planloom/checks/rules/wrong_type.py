"""PL203 wrong-type: a value is of the wrong type.

What: Each field takes text, a whole number, true or false, a list or a mapping; which one is in `planloom explain`
and in the published schema.

Why: Guessing what was meant would compile another plan than the one that was written.

Fails:
    steps:
      - key: build
        outputs: dist/*.whl

Passes:
    steps:
      - key: build
        outputs: [dist/*.whl]
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
