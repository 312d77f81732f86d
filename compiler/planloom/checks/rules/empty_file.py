r"""PL117 empty-file: the file is empty.

What: A file in `specs/` holds a plan; comments alone are none, and neither is `null`.

Why: An empty plan is more likely a file that was not saved than a wish to do nothing.

Fails (bytes):
    b"# to be written\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
