"""PL113 several-documents: the file holds several documents.

What: A file in `specs/` is one plan; `---` begins another document.

Why: Readers that take only the first would not see the others.

Fails:
    steps:
      - key: build
    ---
    steps: []

Passes:
    steps:
      - key: build
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
