r"""PL105 control-character: the file holds a control character.

What: NUL, escape and other control characters are not text. Tabs and line ends are allowed where YAML allows them.

Why: Terminals act on them, so a reviewer sees something else than what runs.

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: Build\x1b[2K\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: Build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
