"""PL101 syntax-error: the file is not YAML.

What: A plan is YAML 1.2. The place is where the parser could not go on; a second place says in what it was at that
moment.

Why: Nothing in the file can be read with certainty.

Fails:
    steps:
      - key: build
        name: Build: the wheels

Passes:
    steps:
      - key: build
        name: "Build: the wheels"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
