r"""PL103 utf-16: the file is UTF-16 or UTF-32.

What: A plan is UTF-8. Some editors save UTF-16 without saying so.

Why: GitHub and most tools show such a file as binary, so nobody would review it.

Fails (bytes):
    b"\xff\xfes\x00c\x00h\x00e\x00m\x00a\x00:\x00"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
