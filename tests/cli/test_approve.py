"""What a person signs can be compared with what lies there: every digest, whole."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from shops import Shop

STEPS = (
    {"key": "build", "run": "echo made > out.txt; echo more > more.txt", "outputs": ["*.txt"]},
    {"key": "notes", "run": "true"},
    {"key": "publish", "run": "true", "needs": ["build", "notes"], "gate": {"role": "approver", "approvals": 1}},
)


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path / "shop", *STEPS)
    shop.run("run", "demo-1")
    return shop


def predicate(shop, path):
    return json.loads(payload(shop, path))["predicate"]


def payload(shop, path):
    return base64.b64decode(json.loads((shop.folder / path).read_bytes())["payload"])


def handoff(shop, step):
    (path,) = (p for p in shop.records() if p.startswith(f"artifacts/handoff/demo-1/{step}/"))
    return payload(shop, path)


def test_the_json_form_lists_whatever_the_approval_is_bound_to_by_its_whole_digest(shop):
    done = shop.check("approve", "demo-1", "publish", "--yes", "--format", "json")
    told = json.loads(done.stdout)
    record = predicate(shop, told["path"])
    assert told["plan"]["digest"] == record["plan"]["digest"]["sha256"]
    assert told["step"] == {"key": "publish", "digest": record["step"]["digest"]["sha256"]}
    assert told["digest"] == hashlib.sha256(payload(shop, told["path"])).hexdigest()
    assert {one["step"]: one["handoff"] for one in told["inputs"]} == {
        step: hashlib.sha256(handoff(shop, step)).hexdigest() for step in ("build", "notes")
    }
    signed = {one["step"]: one["digest"]["sha256"] for one in record["body"]["inputs"]}
    assert {one["step"]: one["handoff"] for one in told["inputs"]} == signed
    outputs = {one["name"]: one["digest"] for one in told["inputs"][0]["outputs"]}
    assert outputs == {name: hashlib.sha256(text).hexdigest() for name, text in (("out.txt", b"made\n"), ("more.txt", b"more\n"))}
    for digest in digests(told):
        assert digest in done.stderr  # shown before it was signed


def digests(told):
    """Every digest that is signed, and those of the outputs, which their handoffs name."""
    yield told["plan"]["digest"]
    yield told["step"]["digest"]
    for one in told["inputs"]:
        yield one["handoff"]
        yield from (output["digest"] for output in one["outputs"])


def test_full_shows_whole_digests_and_without_it_the_screen_stays_short(shop):
    short = shop.run("approve", "demo-1", "publish")
    full = shop.run("approve", "demo-1", "publish", "--full", "--yes")
    (path,) = (p for p in shop.records() if "/_gate-publish/" in p)
    record = predicate(shop, path)
    plan = record["plan"]["digest"]["sha256"]
    signed = [plan, record["step"]["digest"]["sha256"], *(one["digest"]["sha256"] for one in record["body"]["inputs"])]
    assert all(f"sha256:{digest}\n" in full.stderr for digest in signed)
    assert f"sha256:{plan[:8]}…\n" in short.stderr
    assert not any(digest in short.stderr for digest in signed)
    assert "…" not in full.stderr.partition("Next:")[0]


def test_a_rejection_tells_the_same(shop):
    told = shop.json("approve", "demo-1", "publish", "--reject", "--reason", "no", "--yes")
    assert told["event"] == "rejected"
    assert [one["step"] for one in told["inputs"]] == ["build", "notes"]
