"""PL109 anchor: a value has an anchor.

What: `&name` names a value so that it can be repeated. Plans have no anchors; use `defaults` or `foreach`.

Why: Repetition that is not visible where it takes effect is hard to review, and nested repetition grows without
bound.

Fails:
    steps:
      - key: build
        env: &shared {CI: "1"}

Passes:
    defaults: {env: {CI: "1"}}
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
