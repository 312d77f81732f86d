"""Nodes: a YAML document as data in which every key and value knows its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.diagnostics import Span


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A string, integer, float, boolean or null of the YAML 1.2 core schema."""

    value: str | int | float | bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping in the order of the file; `key_spans` has the place of each key."""

    entries: Mapping[str, Node]
    key_spans: Mapping[str, Span]
    span: Span


Node: TypeAlias = ScalarNode | ListNode | MapNode
