"""PL304 foreach-too-big: foreach makes too many steps.

What: One `foreach` makes at most 1,024 steps, all axes multiplied.

Why: Axes multiply quickly; ten lines must not make a million steps.

Fails:
    steps:
      - key: build
        foreach:
          a: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]
          b: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32"]

Passes:
    steps:
      - key: build
        foreach:
          a: ["1", "2"]
          b: ["1", "2"]
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
