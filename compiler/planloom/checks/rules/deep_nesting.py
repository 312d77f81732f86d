r"""PL114 deep-nesting: the file is nested too deeply.

What: Lists and mappings nest at most 32 deep.

Why: A plan nests 8 deep; more is a mistake or an attack on the parser.

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    run: " + b"[" * 40 + b"\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
