"""A verification as text, for the terminal. `verification_formats` has the other forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.report.table import printable, write_columns
from planloom.trust.audit.history import item_of
from planloom.trust.policy import KEY_ID, SIGNATURE
from planloom.trust.verify import BROKEN, VERIFIED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from planloom.trust.audit.findings import Finding
    from planloom.trust.audit.summary import GatedUse, ItemSummary
    from planloom.trust.verify import Verification

_SHOWN: Final = 3
_NOTES: Final = 10
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "opened": ("opened", "opened"),
    "claimed": ("claim", "claims"),
    "": ("result", "results"),
    "approved": ("approval", "approvals"),
    "rejected": ("rejection", "rejections"),
    "abandoned": ("claim given up", "claims given up"),
    "retried": ("retry granted", "retries granted"),
    "integrated": ("integration", "integrations"),
    "reverted": ("revert", "reverts"),
    "invalidated": ("invalidation", "invalidations"),
    "migrated": ("migration", "migrations"),
    "closed": ("closed", "closed"),
    "acquired": ("taken", "taken"),
    "released": ("given back", "given back"),
}
_SAID: Final = frozenset({KEY_ID, SIGNATURE, "signature", "the file", "payload", "the text"})
"""Parts of a file of which the message says already all that a person can compare; programs get the values (`--format json`)."""

_RESULTS: Final[Mapping[str, str]] = {"completed": "ok", "failed": "failed", "superseded": "superseded", "refused": "late"}


def render_text(verification: Verification, spell: Callable[[str], str] = str) -> str:
    """Return what a person reads: the summary and the verdict, or what is broken; `spell` writes a command as it is to be pasted."""
    if verification.verdict == BROKEN:
        return render_findings(verification.findings) + printable(count_broken(verification)) + "\n"
    blocks = [_item_block(verification, item) for item in verification.items]
    if not blocks:
        blocks = ["no records"]
    return "\n".join([*blocks, write_columns(_last_rows(verification), gap=4), spell(verdict_line(verification))]) + "\n"


def render_findings(findings: Sequence[Finding]) -> str:
    """Return what is broken, file by file."""
    # Names of files and values of records are anybody's: none may steer the terminal, or begin a line that looks like ours.
    return "".join(f"{printable(line)}\n" for line in _broken_lines(findings))


def _last_rows(verification: Verification) -> list[tuple[str, str]]:
    shown = verification.notes[:_NOTES]
    if len(verification.notes) > _NOTES:
        shown = (*shown, f"{len(verification.notes) - _NOTES} more; --format json lists them all")
    return [("checkpoint", checkpoint_line(verification)), *(("note", note) for note in shown)]


def verdict_line(verification: Verification) -> str:
    """Return the last line: the verdict, and what it rests on."""
    root = describe_root(
        verification.root, verification.source, is_pinned=verification.is_pinned, is_successor=verification.is_successor
    )
    if verification.verdict == VERIFIED:
        since = " and the checkpoint contains the one you had" if verification.has_since else ""
        more = (
            "" if verification.has_since else " Keep a copy of the checkpoint: --since shows that nothing was removed after it."
        )
        return f"Verified. {root}{since}.{more}"
    if verification.is_pinned:
        return f"Self-consistent. {root}, but there is no checkpoint: planloom export signs one."
    return f"Self-consistent. {root}; pin it with --root-key to call this verified."


def describe_root(digest: str, source: str, *, is_pinned: bool, is_successor: bool) -> str:
    """Return what the trust root rests on: the caller's word, or only the `source` (directory, clone, bundle) that it lies in."""
    where = f"comes from this {source}"
    if is_pinned:
        where = "follows, change by signed change, from the one you gave" if is_successor else "is the one you gave"
    return f"The trust root sha256:{digest} {where}"


def checkpoint_line(verification: Verification) -> str:
    """Return what the checkpoint covers and who signed it."""
    log = verification.log
    if log is None:
        return "none: records cut off at the end of a chain would not be missed"
    newer = f"; {verification.newer} newer" if verification.newer else ""
    key = f"{log.signer.name} ({log.signer.key.key_id[:8]})"
    return f"{_count(log.head.size, 'record', 'records')}, root {log.head.root_text[:6]}…, signed by {key}{newer}"


