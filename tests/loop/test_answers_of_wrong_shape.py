"""What the API answers to a workflow in a wrong shape, and an artifact that is damaged anywhere, end in an error, never in a traceback."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from act.actlog import Job
from act.restapi import Facts, RestApi
from openapi.described import answer_example, answer_schema, is_allowed
from planloom.core.errors import EXIT_STORE, InputError, PlanloomError, TrustError
from planloom.ledger.retry import Pace
from planloom.runtime.platform import Platform
from spoiling import GONE, KINDS, find_places, spoil

RUN, NO_RUN = "161", "162"
CONTENT = b"sand"
DIGEST = sha256(CONTENT).hexdigest()


@dataclass
class Run:
    """A run as the fake API knows it."""

    id: int = int(RUN)
    attempt: int = 1
    workflow: str = "demo-orchestrator.yml"
    event: str = "workflow_dispatch"
    status: str = "completed"
    conclusion: str = "success"
    jobs: list[Job] = field(default_factory=list)


class Asking:
    """Everything that a workflow asks the API; `answers` is what was answered, archives in bytes among them."""

    def __init__(self, folder):
        dist = folder / RUN / "outputs" / "dist"
        dist.mkdir(parents=True)
        (dist / "a.txt").write_bytes(CONTENT)
        run = Run(jobs=[Job("make", "make", "execute", {}, started="2026-11-22T20:05:52Z", completed="", conclusion="success")])
        self.facts = Facts("acme/demo", "token", folder, lambda: "0" * 40, runs={run.id: run}, workflows=lambda: ["go.yml"])
        self.api = RestApi(self.facts)
        self.target = folder / "target"
        self.readers = {
            "run": lambda platform: platform.is_over(RUN, "1"),
            "no run": lambda platform: platform.is_over(NO_RUN, "1"),
            "jobs": lambda platform: platform.jobs(RUN, "1"),
            "list": lambda platform: platform.list_artifacts(RUN),
            "fetch": lambda platform: platform.fetch(f"github:{RUN}:outputs", DIGEST, self.target),
            "dispatch": lambda platform: platform.dispatch("go.yml", "main", {"work-item": "demo-1"}),
        }
        self.answers, self.asked_by = {}, defaultdict(list)
        for name, reader in self.readers.items():
            self.facts.spoil = lambda request, value, name=name: self._keep(request, value, name)
            with self.platform() as platform:
                reader(platform)

    @contextlib.contextmanager
    def platform(self, api="", token="token"):
        made = Platform(api or self.api.base, "acme/demo", token, pace=Pace(budget=0))
        try:
            yield made
        finally:
            made.folder.cleanup()

    def errors(self, request, wrong):
        """Return the errors of those who ask for something when it is answered with something else."""
        self.facts.spoil = lambda asked, value: wrong if asked == request else value
        found = []
        for name in dict.fromkeys(self.asked_by[request]):
            try:
                with self.platform() as platform:
                    self.readers[name](platform)
            except PlanloomError as error:
                found.append(error)
        return found

    def _keep(self, request, value, name):
        self.answers[request] = value
        self.asked_by[request].append(name)
        return value


@pytest.fixture
def asking(tmp_path):
    made = Asking(tmp_path)
    yield made
    made.api.close()


def test_what_is_asked_is_answered_and_each_address_of_the_client_is_among_it(asking):
    assert asking.target.read_bytes() == CONTENT
    asked = {re.sub(r"\d{2,}", "N", request.replace("/repos/acme/demo", "")) for request in asking.facts.requests}
    assert asked == {
        "GET /actions/runs",
        "GET /actions/runs/N",
        "GET /actions/runs/N/attempts/1/jobs",
        "GET /actions/runs/N/artifacts",
        "GET /actions/artifacts/N/zip",
        "GET /blob/N/outputs",
        "POST /actions/workflows/go.yml/dispatches",
    }


@pytest.mark.slow
def test_no_value_of_any_answer_brings_a_workflow_down(asking):
    told = set()
    for request, value in asking.answers.items():
        if isinstance(value, bytes):
            continue
        for place in find_places(value):
            for kind in KINDS:
                for error in asking.errors(request, spoil(value, place, kind)):
                    assert error.message
                    assert error.hint
                    if error.code == "E_GITHUB_ANSWER":
                        assert error.exit_code == EXIT_STORE
                        told.add(request)
    assert told == {
        request for request, value in asking.answers.items() if not isinstance(value, bytes) and "message" not in value
    }


@pytest.mark.slow
def test_no_answer_that_github_may_give_is_refused(asking):
    refused = 0
    for request, value in asking.answers.items():
        if isinstance(value, bytes) or "message" in value:
            continue
        schema, example = answer_schema(*request.split()), answer_example(*request.split())
        for answer in (example, *(spoil(example, place, kind) for place in find_places(example) for kind in (GONE, None))):
            if any(error.code == "E_GITHUB_ANSWER" for error in asking.errors(request, answer)):
                refused += 1
                assert not is_allowed(schema, answer, example), (request, answer)
    assert refused > 10


@pytest.mark.parametrize(
    "content", [b"<html>Sign in</html>", b"", b"\xff", b"[" * 100_000], ids=["a page", "empty", "no text", "deep"]
)
def test_an_answer_that_is_no_json_is_told(asking, content):
    read = [request for request, value in asking.answers.items() if not isinstance(value, bytes) and "message" not in value]
    assert len(read) == 4
    for request in read:
        errors = asking.errors(request, content)
        assert errors
        assert {error.code for error in errors} == {"E_GITHUB_ANSWER"}


def test_an_archive_that_is_damaged_anywhere_is_refused_or_holds_what_was_signed(asking):
    (request,) = (request for request, value in asking.answers.items() if isinstance(value, bytes))
    archive, codes = asking.answers[request], []
    damaged = [archive[:end] for end in range(0, len(archive), 7)]
    damaged += [archive[:at] + bytes([archive[at] ^ bit]) + archive[at + 1 :] for at in range(len(archive)) for bit in (1, 64)]
    for wrong in damaged:
        asking.target.unlink(missing_ok=True)
        asking.facts.spoil = lambda asked, value, wrong=wrong: wrong if asked == request else value
        try:
            with asking.platform() as platform:
                platform.fetch(f"github:{RUN}:outputs", DIGEST, asking.target)
        except TrustError as error:
            codes.append(error.code)
        else:
            assert asking.target.read_bytes() == CONTENT
    assert set(codes) == {"E_ARTIFACT"}
    assert len(codes) > len(damaged) // 2


@pytest.mark.parametrize(("api", "token"), [("api", "token"), ("http://127.0.0.1:9", "a\nb"), ("http://127.0.0.1:9", "\u20ac")])
def test_an_address_or_a_token_that_can_not_be_one_is_refused_without_showing_it(asking, api, token):
    with asking.platform(api, token) as platform, pytest.raises(InputError, match="can't be asked") as refused:
        platform.is_over(RUN, "1")
    assert token == "token" or token not in refused.value.message
