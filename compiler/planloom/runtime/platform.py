"""GitHub's REST API, as far as a run needs it: are these runs over, start that workflow, fetch those outputs.

Uses `urllib` of the standard library: four calls do not need a client. Loopback fakes of the API serve the tests.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib import error as urlerror
from urllib import parse, request

from planloom.core.errors import StoreError, TrustError
from planloom.ledger.retry import Pace, Patience
from planloom.runtime.answers import Reply, parse_json, read_object, unaskable
from planloom.runtime.identity import attempt_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from planloom.core.ports import Environment

API_VERSION: Final = "2022-11-28"
"""docs.github.com/rest/about-the-rest-api/api-versions."""

TIMEOUT_SECONDS: Final = 30

BUDGET_SECONDS: Final = 60
"""How long a call is tried again while the platform is busy or can't be reached."""

MESSAGE_BYTES: Final = 10_000
"""How much of an error's answer is read."""

RATE_LIMIT: Final = b"rate limit"
"""In the message of a 403 that only asks to wait. A secondary limit may come without any header that says so (REST, "rate limits")."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of a run: its name, conclusion ("" while it runs) and window (RFC 3339 timestamps, "" when unknown)."""

    name: str
    conclusion: str
    started: str
    completed: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact of a run: its number, and when the platform got it (RFC 3339, "" when unknown)."""

    id: int
    created: str


@dataclass(slots=True)
class Platform:
    """The API of one repository. `api` and `repository` come from GITHUB_API_URL and GITHUB_REPOSITORY."""

    api: str
    repository: str
    token: str = field(repr=False)
    pace: Pace = field(default_factory=lambda: Pace(budget=BUDGET_SECONDS), repr=False)
    downloaded: dict[tuple[str, str], tuple[Path, dict[str, str]]] = field(default_factory=dict, repr=False)
    listed: dict[str, Mapping[str, tuple[Artifact, ...]]] = field(default_factory=dict, repr=False)
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="planloom-"), repr=False
    )

    def is_over(self, run_id: str, run_attempt: str) -> bool:
        """Return whether this attempt of a run is over: completed, gone, or followed by a newer attempt."""
        run = self._get(f"actions/runs/{parse.quote(run_id)}")
        if run is None:
            # GitHub answers the same to a token that may not see runs: only one that sees others proves that this one is gone.
            others = self._get("actions/runs?per_page=1")
            if others is None:
                return False
            others.parts("workflow_runs")  # Nothing is proven by an answer that is not GitHub's.
            return True
        known, claimed = run.number("run_attempt", 1), attempt_number(run_attempt)
        # An answer that is older than the claim tells nothing about it.
        return known > claimed or (known == claimed and run.text("status", "") == "completed")

    def jobs(self, run_id: str, run_attempt: str) -> tuple[Job, ...]:
        """Return every job of an attempt of a run."""
        found: list[Job] = []
        page = 1
        while True:
            path = f"actions/runs/{parse.quote(run_id)}/attempts/{parse.quote(run_attempt)}/jobs?per_page=100&page={page}"
            answer = self._get(path)
            jobs = answer.parts("jobs") if answer else ()
            found.extend(
                Job(j.text("name"), *(j.text(key, "") for key in ("conclusion", "started_at", "completed_at"))) for j in jobs
            )
            if len(jobs) < 100:
                return tuple(found)
            page += 1

    def list_artifacts(self, run_id: str) -> Mapping[str, tuple[Artifact, ...]]:
        """Return every artifact of a run by its name; those that have expired are left out. Asked for once."""
        if run_id not in self.listed:
            found: dict[str, tuple[Artifact, ...]] = {}
            page, full = 1, True
            while full:
                path = f"actions/runs/{parse.quote(run_id)}/artifacts?per_page=100&page={page}"
                answer = self._get(path)
                listed = answer.parts("artifacts") if answer else ()
                for name, artifact in _unexpired(listed):
                    found[name] = (*found.get(name, ()), artifact)
                page, full = page + 1, len(listed) == 100
            self.listed[run_id] = found
        return self.listed[run_id]

    def _named(self, run_id: str, name: str) -> tuple[Artifact, ...]:
        if run_id in self.listed:
            return self.listed[run_id].get(name, ())
        path = f"actions/runs/{parse.quote(run_id)}/artifacts?name={parse.quote(name)}"
        answer = self._get(path)
        return tuple(artifact for _, artifact in _unexpired(answer.parts("artifacts") if answer else ()))

    def dispatch(self, workflow: str, branch: str, inputs: dict[str, str]) -> None:
        """Start a workflow that has `workflow_dispatch`."""
        body = json.dumps({"ref": branch, "inputs": inputs}).encode()
        self._call(f"actions/workflows/{parse.quote(workflow)}/dispatches", body)

    def fetch(self, location: str, digest: str, target: Path) -> None:
        """Write one output of an earlier step to `target`; its location is `github:<run id>:<artifact>`.

        Raises: StoreError when the artifact has expired or is not there, TrustError (`E_ARTIFACT`) when it does not hold the file.
        """
        kind, _, rest = location.partition(":")
        run_id, _, name = rest.partition(":")
        if kind != "github" or not run_id or not name:
            message = f"outputs at '{location}' can't be fetched here"
            raise StoreError(
                message, hint="planloom delegate --structured-work-item ITEM --retry STEP --take-back   # makes them anew"
            )
        archive, members = self._artifact(run_id, name)
        if digest not in members:
            message = f"artifact {name} of run {run_id} does not hold the file that was signed"
            raise TrustError(message, code="E_ARTIFACT")
        with zipfile.ZipFile(archive) as opened, opened.open(members[digest]) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)

    def _artifact(self, run_id: str, name: str) -> tuple[Path, dict[str, str]]:
        """Return a downloaded artifact and which of its members has which SHA-256; downloaded once."""
        if (run_id, name) not in self.downloaded:
            found = self._named(run_id, name)
            if len(found) != 1:
                message = f"artifact {name} of run {run_id} " + (
                    "is there more than once" if found else "has expired or is not there"
                )
                raise StoreError(
                    message, hint="planloom delegate --structured-work-item ITEM --retry STEP --take-back   # makes it anew"
                )
            archive = Path(self.folder.name) / f"{len(self.downloaded)}.zip"
            self._call(f"actions/artifacts/{found[0].id}/zip", into=archive)
            self.downloaded[run_id, name] = (archive, _digests(archive, name))
        return self.downloaded[run_id, name]

    def _get(self, path: str) -> Reply | None:
        """Return what an address answers, None where there is nothing (or nothing for this token)."""
        where = f"{self.api}/repos/{self.repository}/{path}"
        try:
            return read_object(parse_json(self._call(path), where), where)
        except _NotFound:
            return None

    def _call(self, path: str, body: bytes | None = None, into: Path | None = None) -> bytes:
        """Ask, again while the platform is busy: reading changes nothing, and a workflow that is started twice finds its work claimed."""
        patience = Patience(self.pace)
        while True:
            try:
                return self._ask(path, body, into)
            except _Busy as error:
                if not patience.wait():
                    raise StoreError(error.message, hint=error.hint) from error

    def _ask(self, path: str, body: bytes | None, into: Path | None) -> bytes:
        headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": "planloom",
            "X-GitHub-Api-Version": API_VERSION,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            asked = request.Request(f"{self.api}/repos/{self.repository}/{path}", data=body, headers=headers)  # noqa: S310 - GITHUB_API_URL
            # Not sent on to where a redirect leads: artifact downloads go to another host, with an address that is signed.
            asked.add_unredirected_header("Authorization", f"Bearer {self.token}")
            with request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - GITHUB_API_URL
                if into is None:
                    return bytes(answer.read())
                with into.open("wb") as sink:
                    shutil.copyfileobj(answer, sink)
                return b""
        except urlerror.HTTPError as error:
            with error:  # It holds the connection open.
                asks_to_wait = _asks_to_wait(error)
            if error.code == 404:
                raise _NotFound(f"{path}: not found", hint=_RIGHTS) from error
            message = f"GitHub answered {error.code} to {path.partition('?')[0]}"
            if asks_to_wait:
                raise _Busy(message, hint="wait a minute and run the command again") from error
            raise StoreError(message, hint=_RIGHTS) from error
        except (urlerror.URLError, TimeoutError, ConnectionError, HTTPException) as error:
            message = f"GitHub could not be reached: {error}"
            raise _Busy(message, hint="run the command again") from error
        except ValueError as error:
            raise unaskable(self.api) from error


def _asks_to_wait(error: urlerror.HTTPError) -> bool:
    """Return whether an answer means that the same request may be taken later."""
    if error.code == 429 or error.code >= 500:
        return True
    if error.code != 403:
        return False
    if "retry-after" in error.headers or error.headers.get("x-ratelimit-remaining") == "0":
        return True
    try:
        return RATE_LIMIT in error.read(MESSAGE_BYTES).lower()
    except (OSError, HTTPException):
        return True  # An answer that was cut off tells nothing.


def _unexpired(answer: Iterable[Reply]) -> list[tuple[str, Artifact]]:
    return [(a.text("name"), Artifact(a.number("id"), a.text("created_at", ""))) for a in answer if not a.flag("expired")]


def _digests(archive: Path, name: str) -> dict[str, str]:
    """Return SHA-256 → member of a downloaded artifact. Raises: TrustError (`E_ARTIFACT`) when it is not an archive."""
    found = {}
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                if not member.is_dir():
                    with opened.open(member) as stream:
                        found[hashlib.file_digest(stream, "sha256").hexdigest()] = member.filename  # type: ignore[arg-type] # reads like a file
    # What a damaged archive raises beside BadZipFile: it looks encrypted, packed in a way that is not known, or cut off (docs.python.org, zipfile).
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, zlib.error, ValueError) as error:
        message = f"artifact {name} can't be read: {error}"
        raise TrustError(message, code="E_ARTIFACT") from error
    return found


_RIGHTS = "the token needs the permission `actions` for this; planloom doctor --github checks it"


class _NotFound(StoreError):
    pass


class _Busy(StoreError):
    pass


def find_platform(environment: Environment) -> Platform | None:
    """Return the API of the repository that this job runs for; None outside a workflow or without a token."""
    token = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
    repository = environment.get("GITHUB_REPOSITORY")
    if not token or not repository:
        return None
    return Platform(environment.get("GITHUB_API_URL") or "https://api.github.com", repository, token)