def count_broken(verification: Verification) -> str:
    """Return how much is broken, in one sentence or two."""
    records, others = verification.broken_records, verification.broken_files
    said = []
    if records:
        said.append(f"{len(records)} of {_count(verification.known_records, 'record', 'records')} {_is(len(records))} broken.")
    if others:
        shown = ", ".join(others[:_SHOWN]) + (f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else "")
        said.append(
            f"{len(others)} {'other ' if records else ''}{'file' if len(others) == 1 else 'files'} {_is(len(others))} broken: {shown}."
        )
    return " ".join(said)


def count_events(item: ItemSummary) -> str:
    """Return `1 opened, 6 claims, 6 results (5 ok, 1 failed), 1 approval`."""
    results = {event: n for event, n in item.events.items() if event in _RESULTS}
    counts = {event: n for event, n in item.events.items() if event not in _RESULTS} | {"": sum(results.values())}
    parts = []
    for event, (one, many) in _WORDS.items():
        if counts.get(event):
            said = _count(counts[event], one, many)
            if event == "":
                said += f" ({', '.join(f'{results[e]} {word}' for e, word in _RESULTS.items() if e in results)})"
            parts.append(said)
    return ", ".join(parts)


def describe_inputs(item: ItemSummary) -> str:
    """Return what the gated steps used and who approved it, or that every step used what was handed on."""
    if not item.gated:
        return "every step used exactly what the steps before it handed on"
    shown = "; ".join(_describe_use(use) for use in item.gated[:_SHOWN])
    return shown + (f"; {len(item.gated) - _SHOWN} more steps likewise" if len(item.gated) > _SHOWN else "")


def _item_block(verification: Verification, item: ItemSummary) -> str:
    if item.id == names.RESOURCE_CHAINS:
        head = f"resources   {_count(item.files, 'record', 'records')}: {count_events(item)}"
        rows = [("order", "never held beyond what there is")]
    else:
        head = f"{item.id}   {_count(item.files, 'record', 'records')}: {count_events(item)}"
        rows = [("order", "every claim once, every result after its claim, nothing missing in the middle")]
        rows.append(("inputs", describe_inputs(item)))
    signed = f"{item.believed} of {item.files} by keys that the policy lets sign them"
    if verification.policy is not None and verification.policy.allow_self_approval:
        signed += "; the policy lets people approve their own work"
    return f"{head}\n{write_columns([('signatures', signed), *rows], gap=4)}"


def _describe_use(use: GatedUse) -> str:
    who = _join(use.approvers)
    if not use.outputs:
        return f"{use.step} was approved by {who}, for exactly what it was built on"
    makers = list(dict.fromkeys(step for _, step in use.outputs))
    if len(use.outputs) > _SHOWN:
        return f"{use.step} used the {len(use.outputs)} outputs of {_join(makers)}, approved by {who}"
    made = _join([f"the {name} that {step} made" for name, step in use.outputs])
    return f"{use.step} used {made} and that {who} approved"


def _broken_lines(findings: Sequence[Finding]) -> list[str]:
    lines: list[str] = []
    path = ""
    for finding in findings:
        if finding.path != path:
            path = finding.path
            lines.append(path)
        lines.append(f"  {finding.code}  {finding.message}")
        difference = describe_difference(finding)
        if difference:
            lines.append(f"  {difference}")
        if finding.also:
            lines.append(f"  also: {'; '.join(finding.also)}")
    return lines


def describe_difference(finding: Finding) -> str:
    """Return `previous: expected 1f…, found 2a…`; "" when the message says already all that a person can compare."""
    if finding.field in _SAID or not (finding.expected or finding.found):
        return ""
    expected, found = shown_values(finding)
    parts = [f"expected {expected}"] if expected else []
    parts += [f"found {found}"] if found else []
    return f"{finding.field + ': ' if finding.field else ''}{', '.join(parts)}"


def shown_values(finding: Finding) -> tuple[str, str]:
    """Return what was expected and what was found, cut to what a person compares."""
    expected, found = _short(finding.expected), _short(finding.found)
    # When both look the same, what differs lies in what was cut off.
    return (finding.expected, finding.found) if expected == found else (expected, found)


def _short(text: str) -> str:
    """Return a long value cut to what a person compares."""
    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return f"{text[:12]}…"
    return text if len(text) <= 100 else f"{text[:99]}…"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nobody"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def findings_of_item(verification: Verification, item: str) -> tuple[Finding, ...]:
    """Return what is broken in the records of one work item."""
    return tuple(f for f in verification.findings if item_of(f.path) == item)
