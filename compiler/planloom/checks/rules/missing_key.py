"""PL202 missing-key: a key is missing.

What: A plan has schema, id, name, version and steps; a step has a key.

Why: What refers to the thing needs its name, and a signed record its version.

Fails:
    steps:
      - name: Build
        run: make

Passes:
    steps:
      - key: build
        name: Build
        run: make
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
