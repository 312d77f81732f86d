"""PL303 foreach-collision: foreach makes a key that is taken or can't be one.

What: `build` for python 3.12 becomes `build-3-12`: values are lowered, everything but letters and digits becomes a
hyphen. The results must differ from each other and from all other keys.

Why: Two steps with one key would share their claims.

Fails:
    steps:
      - key: build
        foreach: {version: ["1.0", "1-0"]}

Passes:
    steps:
      - key: build
        foreach: {version: ["1.0", "1.1"]}
"""

from planloom.checks.rule import found_early

RULE = found_early(__doc__)
