"""Findings: what is broken, where, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planloom.core.errors import PlanloomError

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E_ARTIFACT": "an output on disk is not the one that was handed on",
        "E_ATTEMPT_TWICE": "an attempt has two results, or a result has no open attempt",
        "E_BASELINE": "a step's part in the baseline is not what its plan says",
        "E_BUILDER": "made by a workflow that the policy does not expect of the key",
        "E_CHAIN_FOREIGN": "a record lies where another belongs: moved, copied or renamed",
        "E_CHAIN_FORK": "a record does not follow from the one before it in its chain",
        "E_CHAIN_GAP": "a record is missing in the middle of its chain",
        "E_CHAIN_REPLAY": "a record appears twice",
        "E_CHECKPOINT": "the checkpoint or its list of leaves does not hold",
        "E_CLAIM": "a result without its claim, or a claim that could not be made",
        "E_DEPENDENCY": "a claim builds on something else than what the steps before it handed on",
        "E_ENVELOPE": "the file is not written as a signed record is",
        "E_FOREIGN": "a file that does not belong among the records",
        "E_FORK": "the checkpoint has another record in this place",
        "E_GATE": "a claim without the approvals that its gate asks for",
        "E_KEY": "a key that may not be used",
        "E_KEY_EXPIRED": "signed at a time for which the key was not meant",
        "E_KEY_REVOKED": "signed by a key that is revoked, and not in the checkpoint from before",
        "E_NONCANONICAL": "the signed content is written in another way than records are",
        "E_PAYLOAD": "the signed content is not a record",
        "E_PLAN": "the plan that lies beside a record is not the one that was signed, or another plan is meant",
        "E_POLICY": "the trust policy does not hold",
        "E_PORTFOLIO": "the portfolio does not say what the records say",
        "E_RESOURCE": "a shared resource is held by more than it has room for, or by nobody known",
        "E_REWOUND": "a ref lacks a record that was copied from it",
        "E_ROLE": "signed by a key that may not sign this",
        "E_ROLLBACK": "the checkpoint or the policy is older than the one you had",
        "E_ROOT": "the trust policy is not signed by its root, or not by the root you gave",
        "E_SIGNATURE": "the signature does not match the content",
        "E_SPLIT_VIEW": "the checkpoint does not contain the one you had",
        "E_STATE": "a record that could not follow from those before it",
        "E_SUBJECT": "two outputs have names that a disk takes for the same",
        "E_SUBJECT_PATH": "an output's name leads out of the workspace",
        "E_TIME": "stated times run backwards",
        "E_TRUNCATED": "a record that the checkpoint lists is gone",
        "E_TYPE": "the signed content is a statement of another type",
        "E_UNREADABLE": "a ref whose objects can't be read from this clone",
        "E_WORK_ITEM": "a record speaks of another work item than its chain",
    }
)
"""What each code means; the codes are stable."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is broken.

    Shape: `path` is a file, relative to the project; `message` says what in one sentence; `field` is the part of the record, `expected` and
    `found` its values, each "" where it has no meaning; `also` lists what follows from it.
    """

    code: str
    path: str
    message: str
    field: str = ""
    expected: str = ""
    found: str = ""
    also: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: PlanloomError, path: str, *, code: str = "", message: str = "") -> Finding:
        """Return the finding that an error about a file is; `code` and `message` replace its own."""
        return cls(code or error.code, path, message or error.message, *error.difference)


def stranger(path: str, message: str) -> Finding:
    """Return the finding about a file that lies where it does not belong."""
    return Finding("E_FOREIGN", path, message, "the file", "no file here", "one that belongs to nothing")
