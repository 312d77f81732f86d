"""Chains: every record lies where it says it belongs, follows from the one before, and is there once."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.records.bodies import FOLDERS
from planloom.records.record import genesis
from planloom.trust.audit.findings import Finding
from planloom.trust.audit.history import ARTIFACTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.ledger.layout import Place
    from planloom.records.record import Record
    from planloom.records.signed import Signed
    from planloom.trust.audit.history import Chain
    from planloom.trust.checkpoint import Leaf

_RESERVED: Final = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})
_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What can't be seen or turns text round; fixed ranges, because `str.isprintable` differs between versions of Python."""

_DRIVE: Final = re.compile(r"[A-Za-z]:")


def check_places(opened: Mapping[str, Signed], places: Mapping[str, Place]) -> Iterator[Finding]:
    """Yield records that lie where another belongs, speak of another work item, or are there twice."""
    seen: dict[str, str] = {}
    nonces: dict[str, str] = {}
    for path, signed in opened.items():
        record = signed.record
        place = places[path]
        is_home = (place.chain, place.index, place.folder) == (record.chain, record.index, FOLDERS[record.event])
        if signed.digest in seen:
            message = f"the same record lies in {seen[signed.digest]} too"
            yield Finding(
                "E_CHAIN_REPLAY", path, message, "payload", f"another than that of {seen[signed.digest]}", signed.digest
            )
        elif not is_home:
            expected = f"{FOLDERS[record.event]}/{record.chain} #{record.index}"
            found = f"{place.folder}/{place.chain} #{place.index}"
            message = f"this record belongs in {FOLDERS[record.event]}/{record.chain} as number {record.index}"
            yield Finding("E_CHAIN_FOREIGN", path, message, "chain", found, expected)
        elif not _is_own_item(record):
            message = f"the record speaks of work item {record.work_item}"
            yield Finding("E_WORK_ITEM", path, message, "workItem", record.chain.partition("/")[0], record.work_item)
        elif not _is_own_step(record):
            message = "the record speaks of another step than its chain"
            yield Finding(
                "E_CHAIN_FOREIGN", path, message, "step", _own_step(record) or "none", record.step.key if record.step else "none"
            )
        elif record.nonce in nonces:
            message = f"it has the nonce of {nonces[record.nonce]}"
            yield Finding("E_CHAIN_REPLAY", path, message, "nonce", "one that no other record has", record.nonce)
        seen.setdefault(signed.digest, path)
        nonces.setdefault(record.nonce, path)


def _is_own_item(record: Record) -> bool:
    owner = record.chain.partition("/")[0]
    return owner in (names.RESOURCE_CHAINS, record.work_item)


def _is_own_step(record: Record) -> bool:
    return _own_step(record) == (record.step.key if record.step is not None else "")


def _own_step(record: Record) -> str:
    """Return the step that a chain is about, "" for one of a work item or resource."""
    owner, _, name = record.chain.partition("/")
    return "" if owner == names.RESOURCE_CHAINS or name == names.ITEM_CHAIN else name.removeprefix(names.GATE_PREFIX)


def check_links(chains: Mapping[str, Chain], leaves: Mapping[str, Leaf]) -> Iterator[Finding]:
    """Yield what is missing in the middle of a chain, what is there twice, and what does not follow from the record before."""
    for chain in chains.values():
        yield from _check_gaps(chain, leaves)
        previous: Signed | None = None
        index = 0
        for slot in chain.slots:
            if slot.index == index:
                message = f"number {index} of {chain.name} is there twice"
                yield Finding("E_CHAIN_FORK", slot.path, message, "index", f"{index} once", f"{index} twice")
                continue
            follows = slot.index == index + 1
            expected = genesis(chain.name) if index == 0 else previous.digest if previous is not None else ""
            if slot.signed is not None and follows and expected and slot.signed.record.previous != expected:
                message = f"it does not follow from the record before it in {chain.name}"
                yield Finding("E_CHAIN_FORK", slot.path, message, "previous", expected, slot.signed.record.previous)
            previous, index = slot.signed, slot.index


def _check_gaps(chain: Chain, leaves: Mapping[str, Leaf]) -> Iterator[Finding]:
    for number in chain.missing:
        ends = f"/{chain.name}/{number:06d}.json"
        known = next((path for path in leaves if path.endswith(ends)), f"{ARTIFACTS}*{ends}")
        message = f"record {number} of {chain.name} is missing, although later ones are there"
        after = min(slot.index for slot in chain.slots if slot.index > number)
        yield Finding("E_CHAIN_GAP", known, message, "index", str(number), str(after))


def check_subjects(opened: Mapping[str, Signed]) -> Iterator[Finding]:
    """Yield records whose outputs have names that could lead out of a workspace, or that collide on some file system."""
    for path, signed in opened.items():
        folded: set[str] = set()
        for subject in signed.record.subjects:
            if not is_safe_name(subject.name):
                message = "an output's name leads out of the workspace or is no file's name everywhere"
                yield Finding("E_SUBJECT_PATH", path, message, "subject", "a path below the workspace", ascii(subject.name))
            elif _folded(subject.name) in folded:
                message = "two outputs have the same name"
                yield Finding("E_SUBJECT", path, message, "subject", "a name that no other output has", ascii(subject.name))
            folded.add(_folded(subject.name))


@lru_cache(maxsize=4096)
def _folded(name: str) -> str:
    """Return what a file system that ignores case and ways of writing a letter takes the name for."""
    return unicodedata.normalize("NFKC", name).casefold()


@lru_cache(maxsize=4096)
def is_safe_name(name: str) -> bool:
    """Return whether an output may be called this: a relative path without tricks, on every file system."""
    if not name or len(name) > 1024 or "\\" in name or _DRIVE.match(name) or _HIDDEN.search(name):
        return False
    if not unicodedata.is_normalized("NFC", name):
        return False
    parts = name.split("/")
    return all(
        part not in {"", ".", ".."}
        and part.lower() != ".git"
        and not part.endswith((" ", "."))
        and not part.startswith(" ")
        and part.split(".", 1)[0].lower() not in _RESERVED
        for part in parts
    )
