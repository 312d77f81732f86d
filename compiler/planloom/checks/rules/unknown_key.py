"""PL201 unknown-key: a key is not known here.

What: Only the keys of the plan language are allowed; the nearest one is suggested, and `validate --fix` takes it.

Why: A misspelt key would otherwise be ignored, and with it what it was meant to say.

Fails:
    steps:
      - key: build
        runs: make

Passes:
    steps:
      - key: build
        run: make
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
