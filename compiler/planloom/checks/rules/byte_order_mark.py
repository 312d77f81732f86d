r"""PL104 byte-order-mark: the file begins with a byte order mark.

What: The three bytes EF BB BF at the beginning are invisible and no part of a plan. `validate --fix` takes them away.

Why: Tools disagree on whether they belong to the text, and digests are over bytes.

Fails (bytes):
    b"\xef\xbb\xbf" + b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
