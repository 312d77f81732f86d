"""Verifying a history: offline, from its files alone, believing nothing that no key of the policy signed.

1.  The trust policy reads, its versions follow from one another, and its root signed each (`policyfiles`).
2.  The trust root is the one that the caller pinned, and the policy no older than the version that the caller knows, when these are given.
3.  The checkpoint is signed by the log's key, and its list of leaves has its root (`audit.log`).
4.  Every record is an envelope, signed by a key that may sign it (`audit.records`).
5.  Every record lies in its place, follows from the one before, is there once, and no file is a stranger (`audit.links`); in a mirror
    no ref lacks what was copied from it (`mirror`).
6.  The plans that lie beside openings and migrations are the signed ones; records name these plans and steps; compiled plans in
    `generated/` hold together (`audit.bound`, `audit.items`, `audit.compiled`).
7.  Every chain is one that the state machine allows; every result is its claim's (`audit.steps`).
8.  Claims build on the handoffs that counted, with the approvals that their gates ask for (`audit.claims`).
9.  What was taken back was taken back everywhere; work items close over finished work (`audit.reworks`, `audit.items`).
10. Shared resources were never held beyond their capacity (`audit.resources`).
11. Stated times do not run backwards (`audit.times`).
12. Nothing that the checkpoint lists is gone or changed; it contains the older one that the caller had (`audit.log`).
13. The portfolio says what the records in the checkpoint say (`audit.portfolio`).
14. Outputs on disk are those that were handed on, when a folder is given (`audit.outputs`).
15. The verdict: broken when anything is; verified when the root was pinned and there is a checkpoint; else self-consistent.

Not proven by any of this: that a runner told the truth about what it ran, who sat at the keyboard, and when. The summary keeps
what is proven apart from what is stated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from planloom.core import names
from planloom.core.collector import paused_collector
from planloom.core.errors import TrustError
from planloom.trust.audit.bound import read_plans
from planloom.trust.audit.claims import check_claims, own_approvals
from planloom.trust.audit.compiled import compare_sources, read_compiled
from planloom.trust.audit.consequences import explain
from planloom.trust.audit.evidence import Evidence
from planloom.trust.audit.findings import Finding, stranger
from planloom.trust.audit.history import History, group_chains, item_of, place_of
from planloom.trust.audit.items import check_closing, check_plans_named, fold_items
from planloom.trust.audit.links import check_links, check_places, check_subjects
from planloom.trust.audit.log import Log, check_log, check_since, read_log
from planloom.trust.audit.outputs import check_outputs, skipped_outputs
from planloom.trust.audit.portfolio import check_portfolio
from planloom.trust.audit.records import find_places, open_records
from planloom.trust.audit.resources import check_resources
from planloom.trust.audit.reworks import check_reworks
from planloom.trust.audit.steps import check_baselines, fold_steps
from planloom.trust.audit.summary import ItemSummary, summarise
from planloom.trust.audit.times import check_times
from planloom.trust.checkpoint import LEAVES_PATH
from planloom.trust.policyfiles import POLICY_PATH, TRUST_FOLDER, open_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from planloom.state.item import ItemState
    from planloom.trust.policy import Policy
    from planloom.trust.policyfiles import PolicyChain

VERIFIED: Final = "verified"
SELF_CONSISTENT: Final = "self-consistent"
BROKEN: Final = "broken"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a verifier beside the files.

    Shape: `roots` pin the trust root (`PolicyChain.anchored_by`), () for none; `policy_version` is the lowest version of the policy that is
    accepted; `since` is an older checkpoint's file, b"" for none; `item` limits the check
    to one work item, "" for all; `digest_of` finds outputs on disk (`audit.outputs`), None to leave them out; `workers` are threads.
    """

    roots: tuple[str, ...] = ()
    policy_version: int = 0
    since: bytes = b""
    item: str = ""
    digest_of: Callable[[str], str] | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it.

    Shape: `root` is the trust root's digest ("" when the policy does not hold); `is_successor` when it is not the pinned one itself, but follows from it by signatures; `log` the checkpoint, None without a sound one; `newer` how many records
    it does not cover; `findings` in order, the first one first; `notes` are worth knowing and no breach; `records` counts record files and `present` names them; `source` is where all this was read from (`History`); `evidence` has the records themselves
    (None when the policy does not hold).
    """

    verdict: str
    root: str
    is_pinned: bool
    is_successor: bool
    has_since: bool
    records: int
    items: tuple[ItemSummary, ...]
    log: Log | None
    newer: int
    findings: tuple[Finding, ...]
    policy: Policy | None
    evidence: Evidence | None
    notes: tuple[str, ...] = ()
    present: frozenset[str] = frozenset()
    source: str = "directory"

    @property
    def known_records(self) -> int:
        """How many records there are or were: those that are here, and those that are gone."""
        return len(self.present.union(self.broken_records))

    @property
    def broken_records(self) -> tuple[str, ...]:
        """The record files that are broken or gone, sorted."""
        places = {f.path: place_of(f.path) for f in self.findings}
        return tuple(sorted(path for path, place in places.items() if place is not None and not place.attachment))

    @property
    def broken_files(self) -> tuple[str, ...]:
        """The other files that are broken, sorted."""
        return tuple(sorted({f.path for f in self.findings} - set(self.broken_records)))


def verify(history: History, request: Request) -> Verification:
    """Return what can be believed of a history and what is broken; never raises for what the files hold."""
    with paused_collector():
        return _verify(history, request)


def _verify(history: History, request: Request) -> Verification:
    whole = history
    if request.item:
        history = history.only(request.item)
    chain, findings = _open_policy(whole)  # 1
    findings += history.breaks  # 5
    if chain is None:
        return Verification(
            verdict=BROKEN,
            root="",
            is_pinned=False,
            is_successor=False,
            has_since=bool(request.since),
            records=len(history.records()),
            items=(),
            log=None,
            newer=0,
            findings=tuple(findings),
            policy=None,
            evidence=None,
            present=frozenset(history.records()),
        )
    policy = chain.current
    is_pinned = bool(request.roots)
    findings += check_anchor(chain, request.roots, request.policy_version)  # 2
    log, problems = read_log(whole, policy)  # 3
    findings += problems
    evidence, problems = _gather(history, policy, log, request)  # 4, 5, 6
    findings += problems
    compiled, problems = read_compiled(history)  # 6
    findings += problems
    items, problems = fold_items(evidence)  # 6
    findings += [*problems, *_judge(evidence, items)]  # 6 to 11
    broken = {f.path: f for f in findings}
    if log is not None:  # 12
        lost = list(check_log(_limited(log, request.item), history, broken))
        # What is there and can't be read is not gone; that it can't be read is told already.
        there = {finding.path for finding in history.breaks}
        lost = [finding for finding in lost if finding.code != "E_TRUNCATED" or finding.path not in there]
        findings += lost
        spoiled = {item_of(finding.path) for finding in findings}
        # What the list calls by another path it lists all the same, and the portfolio tells of it.
        covered = {leaf.path for leaf in log.leaves} | {finding.expected for finding in lost if finding.path == LEAVES_PATH}
        findings += check_portfolio(history, evidence, items, covered, spoiled)  # 13
    if request.since:
        findings += check_since(log, request.since, policy)
    notes = [*whole.notes, *compare_sources(history, evidence, compiled), *own_approvals(evidence)]
    if request.digest_of is not None:  # 14
        findings += check_outputs(evidence, request.digest_of)
        notes += skipped_outputs(evidence)
    explained = _explained(findings, evidence, log, history.files)
    listed = {leaf.path for leaf in log.leaves} if log is not None else set()
    return Verification(
        verdict=_verdict(explained, log, is_pinned=is_pinned),  # 15
        root=policy.root_digest,
        is_pinned=is_pinned,
        is_successor=chain.follows_from(request.roots),
        has_since=bool(request.since),
        records=len(history.records()),
        items=tuple(summarise(evidence, item) for item in (*evidence.items(), *_shared(evidence))),
        log=log,
        newer=sum(1 for path in history.records() if path not in listed),
        findings=explained,
        policy=policy,
        evidence=evidence,
        notes=tuple(notes),
        present=frozenset(history.records()),
        source=history.source,
    )


def check_anchor(chain: PolicyChain, roots: Sequence[str], version: int) -> Iterator[Finding]:
    """Yield why a policy is not the one that the caller knows: another trust root, or an older version (`Request`)."""
    policy = chain.current
    if roots and not chain.anchored_by(roots):
        message = "the trust root is not the one that you gave"
        yield Finding("E_ROOT", POLICY_PATH, message, "root", ", ".join(roots), policy.root_digest)
    if policy.version < version:
        message = f"it is version {policy.version}, and you had version {version}: what was revoked since may count again"
        yield Finding("E_ROLLBACK", POLICY_PATH, message, "version", str(version), str(policy.version))


def _open_policy(history: History) -> tuple[PolicyChain | None, list[Finding]]:
    findings: list[Finding] = []

    def tell(path: str, error: TrustError) -> None:
        findings.append(Finding.of(error, path, message=error.message.removeprefix(f"{path}: ")))

    files = {path: content for path, content in history.files.items() if path.startswith(TRUST_FOLDER + "/")}
    try:
        return open_policy(files, tell), findings
    except TrustError as error:
        # A signature that does not hold is the cause of there being too few: it alone is reported.
        if not findings or error.code != "E_ROOT":
            path = error.message.partition(": ")[0]
            where, message = path if path in files else POLICY_PATH, error.message.removeprefix(f"{path}: ")
            findings.append(Finding.of(error, where, message=message))
        return None, findings


def _gather(history: History, policy: Policy, log: Log | None, request: Request) -> tuple[Evidence, list[Finding]]:
    """Open the records, put them into their chains and read the plans beside them; what is broken is left out of the evidence."""
    places = history.records()
    contents = {path: history.files[path] for path in places}
    leaves = log.leaves if log is not None else ()
    opened, broken = open_records(contents, policy, leaves, request.workers)
    findings = [*broken.values()]
    findings += [stranger(path, "this file is no record, and only records lie here") for path in history.strangers()]
    misplaced = list(check_places(opened, places))
    findings += misplaced
    out = {finding.path for finding in misplaced}
    believed = {path: signed for path, signed in opened.items() if path not in out}
    chains = group_chains(places, believed)
    findings += check_links(chains, {leaf.path: leaf for leaf in leaves})
    findings += check_subjects(believed)
    plans, problems = read_plans(history, chains)
    evidence = Evidence(
        policy=policy,
        chains=chains,
        by_digest={signed.digest: signed for signed in believed.values()},
        by_nonce={signed.record.nonce: signed for signed in believed.values()},
        paths={signed.digest: path for path, signed in believed.items()},
        plans=plans,
        only=request.item,
        places=find_places(contents, policy, leaves),
    )
    return evidence, findings + problems


def _judge(evidence: Evidence, items: dict[str, ItemState]) -> Iterator[Finding]:
    """Yield what is wrong with the records' meaning: steps 6 to 11."""
    yield from check_plans_named(evidence)  # 6
    yield from fold_steps(evidence, items)  # 7
    yield from check_baselines(evidence)  # 7
    yield from check_claims(evidence)  # 8
    yield from check_reworks(evidence)  # 9
    yield from check_closing(evidence, items)  # 9
    yield from check_resources(evidence)  # 10
    yield from check_times(evidence)  # 11


