"""PL120 big-number: a number can't be kept exactly.

What: Whole numbers go to 9,007,199,254,740,991; infinity and not-a-number are none.

Why: JSON readers round beyond that, so the compiled plan would not say what the plan says.

Fails:
    steps:
      - key: build
        env: {ID: 12345678901234567890}

Passes:
    steps:
      - key: build
        env: {ID: "12345678901234567890"}
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
