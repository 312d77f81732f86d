"""PL342 silent-allowance: a comment allows something without a reason.

What: Behind `allow[rule]` stands why it is right here.

Why: The next reader can't tell whether it still holds.

Fails:
    steps:
      - key: build
        run: make
        # planloom: allow[moving-runner]
        runs-on: ubuntu-latest

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
