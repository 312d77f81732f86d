"""PL212 unknown-schema: the file states a schema that is not known.

What: A plan begins with `schema: planloom/plan/v1`; `specs/planloom.yaml` with `schema: planloom/project/v1`.

Why: A later version of the language may mean something else by the same words.

Fails:
    schema: planloom/plan/v9
    id: demo
    name: Demo
    version: 1.0.0
    steps:
      - key: build

Passes:
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
