"""A proof that `export --proof` writes is read by another program that reads C2SP tlog-proof, with the log's verifier key alone."""

import base64

import pytest
from proofbundle.tlogproof import verify_tlog_proof

from planloom.trust import checkpoint
from planloom.trust.keyforms import key_forms
from planloom.trust.proof import write_proof
from trust.histories import CI, EVE, ORIGIN, finished

BUILD = "artifacts/handoff/release-1/build/000002.json"
LOG = key_forms(CI.key, ORIGIN)["checkpoint verifier key"]
"""What `planloom keys show ci` prints for other programs."""


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("proofs")).history()


def judged(proof, record, key=LOG):
    found = verify_tlog_proof(proof.decode(), record, key, expected_origin=ORIGIN)
    return found["log_ok"], found["inclusion_ok"], found["index"]


def test_a_proof_of_every_record_is_accepted(history):
    leaves = checkpoint.parse_leaves(history.files[checkpoint.LEAVES_PATH])
    assert len(leaves) > 8
    for index, leaf in enumerate(leaves):
        assert judged(write_proof(leaf.path, history.files), history.files[leaf.path]) == (True, True, index)


def test_it_is_refused_for_another_record_place_root_or_log(history):
    proof, record = write_proof(BUILD, history.files), history.files[BUILD]
    index = judged(proof, record)[2]
    assert judged(proof, record + b" ")[:2] == (True, False)
    assert judged(proof.replace(b"index %d" % index, b"index %d" % (index - 1)), record)[:2] == (True, False)
    assert judged(proof, record, key_forms(EVE.key, ORIGIN)["checkpoint verifier key"])[0] is False
    root = proof.partition(b"\n\n")[2].split(b"\n")[2]
    other = base64.b64encode(bytes(32))
    assert judged(proof.replace(root, other), record)[:2] == (False, False)
