"""What git's answers mean: a push that surely won, surely lost, was refused for good, or nobody knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from planloom.core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planloom.ledger.gitport import Finished, Remote

SIGN_IN: Final = (
    "Authentication failed",
    "could not read Username",
    "could not read Password",
    "terminal prompts disabled",
    "Invalid username or",
    "returned error: 401",
    "Permission denied (publickey",
    "Host key verification failed",
)
NO_WRITE: Final = (
    "Write access to repository not granted",
    "Permission to ",
    "You are not allowed to push",
    "pre-receive hook declined",
    "hook declined",
    "deny updating a hidden ref",
)
PROTECTED: Final = ("GH006", "GH013", "protected branch")
"""What GitHub says when a branch rule or a ruleset takes no push: the token's rights are not the trouble."""

NOT_THERE: Final = (
    "Repository not found",
    "does not appear to be a git repository",
    "' not found",
    "returned error: 404",
    "No such file or directory",
)
DAMAGED: Final = (
    "is corrupt",
    "is empty",
    "bad object",
    "inflate",
    "bad ref",
    "is broken",
    "not a git repository",
    "bad sha1",
    "invalid sha1",
)
"""What git says of a repository that lost part of its files."""

LEFT_LOCK: Final = ".lock': File exists"

LOCAL: Final = (
    "No space left on device",
    "dubious ownership",
    "unable to create temporary",
    "unable to write",
    "bad config",
    "unknown option",
    "usage: git",
    *DAMAGED,
)
"""What git says when this machine is the problem: the disk, the cache, or a git that is too old."""

NO_ATOMIC: Final = "does not support --atomic"
MISSING_REF: Final = "couldn't find remote ref"

_LINE: Final = re.compile(r"^([ +*=!-])\t[^\t]*:([^\t]+)\t(.*)$")
_GOOD: Final = frozenset(" +*=-")


class Verdict(Enum):
    """What a push came to."""

    WON = "won"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push came to; `stale` are the refs that had moved, when it is lost; `reason` is git's, for people."""

    verdict: Verdict
    stale: tuple[str, ...] = ()
    reason: str = ""


def judge_push(finished: Finished, refs: Sequence[str]) -> Pushed:
    """Return what an atomic push of `refs` with a lease on each came to.

    Lost is only what git itself found before it sent anything (the lease did not hold). All that went wrong later may have happened on the
    remote all the same, so it is unknown, and the remote must be asked.
    """
    lines = [_LINE.match(line) for line in finished.stdout.decode("utf-8", "replace").splitlines()]
    answers = {match[2]: (match[1], match[3]) for match in lines if match}
    if finished.code == 0 and all(answers.get(ref, ("!",))[0] in _GOOD for ref in refs):
        return Pushed(Verdict.WON)
    stale = tuple(ref for ref in refs if "(stale info)" in answers.get(ref, ("", ""))[1])
    if stale and not finished.timed_out:
        return Pushed(Verdict.LOST, stale)
    reasons = [text for flag, text in answers.values() if flag == "!" and "atomic" not in text]
    return Pushed(Verdict.UNKNOWN, reason="; ".join([*reasons[:1], *last_lines(finished.stderr)]))


def final_refusal(text: str, remote: Remote) -> StoreError | None:
    """Return the error when git's words mean that trying again is useless, None when they do not."""
    where = f"git {remote.label}"
    said = "; ".join(line.strip() for line in text.splitlines() if line.strip())
    if any(words in text for words in PROTECTED):
        hint = (
            "let no rule cover refs/planloom/, and collect records on a branch of their own (`ledger-branch` in specs/planloom.yaml, "
            "which `planloom init --github` sets)"
        )
        return StoreError(f"a rule of {where} takes no push: {said}", hint=hint, code="E_GIT_WRITE")
    if any(words in text for words in NO_WRITE):
        hint = "the token needs `contents: write`; planloom doctor checks what it may do"
        return StoreError(f"{where} does not let this token write: {said}", hint=hint, code="E_GIT_WRITE")
    if any(words in text for words in SIGN_IN):
        hint = "in a workflow pass GITHUB_TOKEN; at a prompt check that `git ls-remote` works for this remote"
        return StoreError(f"{where} did not let us sign in: {said}", hint=hint, code="E_GIT_LOGIN")
    if any(words in text for words in NOT_THERE):
        return StoreError(f"{where} is not there: {said}", hint="`git remote -v` shows where it points", code="E_GIT_MISSING")
    if any(words in _own_words(text) for words in LOCAL):
        hint = "check disk and git version (2.31 or newer); `planloom doctor --fix` makes the cache anew, it holds only copies"
        return StoreError(f"git can't work on this machine: {said}", hint=hint, code="E_GIT_LOCAL")
    if NO_ATOMIC in text:
        hint = "use a server that runs git 2.4 or newer"
        return StoreError(f"{where} can't move several refs at once: {said}", hint=hint, code="E_GIT_ATOMIC")
    return None


def is_damaged(text: str) -> bool:
    """Return whether git's words mean that the cache has lost part of its files, or keeps a lock whose holder was killed.

    Only for a command that holds the cache's own lock: then no other git can be at work in it.
    """
    own = _own_words(text)
    return any(words in own for words in (*DAMAGED, LEFT_LOCK))


def _own_words(text: str) -> str:
    """Return what git said itself, without what it passes on from the other side."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("remote:"))


def gave_up(text: str, remote: Remote, budget: float) -> StoreError:
    """Return the error after the budget for attempts is used up."""
    message = f"git {remote.label} could not be used for {budget:.0f} seconds: {text or 'no reason given'}"
    return StoreError(message, hint="the command can simply be repeated later; nothing is half done", code="E_GIT_BUSY")


def last_lines(stderr: str) -> list[str]:
    """Return the lines of git's talk that say something, the newest two."""
    dull = ("hint:", "To ", "remote: Resolving", "Pushing to", "error: failed to push some refs")
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.strip().startswith(dull)]
    return lines[-2:]
