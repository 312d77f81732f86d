"""What all ledgers agree on about entries: the token of a head, what may be appended, what to say when a file is missing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from planloom.core.errors import StoreError
from planloom.core.names import ITEM_CHAIN
from planloom.ledger import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.ledger.ledger import Append, Head


def token_of(content: bytes) -> str:
    """Return the token of a head whose last entry has this content."""
    return hashlib.sha256(content).hexdigest()


def check_append(entries: Mapping[str, Append], unmoved: Mapping[str, Head]) -> None:
    """Check every name of an append before anything is written. Raises: StoreError."""
    for chain, head in unmoved.items():
        layout.check_chain(chain)
        if chain in entries or head.index == 0:
            message = f"{chain}: only a chain that has entries and gets none can be held to where it ends"
            raise StoreError(message)
    if not entries:
        message = "an append needs at least one entry"
        raise StoreError(message)
    for chain, append in entries.items():
        layout.record_path(append.entry.folder, chain, append.expected.index + 1)
        in_folder = append.entry.folder == layout.WITH_ATTACHMENTS
        if chain.endswith(f"/{ITEM_CHAIN}") and not in_folder:
            message = f"{chain}: an entry of a work item's own chain lies in {layout.WITH_ATTACHMENTS}"
            raise StoreError(message)
        if append.entry.attachments and not in_folder:
            message = f"{chain}: an entry in {append.entry.folder} can't have files beside it"
            raise StoreError(message)
        for name in append.entry.attachments:
            layout.attachment_path(chain, append.expected.index + 1, name)


def no_attachment(chain: str, index: int, name: str) -> StoreError:
    """Return the refusal for a missing attachment."""
    return StoreError(f"{chain} #{index} has no file '{name}' beside it", hint="planloom verify   # reports all that is missing")
