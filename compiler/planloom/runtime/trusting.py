"""Which version of the trust policy counts: in a job that has the work item's source checked out, the one on the default branch.

A key is rotated or revoked for the work items that are open, too. Their jobs stand on the commit that the work item was opened at,
whose policy is of that day; it says only from which root the newest one must follow, version by version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planloom.core.errors import TrustError
from planloom.ledger.files import FileLedger
from planloom.trust.policyfiles import POLICY_PATH, TRUST_FOLDER, load_policy, open_policy, read_trust_files

if TYPE_CHECKING:
    from pathlib import Path

    from planloom.core.ports import Environment
    from planloom.ledger.git import GitLedger
    from planloom.ledger.ledger import Ledger
    from planloom.trust.policy import Policy


def find_policy(root: Path, ledger: Ledger, environment: Environment) -> Policy:
    """Return the trust policy that counts in `root`. Raises: TrustError when it is not sound, StoreError when the remote can't be read."""
    if isinstance(ledger, FileLedger):
        return load_policy(root)
    # Whoever keeps records in files never pays for importing this.
    from planloom.ledger.git import GitLedger

    if not isinstance(ledger, GitLedger):
        return load_policy(root)
    policy = _newest(root, ledger) if _stands_elsewhere(root, environment) else load_policy(root)
    if not policy.sealed and policy.asks_for_places:
        return policy._replace(sealed=_sealed(ledger, policy))
    return policy


def _sealed(ledger: GitLedger, policy: Policy) -> dict[bytes, int]:
    """Return the places of records in the checkpoint on the ledger branch: what a revoked key signed before counts by them."""
    from planloom.trust.checkpoint import CHECKPOINT_PATH, LEAVES_PATH, find_positions

    branch = ledger.branch_files()
    checkpoint, leaves = (branch.get(path.removeprefix("artifacts/"), b"") for path in (CHECKPOINT_PATH, LEAVES_PATH))
    return find_positions(checkpoint, leaves, policy)


def _stands_elsewhere(root: Path, environment: Environment) -> bool:
    """Whether this is a job of a workflow run that has another commit checked out than the run's own, which it would have as a branch."""
    commit = environment.get("GITHUB_SHA") if environment.get("GITHUB_ACTIONS") == "true" else ""
    try:
        head = (root / ".git" / "HEAD").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    return bool(commit) and not head.startswith("ref:") and head != commit


def _newest(root: Path, ledger: GitLedger) -> Policy:
    own = open_policy(read_trust_files(root))
    files = ledger.default_branch(TRUST_FOLDER)
    if POLICY_PATH not in files:
        return load_policy(root)
    newest = open_policy(files)
    if own.versions[: len(newest.versions)] == newest.versions:
        return load_policy(root)
    if newest.versions[: len(own.versions)] != own.versions:
        message = (
            f"the trust policy on the default branch does not follow from version {own.current.version}, which this commit holds"
        )
        hint = "somebody began the policy anew: planloom close this work item and open another"
        raise TrustError(message, hint=hint, code="E_POLICY")
    return newest.current
