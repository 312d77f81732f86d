"""PL110 alias: a value is repeated by alias.

What: `*name` repeats a value defined elsewhere. Plans have no aliases; write the value out, or use `defaults` or
`foreach`.

Why: Ten lines of nested aliases stand for a billion values.

Fails:
    steps:
      - key: build
        env: &shared {CI: "1"}
      - key: test
        env: *shared

Passes:
    defaults: {env: {CI: "1"}}
    steps:
      - key: build
      - key: test
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
