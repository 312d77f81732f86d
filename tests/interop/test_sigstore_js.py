"""npm's sigstore verifier accepts our records as bundles and our checkpoints as a log's, and refuses changed ones."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from planloom.records import envelope, merkle
from planloom.trust import checkpoint, note
from trust.histories import CI, ORIGIN, finished

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None or shutil.which("npm") is None, reason="there is no node here"),
    pytest.mark.xdist_group("npm"),  # one worker installs the packages, once
]
BUILD = "artifacts/handoff/release-1/build/000002.json"


@pytest.fixture(scope="module")
def packages(request):
    """A folder with the packages of package.json, kept between test runs."""
    folder = Path(request.config.cache.mkdir("interop-sigstore"))
    wanted = (HERE / "package.json").read_bytes()
    marker = folder / "package.json"
    if not (folder / "node_modules").is_dir() or marker.read_bytes() != wanted:
        marker.write_bytes(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
        subprocess.run(command, cwd=folder, check=True, timeout=100, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("sigstore")).history()


def judge(packages, question):
    done = subprocess.run(
        ["node", HERE / "judge.js", packages], input=json.dumps(question), capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def bundle_of(content):
    value = json.loads(content)
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": value["signatures"][0]["keyid"]}, "tlogEntries": []},
        "dsseEnvelope": value,
    }


def test_a_record_is_a_bundle_that_sigstore_verifies(packages, history):
    question = {"keyId": CI.key_id, "publicKey": CI.key.to_pem().decode()}
    good = bundle_of(history.files[BUILD])
    assert judge(packages, question | {"bundle": good}) == "ok"
    payload = envelope.decode(history.files[BUILD]).payload.replace(b"tester", b"Tester")
    bad = json.loads(json.dumps(good))
    bad["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    assert judge(packages, question | {"bundle": bad}) == "refused: signature verification failed"


def test_a_checkpoint_and_an_inclusion_proof_are_what_sigstore_expects_of_a_log(packages, history):
    leaves = checkpoint.parse_leaves(history.files[checkpoint.LEAVES_PATH])
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof([one.hash for one in leaves], index)
        question = {
            "publicKey": CI.key.to_pem().decode(),
            "checkpoint": history.files[checkpoint.CHECKPOINT_PATH].decode(),
            "logKeyHash": note.key_hash(ORIGIN, CI.key).hex(),
            "origin": ORIGIN,
            "index": index,
            "hashes": [sibling.hex() for sibling in proof],
            "body": base64.b64encode(history.files[leaf.path]).decode(),
        }
        if index in (0, 5, len(leaves) - 1):
            assert judge(packages, question) == "ok"
    assert judge(packages, question | {"body": base64.b64encode(b"other").decode()}).startswith("refused: calculated root hash")
    edited = question["checkpoint"].replace("acme", "evil", 1)
    assert judge(packages, question | {"checkpoint": edited}) == "refused: invalid checkpoint signature"
