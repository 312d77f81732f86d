"""PL208 too-many: a text or list is too long.

What: Names have at most 200 characters, other lists and texts their own limits; the help names them.

Why: Longer ones are cut by the platform, or fill the compiled plan.

Fails:
    steps:
      - key: build
        name: very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very very long

Passes:
    steps:
      - key: build
        name: Not long
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
