"""planloom: plans in YAML, carried out in CI, with evidence that anyone can verify offline."""

from typing import Final

VERSION: Final = "0.1.0"
