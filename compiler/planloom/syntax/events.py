"""YAML events: ruamel's C parser where it is installed, its Python parser where it is not, one stream for both.

This is the only door to ruamel. libyaml refuses some text that YAML 1.2 allows (`[http://x:80/y]`), so that a refusal of the C
parser is not the last word: `reader` asks the other one, which also words the message. The one thing that libyaml takes and the
Python parser does not is a tab between tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

try:
    from _ruamel_yaml import CParser  # type: ignore[import-not-found] # a C module without stubs
except ImportError:  # PyPy, or a platform without a wheel of ruamel.yaml.clib
    CParser = None

if TYPE_CHECKING:
    from collections.abc import Callable

Event: TypeAlias = Any
"""ruamel's event classes, whose attributes are set dynamically."""

HAS_C_PARSER: Final = CParser is not None

__all__ = [
    "HAS_C_PARSER",
    "AliasEvent",
    "DocumentEndEvent",
    "DocumentStartEvent",
    "Event",
    "MappingEndEvent",
    "MappingStartEvent",
    "MarkedYAMLError",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "StreamEndEvent",
    "StreamStartEvent",
    "YAMLError",
    "c_events",
    "pure_events",
]


def c_events(text: str) -> Callable[[], Event]:
    """Return a function that gives the next event of libyaml; only when HAS_C_PARSER."""
    next_event: Callable[[], Event] = CParser(text.encode("utf-8")).get_event
    return next_event


def pure_events(text: str) -> Callable[[], Event]:
    """Return a function that gives the next event of ruamel's Python parser."""
    from ruamel.yaml import YAML

    next_event: Callable[[], Event] = iter(YAML(typ="safe", pure=True).parse(text)).__next__
    return next_event
