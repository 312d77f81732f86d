"""GitHub's REST API as setting up and checking need it: read, write, and say clearly what was refused.

Source of paths and shapes: GitHub's OpenAPI description (https://github.com/github/rest-api-description).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib import error as urlerror
from urllib import request
from urllib.parse import quote

from planloom.core.errors import StoreError, TrustError
from planloom.runtime.answers import Reply, parse_json, read_list, read_object, unaskable
from planloom.runtime.platform import API_VERSION, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What the address `where` answered: the status, the decoded body (None without one), and the headers with lower-case names."""

    status: int
    value: Any
    headers: Mapping[str, str]
    where: str

    @property
    def is_good(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the API said went wrong, in one line."""
        text = self.value.get("message") if isinstance(self.value, dict) else ""
        return text.splitlines()[0] if text and isinstance(text, str) else f"status {self.status}"

    def body(self) -> Reply:
        """Return what a good answer holds: an object. Raises: StoreError `E_GITHUB_ANSWER` when it is something else."""
        return read_object(self.value, self.where)

    def bodies(self) -> tuple[Reply, ...]:
        """Return what a good answer holds: a list of objects. Raises: StoreError `E_GITHUB_ANSWER` when it is something else."""
        return read_list(self.value, self.where)


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `api` for one repository (`owner/name`); `token` may be "" to read what everybody may."""

    api: str
    repository: str
    token: str = field(repr=False)

    def get(self, path: str) -> Answer:
        """Read something of the repository (`environments/planloom`), "" for the repository itself; see `call`."""
        return self.call("GET", self._of_repository(path))

    def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Make or replace something of the repository; see `call`."""
        return self.call("PUT", self._of_repository(path), body)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Add something to the repository; see `call`."""
        return self.call("POST", self._of_repository(path), body)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to one request, whatever its status, but for these.

        Raises: TrustError when the token is not taken; StoreError when GitHub can't be reached, fails, asks us to wait, or says that
        it was done in words that are not its own (`E_GITHUB_ANSWER`); InputError when address or token can't be used at all.
        """
        where = f"{self.api}/{path}"
        try:
            status, content, headers = self._ask(method, where, body)
        except ValueError as error:
            raise unaskable(self.api) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            message = f"GitHub could not be reached at {self.api}: {reason}"
            raise StoreError(message, hint="GITHUB_API_URL names another address; or try again later") from error
        if 200 <= status < 300:
            return Answer(status, parse_json(content, where) if content else None, headers, where)
        answer = Answer(status, _told(content, where), headers, where)
        _refuse_hopeless(answer)
        return answer

    def _ask(self, method: str, where: str, body: Mapping[str, Any] | None) -> tuple[int, bytes, Mapping[str, str]]:
        asked = request.Request(where, method=method, headers=self._headers())  # noqa: S310 - GITHUB_API_URL
        if body is not None:
            asked.data = json.dumps(body).encode()
            asked.add_header("Content-Type", "application/json")
        if self.token:
            asked.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            got = request.urlopen(asked, timeout=TIMEOUT_SECONDS)  # noqa: S310 - GITHUB_API_URL
        except urlerror.HTTPError as error:
            got = error
        with got:
            return got.status, got.read(), {key.lower(): text for key, text in got.headers.items()}

    def _of_repository(self, path: str) -> str:
        return f"repos/{self.repository}/{path}" if path else f"repos/{self.repository}"

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/vnd.github+json", "User-Agent": "planloom", "X-GitHub-Api-Version": API_VERSION}


def name(text: str) -> str:
    """Return a name as one part of a path: `a/b` → `a%2Fb`."""
    return quote(text, safe="")


def _told(content: bytes, where: str) -> Any:
    """Return what a refusal says; of a proxy's page the status says enough."""
    try:
        return parse_json(content, where)
    except StoreError:
        return None


def _refuse_hopeless(answer: Answer) -> None:
    if answer.status == 401:
        message = "GitHub does not take this token"
        raise TrustError(message, hint="gh auth login, or set GH_TOKEN to a token that is still valid", code="E_GITHUB_LOGIN")
    limited = answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers
    # A secondary limit may come without a header (REST, "rate limits").
    limited = limited or "rate limit" in answer.message.lower()
    if answer.status == 429 or (answer.status == 403 and limited):
        wait = answer.headers.get("retry-after", "")
        hint = f"GitHub asks to wait {wait} seconds" if wait else "wait until the limit is reset, then repeat the command"
        raise StoreError("GitHub's limit of requests is used up", hint=hint, code="E_GITHUB_LIMIT")
    if answer.status >= 500:
        message = f"GitHub has trouble of its own: {answer.message}"
        raise StoreError(message, hint="repeat the command later; https://www.githubstatus.com", code="E_GITHUB_DOWN")
