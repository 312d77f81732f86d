"""Whatever GitHub's API answers in a wrong shape, however deep inside, ends in an error that says where, never in a traceback."""

from __future__ import annotations

import re
import socketserver
import threading
from collections import defaultdict

import pytest

from github.fakehub import ADMIN, ROUTES
from openapi.described import answer_example, answer_schema, is_allowed
from planloom.core.errors import EXIT_STORE, PlanloomError, StoreError
from planloom.github import survey
from planloom.github.checks import CHECKS, Scene, check_refs
from planloom.github.client import Client
from planloom.github.local import read_local
from planloom.github.place import Place
from planloom.github.setup import Setting, make_environment, plan_steps
from planloom.ledger.retry import Pace
from planloom.runtime.effects import SystemEnvironment
from planloom.runtime.platform import Platform
from spoiling import GONE, KINDS, find_places, spoil

SHOWN = survey.Repository("acme/demo", private=True, plan="team", default_branch="main", can_admin=True, can_push=True)
PEOPLE = {"type": "required_reviewers", "reviewers": [{"type": "User", "reviewer": {"id": 7}}], "prevent_self_review": True}


DEMANDED = {"branch_policies[].id", "branch_policies[].name"}
"""What GitHub's description leaves open, and without which an environment can't be judged or changed."""


def refused_place(error):
    """Return the place in an answer that an error finds wrong, "" when it is about something else."""
    found = re.search(r"not one of GitHub's: (\S+)", error.message)
    return re.sub(r"\d+", "", found[1]) if found else ""


class Looking:
    """Everything that reads what GitHub says: `readers` one by one; `answers` is what was answered, `asked_by` who asked for it."""

    def __init__(self, world):
        world.prepare()
        self.hub = hub = world.hub
        hub.environments["planloom"]["protection_rules"] += [PEOPLE, {"type": "wait_timer", "wait_timer": 5}]
        hub.environments["planloom"]["policies"].append({"id": 2, "name": "old"})
        hub.actions = {"enabled": True, "allowed_actions": "selected"}
        hub.rules["main"] = ["pull_request", "deletion"]
        place, local = Place("github.com", "acme/demo", hub.api), read_local(world.root, SystemEnvironment())
        client = place.client(ADMIN)
        scene = Scene(local, place, client, SHOWN, scratch=None, nonce="0")
        found = survey.Surroundings(exists=True, branches=("old",), ids=(2,))
        self.readers = {
            "organization": lambda: self._read_repository(client, "Organization"),
            "person": lambda: self._read_repository(client, "User"),
            # Refs are tried with git, not through the API.
            **{one.__name__: lambda one=one: list(one(scene)) for one in CHECKS if one is not check_refs},
            "setup": lambda: plan_steps(Setting(local, place, client, SHOWN, None)),
            "making": lambda: make_environment(client, "planloom", "new", found),
        }
        self.answers, self.asked_by = {}, defaultdict(list)
        for name, reader in self.readers.items():
            hub.spoil = lambda request, value, name=name: self._keep(request, value, name)
            reader()

    def _read_repository(self, client, owner):
        self.hub.owner = owner
        survey.read_repository(client)

    def _keep(self, request, value, name):
        self.answers[request] = value
        self.asked_by[request].append(name)
        return value

    def errors(self, request, wrong):
        """Return the errors of those who ask for something when it is answered with something else."""
        self.hub.spoil = lambda asked, value: wrong if asked == request else value
        found = []
        for name in dict.fromkeys(self.asked_by[request]):
            try:
                self.readers[name]()
            except PlanloomError as error:
                found.append(error)
        return found


@pytest.fixture
def looking(world):
    return Looking(world)


def test_every_address_that_the_fake_knows_is_read_here(looking):
    asked = {re.sub(r" (?=/(orgs|user|rate_limit))", " @", one.replace("/repos/acme/demo", "")) for one in looking.answers}
    known = [f"{method} {pattern}" for method, pattern, *_ in ROUTES if method != "DELETE"]  # which answers nothing
    assert [one for one in known if not any(re.fullmatch(one, request) for request in asked)] == []


