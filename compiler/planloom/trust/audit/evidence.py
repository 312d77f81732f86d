"""What the parts of the verifier share: records that could be believed, found by the names that others use for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planloom.core import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from planloom.records.compiled import CompiledPlan, CompiledStep
    from planloom.records.signed import Signed
    from planloom.state.machine import StepState
    from planloom.trust.audit.history import Chain
    from planloom.trust.policy import Policy


@dataclass(frozen=True, slots=True)
class BoundPlan:
    """A compiled plan that a work item was bound to: the header and every step by key."""

    header: CompiledPlan
    steps: Mapping[str, CompiledStep]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The records of a history by chain, by payload digest and by nonce, and the plans of its work items.

    Shape: `paths` maps a payload digest to the file; `plans` maps a work item to its plans by digest, in the order of binding; `only` is
    the one work item that the check is limited to, "" for all of them; `places` maps a file to its place in the checkpoint, {} when the policy does not ask for it.
    """

    policy: Policy
    chains: Mapping[str, Chain]
    by_digest: Mapping[str, Signed]
    by_nonce: Mapping[str, Signed]
    paths: Mapping[str, str]
    plans: Mapping[str, Mapping[str, BoundPlan]]
    only: str = ""
    places: Mapping[str, int] = field(default_factory=dict)
    states: dict[str, StepState] = field(default_factory=dict)
    _by_item: dict[str, list[Chain]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for chain in self.chains.values():
            self._by_item.setdefault(chain.item, []).append(chain)

    def items(self) -> tuple[str, ...]:
        """Return the work items, sorted."""
        return tuple(sorted(self._by_item.keys() - {names.RESOURCE_CHAINS}))

    def of_item(self, item: str) -> tuple[Chain, ...]:
        """Return the chains of a work item, sorted by name."""
        return tuple(self._by_item.get(item, ()))

    def step_chains(self, item: str) -> Iterator[Chain]:
        """Yield the chains of a work item's steps, sorted by key."""
        for chain in self.of_item(item):
            if not chain.step.startswith("_"):
                yield chain

    def judges_of(self, signed: Signed) -> Iterator[Policy]:
        """Yield the versions of the policy by which a record may be judged, the current one first."""
        return self.policy.judges_of(self.places.get(self.paths.get(signed.digest, "")))

    def covers(self, item: str) -> bool:
        """Return whether the records of a work item are looked at; shared resources tell of others too."""
        return not self.only or self.only == item

    def is_whole(self, chain: str) -> bool:
        """Return whether nothing of a chain is missing or unbelievable; a chain that does not exist is whole."""
        found = self.chains.get(chain)
        return found is None or found.is_whole

    def is_item_whole(self, item: str) -> bool:
        """Return whether nothing of a work item is missing or unbelievable."""
        return all(chain.is_whole for chain in self.of_item(item))

    def step_of(self, signed: Signed) -> CompiledStep | None:
        """Return the compiled step that a record speaks of, in the plan that it names."""
        record = signed.record
        bound = self.plans.get(record.work_item, {}).get(record.plan.digest)
        return bound.steps.get(record.step.key) if bound is not None and record.step is not None else None

    def path(self, signed: Signed) -> str:
        """Return the file of a record."""
        return self.paths[signed.digest]
