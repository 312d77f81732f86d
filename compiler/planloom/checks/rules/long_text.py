r"""PL116 long-text: a text is too long.

What: One text has at most 262,144 characters.

Why: A command is handed over in an environment variable, which holds less than 128 KiB; longer ones belong in a file
of the repository.

Fails (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    run: " + b"x" * 262145 + b"\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n    run: sh build.sh\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
