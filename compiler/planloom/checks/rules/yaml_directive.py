r"""PL118 yaml-directive: the file has a YAML directive.

What: Lines like `%YAML 1.1` before the document are refused.

Why: They change what words like `no` mean, but not for every reader.

Fails (bytes):
    b"%YAML 1.1\n---\n" + b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"

Passes (bytes):
    b"schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\nsteps:\n  - key: build\n"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
