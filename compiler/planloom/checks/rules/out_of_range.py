"""PL206 out-of-range: a number is too small or too big.

What: Timeouts, attempts, capacities and orders have bounds; the help names them.

Why: Beyond them the platform refuses the workflow, or the number is a slip.

Fails:
    steps:
      - key: build
        attempts: 0

Passes:
    steps:
      - key: build
        attempts: 1
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
