"""GitHub's REST API as setting up and checking need it: read, write, and say clearly what was refused.

Source of paths and shapes: GitHub's OpenAPI description (https://github.com/github/rest-api-description).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib import error as urlerror
from urllib import request
from urllib.parse import quote

from planloom.core.errors import StoreError, TrustError
from planloom.runtime.platform import API_VERSION, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered: the status, the decoded body (None without one), and the headers with lower-case names."""

    status: int
    value: Any
    headers: Mapping[str, str]

    @property
    def is_good(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the API said went wrong, in one line."""
        text = self.value.get("message", "") if isinstance(self.value, dict) else ""
        return str(text).splitlines()[0] if text else f"status {self.status}"


@dataclass(frozen=True, slots=True)
class Client:
    """The API at `api` for one repository (`owner/name`); `token` may be "" to read what everybody may."""

    api: str
    repository: str
    token: str = field(repr=False)

    def get(self, path: str) -> Answer:
        """Read something of the repository (`environments/planloom`), "" for the repository itself; see `call`."""
        return self.read(self._of_repository(path))

    def list(self, path: str) -> Answer:
        """Read something of the repository that is a list at its top; see `read`."""
        return self.read(self._of_repository(path), list)

    def read(self, path: str, shape: type = dict) -> Answer:
        """Read something that is an object, or a list of objects: a good answer holds one; see `call`.

        Raises: as `call`; StoreError `E_GITHUB_ANSWER` when it is something else.
        """
        answer = self.call("GET", path)
        inner = answer.value if isinstance(answer.value, list) else []
        if answer.is_good and not (isinstance(answer.value, shape) and all(isinstance(one, dict) for one in inner)):
            raise _strange(self.api, path)
        return answer

    def put(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Make or replace something of the repository; see `call`."""
        return self.call("PUT", self._of_repository(path), body)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Add something to the repository; see `call`."""
        return self.call("POST", self._of_repository(path), body)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Return the answer to one request, whatever its status, but for these.

        Raises: TrustError when the token is not taken; StoreError when GitHub can't be reached, fails, asks us to wait, or says that
        it was done in words that are not its own (`E_GITHUB_ANSWER`).
        """
        asked = request.Request(f"{self.api}/{path}", method=method, headers=self._headers())  # noqa: S310 - GITHUB_API_URL
        if body is not None:
            asked.data = json.dumps(body).encode()
            asked.add_header("Content-Type", "application/json")
        if self.token:
            asked.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with request.urlopen(asked, timeout=TIMEOUT_SECONDS) as got:  # noqa: S310 - GITHUB_API_URL
                content = got.read()
                answer = _answer(got.status, content, got.headers)
                if content and answer.value is None:
                    raise _strange(self.api, path)
                return answer
        except urlerror.HTTPError as error:
            with error:
                answer = _answer(error.code, error.read(), error.headers)
        except (urlerror.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            message = f"GitHub could not be reached at {self.api}: {reason}"
            raise StoreError(message, hint="GITHUB_API_URL names another address; or try again later") from error
        _refuse_hopeless(answer)
        return answer

    def _of_repository(self, path: str) -> str:
        return f"repos/{self.repository}/{path}" if path else f"repos/{self.repository}"

    def _headers(self) -> dict[str, str]:
        return {"Accept": "application/vnd.github+json", "User-Agent": "planloom", "X-GitHub-Api-Version": API_VERSION}


def name(text: str) -> str:
    """Return a name as one part of a path: `a/b` → `a%2Fb`."""
    return quote(text, safe="")


def _answer(status: int, content: bytes, headers: Any) -> Answer:
    try:
        value = json.loads(content) if content else None
    except ValueError:
        value = None  # A proxy's page: the status says enough.
    return Answer(status, value, {key.lower(): text for key, text in headers.items()})


def _strange(api: str, path: str) -> StoreError:
    message = f"{api}/{path} gives an answer that is not one of GitHub's"
    hint = "a proxy, or a page to sign in at, may stand before it: look at the address in a browser; GITHUB_API_URL names another"
    return StoreError(message, hint=hint, code="E_GITHUB_ANSWER")


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
