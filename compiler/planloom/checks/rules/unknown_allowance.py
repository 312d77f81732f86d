"""PL341 unknown-allowance: a comment allows a rule that does not exist.

What: The name in `allow[…]` is a rule's name, as the report prints it behind the code.

Why: The finding stays, and the comment looks as if it did something.

Fails:
    steps:
      - key: build
        run: make
        # planloom: allow[moving-runer] why
        runs-on: ubuntu-24.04

Passes:
    steps:
      - key: build
        run: make
        # planloom: allow[moving-runner] the newest is what we test
        runs-on: ubuntu-latest
"""

from planloom.checks.rule import found_early
from planloom.core.diagnostics import Severity

RULE = found_early(__doc__, Severity.WARNING)