@pytest.mark.slow
def test_no_value_of_any_answer_brings_a_reader_down(looking):
    tried, told = 0, set()
    for request, value in looking.answers.items():
        for place in find_places(value):
            for kind in KINDS:
                tried += 1
                for error in looking.errors(request, spoil(value, place, kind)):
                    assert error.message
                    assert error.hint
                    if error.code == "E_GITHUB_ANSWER":
                        assert error.exit_code == EXIT_STORE
                        told.add(request)
    assert tried > 500
    # Of a refusal, of what is written, and of the limit only status and headers count.
    read = {request for request, value in looking.answers.items() if request.startswith("GET ") and "message" not in value}
    assert told == read - {"GET /rate_limit"}


@pytest.mark.slow
def test_no_answer_that_github_may_give_is_refused(looking):
    refused, left_open = 0, set()
    for request, value in looking.answers.items():
        if not request.startswith("GET ") or "message" in value:
            continue
        schema, example = answer_schema(*request.split()), answer_example(*request.split())
        for answer in (example, *(spoil(example, place, kind) for place in find_places(example) for kind in (GONE, None))):
            places = [place for error in looking.errors(request, answer) if (place := refused_place(error))]
            refused += len(places)
            if places and is_allowed(schema, answer, example):
                left_open.update(places)
    assert left_open == DEMANDED
    assert refused > 20


def test_an_error_names_the_address_and_the_place_in_its_answer(looking):
    (error,) = looking.errors("GET /user", {"login": "acme", "plan": ["team"]})
    assert error.message == f"{looking.hub.api}/user gives an answer that is not one of GitHub's: plan is a list, not an object"
    first = {"workflows": [{"path": 7, "state": "active"}]}
    (error,) = looking.errors("GET /repos/acme/demo/actions/workflows", first)
    assert error.message.endswith(": workflows[0].path is a number, not a text")


@pytest.mark.parametrize("command", [["doctor", "--github"], ["init", "--github", "--check"]], ids=" ".join)
def test_a_command_ends_with_the_exit_code_of_a_store(world, command):
    world.prepare()
    world.hub.spoil = lambda request, value: value | {"owner": []} if request == "GET /repos/acme/demo" else value
    done = world.run(*command)
    assert done.code == EXIT_STORE, done.text
    assert "E_GITHUB_ANSWER" in done.err
    assert "owner is a list, not an object" in done.err
    assert world.hub.writes() == []


@pytest.mark.parametrize("wrong", [{"GH_TOKEN": "a\nb"}, {"GH_TOKEN": "\u20ac"}, {"GITHUB_API_URL": "api"}], ids=str)
def test_a_token_or_an_address_that_can_not_be_one_is_refused(world, wrong):
    done = world.run("doctor", "--github", **wrong)
    assert done.code == 2, done.text
    assert "GitHub can't be asked" in done.err
    assert wrong.get("GH_TOKEN", "!") not in done.text


BROKEN = {
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
    "no HTTP": b"220 mail ready\r\n",
    "a length that is none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "nothing": b"",
    "a refusal that is cut off": b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n{",
}


@pytest.fixture
def socket_server():
    """Return a function that starts a server which sends some bytes to whoever asks; it gives the address."""
    opened = []

    def start(content):
        class Sends(socketserver.BaseRequestHandler):
            def handle(self):
                self.request.recv(65_536)
                self.request.sendall(content)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sends)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        opened.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in opened:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_connection_that_breaks_off_is_told_by_both_readers(socket_server, content):
    address = socket_server(content)
    with pytest.raises(StoreError, match="could not be reached"):
        Client(address, "acme/demo", "token").get("")
    platform = Platform(address, "acme/demo", "token", pace=Pace(budget=0))
    if b"404" not in content:  # there the status is all that counts
        with pytest.raises(StoreError, match="could not be reached"):
            platform.jobs("161", "1")
    platform.folder.cleanup()
