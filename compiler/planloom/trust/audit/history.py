"""A history: the files that a verifier looks at, and the chains that their paths tell of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.ledger.layout import CHAIN_REFS, Place, parse_path
from planloom.ledger.ledger import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.signed import Signed
    from planloom.trust.audit.findings import Finding

ARTIFACTS: Final = "artifacts/"
WORKFLOWS: Final = ".github/workflows/"


@dataclass(frozen=True, slots=True)
class History:
    """Everything there is to verify: path relative to the project → bytes.

    `notes` say what of it could not be brought along, `breaks` what is wrong with where it was read from, `source` what that is: directory, clone or bundle; `places` says for each path among the records which entry or attachment it is. Of the files the verifier reads `artifacts/`, `specs/trust/`, `specs/*.yaml`, the compiled plans below `generated/` and the compiled workflows; other paths mean nothing to it.
    """

    files: Mapping[str, bytes]
    notes: tuple[str, ...] = field(default=(), compare=False)
    breaks: tuple[Finding, ...] = ()
    source: str = field(default="directory", compare=False)
    places: Mapping[str, Place] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        found = ((path, place_of(path)) for path in sorted(self.files))
        object.__setattr__(self, "places", {path: place for path, place in found if place is not None})

    def records(self) -> dict[str, Place]:
        """Return the record files and where they lie, sorted by path."""
        return {path: place for path, place in self.places.items() if not place.attachment}

    def only(self, item: str) -> History:
        """Return the history of one work item: its records and whatever is not a work item's."""
        kept = {p: c for p, c in self.files.items() if item_of(p) in {item, names.RESOURCE_CHAINS, ""}}
        breaks = tuple(f for f in self.breaks if item_of(f.path) in {item, names.RESOURCE_CHAINS, ""})
        return History(kept, self.notes, breaks, self.source)

    def items(self) -> tuple[str, ...]:
        """Return the work items that have a record, sorted."""
        owners = {place.chain.partition("/")[0] for place in self.places.values()}
        return tuple(sorted(owners - {"", names.RESOURCE_CHAINS}))

    def strangers(self) -> tuple[str, ...]:
        """Return the files that lie among the records and are none, sorted."""
        return tuple(sorted(path for path in self.files if is_among_records(path) and path not in self.places))


def place_of(path: str) -> Place | None:
    """Return which entry or attachment lies at a path, None when it is neither."""
    return parse_path(path.removeprefix(ARTIFACTS)) if path.startswith(ARTIFACTS) else None


def is_among_records(path: str) -> bool:
    """Return whether a path lies in a folder that is kept for records; what people may keep at its top does not count."""
    parts = path.split("/")
    return len(parts) > 3 and parts[0] == "artifacts" and parts[1] in FOLDERS


def item_of(path: str) -> str:
    """Return the work item (or `_resource`) in whose part of `artifacts/`, or below whose refs, a path lies, "" when in none."""
    if path.startswith(CHAIN_REFS):
        return path.removeprefix(CHAIN_REFS).partition("/")[0]
    return path.split("/")[2] if is_among_records(path) else ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a chain: its number, the file there, and the record, or None when it can't be believed."""

    index: int
    path: str
    signed: Signed | None


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain as its paths tell it, by number; `missing` are the numbers below the last that have no file."""

    name: str
    slots: tuple[Slot, ...]
    missing: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every record up to the last is there and can be believed."""
        return not self.missing and all(slot.signed is not None for slot in self.slots)

    @property
    def item(self) -> str:
        """The work item that it belongs to, or `_resource`."""
        return self.name.partition("/")[0]

    @property
    def step(self) -> str:
        """The step, gate or resource; `_item` for the work item's own chain."""
        return self.name.partition("/")[2]

    def sound(self) -> Iterator[tuple[str, Signed]]:
        """Yield path and record up to the first place that is missing or can't be believed."""
        for number, slot in enumerate(self.slots, start=1):
            if slot.index != number or slot.signed is None:
                return
            yield slot.path, slot.signed

    def without(self, paths: frozenset[str]) -> Chain:
        """Return the chain in which the records at these paths are not believed."""
        slots = tuple(replace(s, signed=None) if s.path in paths else s for s in self.slots)
        return replace(self, slots=slots)


def group_chains(paths: Mapping[str, Place], opened: Mapping[str, Signed]) -> dict[str, Chain]:
    """Return the chains by name, sorted. `opened` has the records that could be believed, by path."""
    slots: dict[str, list[Slot]] = {}
    for path in sorted(paths):
        place = paths[path]
        slots.setdefault(place.chain, []).append(Slot(place.index, path, opened.get(path)))
    chains = {}
    for name in sorted(slots):
        there = sorted(slots[name], key=lambda slot: (slot.index, slot.path))
        numbers = {slot.index for slot in there}
        missing = tuple(i for i in range(1, there[-1].index) if i not in numbers) if len(numbers) != there[-1].index else ()
        chains[name] = Chain(name, tuple(there), missing)
    return chains
