"""A session: what every verb needs, put together once by `api`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from planloom.core.ports import Clock, Environment, Ids
    from planloom.ledger.ledger import Ledger
    from planloom.records.compiled import CompiledPlan, CompiledStep
    from planloom.records.signed import Signed
    from planloom.runtime.identity import Identity
    from planloom.trust.keys import PrivateKey
    from planloom.trust.policy import Policy


class Session(NamedTuple):
    """The effects and settings of one invocation.

    Shape: `root` holds specs, generated files, artifacts and keys; `workspace` is where commands run (the same, except for a scratch
    run); `artifacts` is the folder of records, schedules and exports; `policy` says who may sign; `find_key` returns the signer of a name (`ci`, `you`) or raises TrustError. `opened` remembers
    records whose signature was verified, by the bytes they came in; `compiled` and `steps` the plans whose digests were checked, by
    the record that signed them.
    """

    root: Path
    workspace: Path
    artifacts: Path
    ledger: Ledger
    policy: Policy
    clock: Clock
    ids: Ids
    environment: Environment
    identity: Identity
    find_key: Callable[[str], PrivateKey]
    opened: dict[bytes, Signed]
    steps: dict[str, dict[str, CompiledStep]]
    compiled: dict[str, tuple[CompiledPlan, bytes]]
