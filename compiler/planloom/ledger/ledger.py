"""What a ledger is: chains of entries, read together, appended to by compare-and-swap.

A ledger stores bytes; it knows neither signatures nor events. Entry *i* of a chain (1-based) is written once and never
changed. No append is ever half visible, in one chain or across several.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS: Final = ("claims", "gates", "handoff", "reverts", "work-items")
"""Where entries lie in `artifacts/`, sorted. An entry's folder is chosen by its event (`records.bodies.FOLDERS`)."""


class Head(NamedTuple):
    """Where a chain ends: the number of entries, and a token that names the last one's exact bytes ("" when empty)."""

    index: int  # type: ignore[assignment] # the word of the format; nobody asks a head for tuple.index
    token: str


EMPTY: Final = Head(0, "")
NOTHING: Final[Mapping[str, Head]] = MappingProxyType({})


class Entry(NamedTuple):
    """One entry: the folder it lies in, its bytes, and files that belong to it (name → bytes), kept beside it."""

    folder: str
    content: bytes
    attachments: Mapping[str, bytes] = MappingProxyType({})


class Chain(NamedTuple):
    """A chain as read: entries in order (attachments are not loaded) and the head to append after."""

    name: str
    entries: tuple[Entry, ...] = ()
    head: Head = EMPTY


class Append(NamedTuple):
    """One entry to be appended after `expected`."""

    expected: Head
    entry: Entry


class Won(NamedTuple):
    """Every entry was appended; the new heads."""

    heads: Mapping[str, Head]


class Lost(NamedTuple):
    """Nothing was appended: some chain had moved on. Read again and decide again."""

    chains: tuple[str, ...]


Outcome: TypeAlias = Won | Lost


class Ledger(Protocol):
    """Where chains live."""

    def describe(self) -> str:
        """Return where this is, for people: `files artifacts/`, `git origin`."""
        ...

    def items(self) -> tuple[str, ...]:
        """Return every work item id that has an `_item` chain, sorted."""
        ...

    def read(self, names: Sequence[str]) -> dict[str, Chain]:
        """Return chains as of one moment.

        Shape: a name ending in `/` means every chain below it (`release-1/`), any other name one chain; a named chain that does
        not exist comes back empty. Sorted by name. Raises: StoreError when anything can't be read
        or an entry is missing in the middle; TrustError when a chain was rewound.
        """
        ...

    def append(self, entries: Mapping[str, Append], unmoved: Mapping[str, Head] = NOTHING) -> Outcome:
        """Append to several chains, all or nothing, if they and those of `unmoved` still end where they were read. Durable when it returns `Won`.

        Shape: `unmoved` are chains that have entries and get none now: what was decided rests on them. Of two appends of which each
        writes what the other one rests on, files and memory let only one through. Git compares such a chain with what the server says
        when the push begins: of two pushes at the same moment both may win, as if either had come first.
        Raises: StoreError when the store refuses or can't be reached (then nothing is known to be written).
        """
        ...

    def attachment(self, chain: str, index: int, name: str) -> bytes:
        """Return one file that belongs to an entry. Raises: StoreError when there is none."""
        ...
