"""PL108 duplicate-key: a mapping has a key twice.

What: A key stands once in a mapping; the first one is shown as well.

Why: Which of the two counts differs between readers; the reviewer sees one, the machine takes the other.

Fails:
    steps:
      - key: build
        run: make
        run: make install

Passes:
    steps:
      - key: build
        run: make install
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
