"""A bundle: a whole history in one file, to be verified elsewhere.

The first line says what it is; every other line is one file as canonical JSON, `{"content":"<base64>","path":"…"}`, sorted by path.
`jq -r .path` lists it. It is as strict as everything it holds: another spelling is refused.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from planloom.core import canonical
from planloom.core.errors import TrustError
from planloom.trust.audit.history import History

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLE_START: Final = b'{"schema":"planloom/bundle/v1"}\n'


class BundleError(TrustError):
    """Bytes that are not a bundle of ours; `code` is `E_BUNDLE`."""


def write_bundle(files: Mapping[str, bytes]) -> bytes:
    """Return the bundle of these files (`trust.gather.is_evidence` says which belong into one)."""
    lines = [
        canonical.encode({"content": base64.b64encode(files[path]).decode("ascii"), "path": path}) + b"\n"
        for path in sorted(files)
    ]
    return BUNDLE_START + b"".join(lines)


def read_bundle(content: bytes) -> History:
    """Return the history in a bundle. Raises: BundleError unless `write_bundle` would write these bytes."""
    start, *lines = content.splitlines(keepends=True)
    files: dict[str, bytes] = {}
    if start != BUNDLE_START:
        raise _refusal("its first line does not say that it is one")
    before = ""
    for number, line in enumerate(lines, start=2):
        try:
            value: Any = canonical.decode(line.removesuffix(b"\n"))
            path, text = value["path"], value["content"]
            files[path] = binascii.a2b_base64(text, strict_mode=True)
            whole = len(value) == 2 and base64.b64encode(files[path]).decode("ascii") == text and line.endswith(b"\n")
        except (canonical.CanonicalError, KeyError, TypeError, ValueError) as error:
            raise _refusal(f"line {number} can't be read") from error
        if not whole or path <= before:
            raise _refusal(f"line {number} is not written as planloom writes it")
        before = path
    return History(files, source="bundle")


def _refusal(reason: str) -> BundleError:
    return BundleError(f"not a bundle: {reason}", code="E_BUNDLE", hint="ask for it again: it was damaged on the way")
