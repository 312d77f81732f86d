"""PL210 unquoted-number: text is written as a number or a word of YAML.

What: Where text is expected, `3.10`, `1` and `true` must be in quotes. `validate --fix` puts them there as they are
written.

Why: YAML reads 3.10 as the number 3.1.

Fails:
    steps:
      - key: test
        foreach: {python: [3.9, 3.10]}

Passes:
    steps:
      - key: test
        foreach: {python: ["3.9", "3.10"]}
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
