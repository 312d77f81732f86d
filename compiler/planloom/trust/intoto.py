"""A work item as an in-toto supply chain: a layout and one link a step, so that `in-toto-verify` can check it without us.

Our records are in-toto *statements*; `in-toto-verify` reads the older *layout* and *link* metadata
(https://github.com/in-toto/docs/blob/master/in-toto-spec.md, in the envelopes of ITE-5). What they say follows from the records: the edges
of the plan become MATCH rules, the handoffs that count become links. They are signed anew by whoever exports, who answers for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical
from planloom.core.errors import InputError
from planloom.records.bodies import Finished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from planloom.records.compiled import CompiledStep
    from planloom.records.signed import Signed
    from planloom.trust.keys import PrivateKey

LAYOUT_NAME: Final = "root.layout"


def export_in_toto(
    item: str,
    steps: Sequence[CompiledStep],
    handoffs: Mapping[str, Signed],
    expires: str,
    layout_key: PrivateKey,
    link_key: PrivateKey,
) -> dict[str, bytes]:
    """Return the files by name: `root.layout` and `<step>.<key id, 8 digits>.link`.

    Shape: `steps` in plan order, `handoffs` the valid completion of each step by key, `expires` when the layout ends (`2027-06-01T00:00:00Z`).
    Check them with `in-toto-verify --layout root.layout --verification-keys KEY.pem --link-dir DIR`.
    Raises: InputError when a step has no handoff that counts: in-toto knows no unfinished supply chain.
    """
    missing = [step.key for step in steps if step.key not in handoffs]
    if missing:
        message = f"{item}: {missing[0]} has no valid result yet, and in-toto describes finished work only"
        raise InputError(message, hint=f"planloom status {item}")
    files = {LAYOUT_NAME: layout_key.seal(canonical.encode(_layout(item, steps, handoffs, expires, link_key)))}
    for step in steps:
        files[f"{step.key}.{link_key.key_id[:8]}.link"] = link_key.seal(canonical.encode(_link(step, handoffs)))
    return files


def _layout(
    item: str, steps: Sequence[CompiledStep], handoffs: Mapping[str, Signed], expires: str, link_key: PrivateKey
) -> dict[str, Any]:
    key = {
        "keyid": link_key.key_id,
        "keytype": "ed25519",
        "keyval": {"public": link_key.key.public.hex()},
        "scheme": "ed25519",
    }
    return {
        "_type": "layout",
        "expires": expires,
        "inspect": [],
        "keys": {link_key.key_id: key},
        "readme": f"work item {item}, exported by planloom",
        "steps": [_step(step, handoffs, link_key.key_id) for step in steps],
    }


def _step(step: CompiledStep, handoffs: Mapping[str, Signed], key_id: str) -> dict[str, Any]:
    products = sorted(_outputs(handoffs[step.key]))
    return {
        "_type": "step",
        "name": step.key,
        "expected_command": [],
        "expected_materials": [*(["MATCH", "*", "WITH", "PRODUCTS", "FROM", need] for need in step.needs), ["DISALLOW", "*"]],
        "expected_products": [
            *(["REQUIRE", name] for name in products),
            *(["ALLOW", name] for name in products),
            ["DISALLOW", "*"],
        ],
        "pubkeys": [key_id],
        "threshold": 1,
    }


def _link(step: CompiledStep, handoffs: Mapping[str, Signed]) -> dict[str, Any]:
    handoff = handoffs[step.key]
    body = handoff.record.body
    materials: dict[str, Any] = {}
    for need in step.needs:
        materials |= _outputs(handoffs[need])
    return {
        "_type": "link",
        "name": step.key,
        "command": [],
        "environment": {},
        "materials": materials,
        "products": _outputs(handoff),
        "byproducts": {
            "return-value": body.exit_code if isinstance(body, Finished) else 0,
            "handoff": handoff.digest,
        },
    }


def _outputs(handoff: Signed) -> dict[str, Any]:
    record = handoff.record
    own = f"{record.plan.name}/{record.step.key}" if record.step is not None else ""
    return {subject.name: {"sha256": subject.digest} for subject in record.subjects if subject.name != own}
