r"""PL106 hidden-character: the file holds a character that editors do not show.

What: Marks that turn the direction of text, a byte order mark in the middle, and line ends other than LF and CRLF are
refused.

Why: With them a command can look different from what it does (CVE-2021-42574).

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: Build \xe2\x80\xaegnihton\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    name: Build nothing\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
