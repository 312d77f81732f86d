"""Tampering: what an attacker does to a history, with and without keys."""

from __future__ import annotations

import dataclasses

from planloom.core import canonical
from planloom.records import envelope
from planloom.records.record import Record, genesis
from planloom.trust import checkpoint
from planloom.trust.audit.history import History
from trust.histories import ANN, CI, EVE, ORIGIN, YOU

SIGNERS = {key.key_id: key for key in (YOU, CI, ANN, EVE)}


def replace(value, **fields):
    """Return a value of ours with some fields changed."""
    return value._replace(**fields) if isinstance(value, tuple) else dataclasses.replace(value, **fields)


def record_paths(files):
    return [path for path in sorted(files) if checkpoint.is_record_path(path)]


def read(content):
    return Record.from_payload(envelope.decode(content).payload)


def signer_of(content):
    return SIGNERS[envelope.decode(content).key_id]


def with_files(history, **changes):
    """Return the history with files put in (bytes) or taken out (None)."""
    files = dict(history.files) | changes
    return History({path: content for path, content in sorted(files.items()) if content is not None})


def put(history, changes):
    return with_files(history, **changes)


def resealed(history, path, signer=None, **fields):
    """One record changed and signed again, nothing else adapted."""
    content = history.files[path]
    changed = replace(read(content), **fields)
    return put(history, {path: (signer or signer_of(content)).seal(changed.to_payload())})


def reforged(history, edits, *, signed=True, drop=()):
    """Records changed by someone who holds all keys: later records adapted and signed again, the checkpoint too.

    `edits` maps a path to a function from record to record; `drop` are paths that are left out, their chains numbered anew.
    """
    files = {p: c for p, c in history.files.items() if not p.startswith("artifacts/exports/")}
    order = sorted(record_paths(files), key=lambda p: (read(files[p]).at, p))
    renamed: dict[str, str] = {}
    ends: dict[str, tuple[int, str]] = {}
    result = {p: c for p, c in files.items() if p not in order}
    for path in order:
        if path in drop:
            continue
        payload = envelope.decode(files[path]).payload
        before = canonical.digest(payload)
        text = payload.decode()
        for old, new in renamed.items():
            text = text.replace(old, new)
        record = Record.from_payload(text.encode())
        edit = edits.get(path)
        signer = signer_of(files[path])
        if edit is not None:
            changed = edit(record)
            record, signer = (changed, signer) if isinstance(changed, Record) else changed
        index, previous = ends.get(record.chain, (0, genesis(record.chain)))
        record = replace(record, index=index + 1, previous=previous)
        payload = record.to_payload()
        after = canonical.digest(payload)
        renamed[before] = after
        ends[record.chain] = (index + 1, after)
        folder = path.rpartition("/")[0]
        result[f"{folder}/{index + 1:06d}.json"] = signer.seal(payload)
    return checkpointed(History(result)) if signed else History(dict(sorted(result.items())))


def added(history, record, folder, signer=CI, *, signed=True):
    """One more record at the end of its chain."""
    path = f"artifacts/{folder}/{record.chain}/{record.index:06d}.json"
    found = put(history, {path: signer.seal(record.to_payload())})
    return checkpointed(found) if signed else found


def checkpointed(history, signer=CI):
    """The history with a new checkpoint over whatever is in it."""
    files = {p: c for p, c in history.files.items() if not p.startswith("artifacts/exports/")}
    head, leaves = checkpoint.build_checkpoint(files, b"", ORIGIN, signer)
    return History(dict(sorted((files | {checkpoint.CHECKPOINT_PATH: head, checkpoint.LEAVES_PATH: leaves}).items())))


def following(history, path, **fields):
    """A record that follows the one at `path` in its chain, like it but for `fields`."""
    content = history.files[path]
    record = read(content)
    digest = canonical.digest(envelope.decode(content).payload)
    return replace(record, index=record.index + 1, previous=digest, nonce="f" * 32, **fields)


LEFT_OUT = {
    "E_KEY": "a command stops at a key that it can't use, before there is a file to verify: no finding has this code",
}
"""The codes whose findings may lack field, expected or found, and why."""


def says_all(finding):
    """Whether a program is told which part of the file is wrong, what belongs there and what is there."""
    return finding.code in LEFT_OUT or bool(finding.field and finding.expected and finding.found)


def unsaid(findings):
    return [f"{finding.code} {finding.path}: {finding.message}" for finding in findings if not says_all(finding)]
