"""Records as programs that nobody here wrote see them: the same bytes verify, parse and validate."""

import base64
import json
import shutil
import subprocess

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from planloom.records import envelope
from planloom.trust.checkpoint import is_record_path
from trust.histories import CI, YOU, finished


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    history = finished(tmp_path_factory.mktemp("elsewhere")).history()
    return {p: c for p, c in history.files.items() if is_record_path(p)}


def keys_of(content):
    signer = {k.key_id: k for k in (CI, YOU)}[envelope.decode(content).key_id]
    return signer, SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(signer.key.public))


def test_securesystemslib_computes_the_same_key_ids():
    for key in (CI, YOU):
        assert SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(key.key.public)).keyid == key.key_id


def test_securesystemslib_verifies_every_record(files):
    assert files
    for content in files.values():
        _, key = keys_of(content)
        assert list(Envelope.from_dict(json.loads(content)).verify([key], 1)) == [key.keyid]


def test_securesystemslib_refuses_a_changed_payload(files):
    content = next(iter(files.values()))
    _, key = keys_of(content)
    changed = json.loads(content)
    changed["payload"] = base64.b64encode(base64.b64decode(changed["payload"]).replace(b"tester", b"Tester")).decode()
    with pytest.raises(VerificationError):
        Envelope.from_dict(changed).verify([key], 1)


def test_the_signed_bytes_are_what_securesystemslib_signs(files):
    for content in files.values():
        opened = envelope.decode(content)
        theirs = Envelope(opened.payload, envelope.PAYLOAD_TYPE, {})
        assert theirs.pae() == envelope.pae(envelope.PAYLOAD_TYPE, opened.payload)


def test_payloads_are_rfc_8785(files):
    for content in files.values():
        payload = envelope.decode(content).payload
        assert rfc8785.dumps(json.loads(payload)) == payload


def test_in_toto_attestation_parses_and_validates_every_statement(files):
    for content in files.values():
        parsed = json_format.Parse(envelope.decode(content).payload, statement_pb2.Statement())
        Statement.copy_from_pb(parsed).validate()
        assert parsed.predicate_type == "urn:planloom:record:v1"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_openssl_verifies_a_record_and_refuses_a_changed_one(files, tmp_path):
    content = next(iter(files.values()))
    signer, _ = keys_of(content)
    opened = envelope.decode(content)
    message = envelope.pae(envelope.PAYLOAD_TYPE, opened.payload)
    (tmp_path / "key.pem").write_bytes(signer.key.to_pem())
    (tmp_path / "signature").write_bytes(opened.signature)
    for said, fine in ((message, True), (message + b" ", False)):
        (tmp_path / "message").write_bytes(said)
        command = [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "key.pem",
            "-rawin",
            "-in",
            "message",
            "-sigfile",
            "signature",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        assert (done.returncode == 0) is fine


SHELL = r"""
payload=$(jq -r .payload record.json)
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(printf %s "$payload" | base64 -d | wc -c | tr -d ' ')" > pae
printf %s "$payload" | base64 -d >> pae
jq -r '.signatures[0].sig' record.json | base64 -d > sig
openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in pae -sigfile sig
"""


@pytest.mark.skipif(not all(map(shutil.which, ("sh", "jq", "base64", "openssl"))), reason="needs sh, jq, base64 and openssl")
def test_five_lines_of_shell_verify_a_record(files, tmp_path):
    content = next(iter(files.values()))
    (tmp_path / "record.json").write_bytes(content)
    (tmp_path / "key.pem").write_bytes(keys_of(content)[0].key.to_pem())
    done = subprocess.run(["sh", "-eu", "-c", SHELL], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True)