def _limited(log: Log, item: str) -> Log:
    """Return the log with the leaves of one work item only; its head is checked already."""
    if not item:
        return log
    return replace(log, leaves=tuple(leaf for leaf in log.leaves if item_of(leaf.path) in {item, names.RESOURCE_CHAINS}))


def _explained(
    findings: Sequence[Finding], evidence: Evidence, log: Log | None, files: Mapping[str, bytes]
) -> tuple[Finding, ...]:
    """Return the findings with their consequences, each once, the earliest break first."""
    believed = set(evidence.paths.values())
    explained = [f if f.path in believed else explain(f, evidence, log, files) for f in dict.fromkeys(findings)]
    return tuple(sorted(explained, key=lambda f: (_when(f.path, evidence), f.path, f.code, f.message)))


def _when(path: str, evidence: Evidence) -> tuple[int, str]:
    """Order findings: files that everything rests on, then records by the time around them, then the rest."""
    if path.startswith(TRUST_FOLDER):
        return (0, "")
    place = place_of(path)
    if place is None:
        return (2, "")
    before, after = _moments(evidence, place.chain, place.index)
    item, _, name = place.chain.partition("/")
    if name == names.ITEM_CHAIN and place.index > 1 and not after:
        # What follows the opening in its chain, a closing above all, comes after the steps.
        return (1, max((at for chain in evidence.of_item(item) for at in _moments(evidence, chain.name, 0)[1]), default=""))
    if before or after:
        return (1, max(before) if before else min(after))
    # Alone in its chain: a gate's record comes about when its step does, any other after the opening.
    for chain in (names.step_chain(item, name.removeprefix(names.GATE_PREFIX)), names.item_chain(item)):
        _, known = _moments(evidence, chain, 0)
        if known:
            return (1, min(known))
    return (1, "")


def _moments(evidence: Evidence, name: str, index: int) -> tuple[list[str], list[str]]:
    """Return the times that the believed records of a chain state, up to a number and after it."""
    chain = evidence.chains.get(name)
    known = [(slot.index, slot.signed.record.at) for slot in chain.slots if slot.signed is not None] if chain is not None else []
    return [at for number, at in known if number <= index], [at for number, at in known if number > index]


def _shared(evidence: Evidence) -> tuple[str, ...]:
    return (names.RESOURCE_CHAINS,) if evidence.of_item(names.RESOURCE_CHAINS) else ()


def _verdict(findings: Sequence[Finding], log: Log | None, *, is_pinned: bool) -> str:
    if findings:
        return BROKEN
    return VERIFIED if is_pinned and log is not None else SELF_CONSISTENT
