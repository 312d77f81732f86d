"""Outputs that are kept between steps: copies that are not the file of their name any more, and those that a step still needs and that are gone."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from planloom import api
from planloom.care.findings import FIX, Finding
from planloom.care.keycare import read_policy
from planloom.care.leftovers import Removal
from planloom.core.errors import PlanloomError
from planloom.runtime.executing import missing_outputs
from planloom.runtime.outputs import DirectoryStore, file_digest, is_digest
from planloom.runtime.reading import read_view
from planloom.state.machine import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planloom.care.findings import Ground
    from planloom.state.item import ItemView


def find_output_faults(ground: Ground) -> Iterator[Finding]:
    """Yield copies whose content is not the one of their name, half copies in a shared folder, and what open work items lack."""
    shared = ground.environment.get("PLANLOOM_STORE")
    store = DirectoryStore(Path(shared) if shared else ground.root / ".planloom" / "outputs")
    for path in sorted((store.folder / "sha256").glob("*/*")):
        try:
            yield from _look_at(ground, path)
        except FileNotFoundError:
            continue  # somebody else has repaired it
        except OSError as error:
            what = f"an output that is kept can't be read: {error.strerror}"
            yield Finding("output", ground.shown(path), what, f"ls -l {shlex.quote(str(path))}  # and check who owns it")
    yield from _find_lost(ground, store)


def _look_at(ground: Ground, path: Path) -> Iterator[Finding]:
    if path.name.endswith(".part"):
        # In the project's own folder it is one of the files left behind.
        if not path.is_relative_to(ground.root / ".planloom") and ground.is_settled(path):
            what = "a file that was being written when its process died"
            yield Finding("left-over", ground.shown(path), what, FIX, Removal(path))
    elif is_digest(path.name) and file_digest(path) != path.name:
        # Nobody takes it: whoever restores it checks it. But while it is there, its step counts as one whose outputs are kept.
        what = "an output that is kept is not the one of its name any more: a disk or a hand has damaged it"
        yield Finding("output", ground.shown(path), what, FIX, Removal(path))


def _find_lost(ground: Ground, store: DirectoryStore) -> Iterator[Finding]:
    """Yield outputs that a step which waits will need, and that are neither kept nor in the workspace.

    Only with records in files: of several machines on a git ledger, another one may have them.
    """
    if read_policy(ground) is None:
        return
    try:
        session = api.open_session(ground.root, ledger=ground.ledger)
        if not api.keeps_files(session):
            return
        for item in session.ledger.items():
            view = read_view(session, item).view
            if view.item.is_open:
                yield from _lost_of(ground, view, store)
    except PlanloomError:
        return  # Records that can't be read are told by their own check.


def _lost_of(ground: Ground, view: ItemView, store: DirectoryStore) -> Iterator[Finding]:
    waiting = [key for key in view.header.order if view.states[key].status is Status.PENDING]
    needed = {need: key for key in reversed(waiting) for need in view.steps[key].needs}
    for key in (key for key in view.header.order if key in needed):
        names = missing_outputs(view, key, ground.root, store)
        if names:
            item, handoff = view.item.id, view.states[key].handoff
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            what = (
                f"step {needed[key]} of {item} needs {names[0]}{more}, which step {key} has made and which is not kept any more"
            )
            repair = f"planloom delegate --structured-work-item {item} --retry {key} --take-back"
            if view.states[key].status is Status.INTEGRATED and handoff is not None:
                repair = f"planloom revert {item} {key} --handoff {handoff.digest[:12]} --reason 'its outputs are lost'"
            yield Finding("output-lost", f"{item}/{key}", what, repair)
