"""PL340 unused-allowance: a comment allows what is not found.

What: `# planloom: allow[rule] reason` stands beside or above a line on which the rule finds something.

Why: A comment that outlives its reason would hide the next finding.

Fails:
    steps:
      - key: build
        run: make
        # planloom: allow[moving-runner] why
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
