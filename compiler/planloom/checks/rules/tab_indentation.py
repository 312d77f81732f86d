r"""PL107 tab-indentation: a line is indented with a tab.

What: YAML indents with spaces only.

Why: How far a tab goes depends on the editor, so the structure would too.

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n\t- key: build\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
