r"""PL115 big-file: the file is too big.

What: A plan file has at most 40 MiB, room for 100,000 steps.

Why: Reading must cost a bounded time, whatever a pull request brings.

Fails (bytes):
    b"# padding padding padding padding padding padding padding padd\n" * 700000

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
