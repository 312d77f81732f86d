r"""PL121 escaped-control: an escape makes a character that no text can hold.

What: In double quotes, `\0`, `\x1b` and lone surrogates like `\ud800` are refused.

Why: No file name, variable or command can hold them.

Fails:
    steps:
      - key: build
        run: "echo \0"

Passes:
    steps:
      - key: build
        run: "echo 0"
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
