r"""PL102 not-utf-8: the file holds bytes that are not UTF-8.

What: A plan is UTF-8 without exception.

Why: Another reader would see other text, and what is signed must mean one thing.

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: caf\xe9\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: caf\xc3\xa9\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
