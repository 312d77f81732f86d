"""Every row of the attack table, on a history that real commands made and on one by the operations below them, and the code that it must be found by."""

import json
import shutil

import pytest

from attacks.forging import added, checkpointed, following, put, read, reforged, replace, resealed, unsaid
from planloom.core import canonical
from planloom.records import envelope
from planloom.records.references import Builder, Dependency, Subject
from planloom.trust import checkpoint, policyfiles, policyformat
from planloom.trust.audit.history import History
from planloom.trust.gather import read_history
from planloom.trust.keyfiles import write_private_key
from planloom.trust.policy import Revocation, TrustedKey, new_policy
from planloom.trust.verify import Request, verify
from shops import Shop
from trust.histories import ANN, CI, EVE, RELEASE, YOU, Shape, World, default_policy, finished

CLAIM = "artifacts/claims/release-1/build/000001.json"
BUILD = "artifacts/handoff/release-1/build/000002.json"
LINT_CLAIM = "artifacts/claims/release-1/lint/000001.json"
LINT = "artifacts/handoff/release-1/lint/000002.json"
PUBLISH_CLAIM = "artifacts/claims/release-1/publish/000001.json"
PUBLISH = "artifacts/handoff/release-1/publish/000002.json"
APPROVAL = "artifacts/gates/release-1/_gate-publish/000001.json"
OPENED = "artifacts/work-items/release-1/_item/000001.json"
CLOSED = "artifacts/work-items/release-1/_item/000002.json"
PLAN = "artifacts/work-items/release-1/_item/000001/plan.json"
STEPS = "artifacts/work-items/release-1/_item/000001/steps.jsonl"
POLICY = policyfiles.POLICY_PATH
HEAD, LEAVES = checkpoint.CHECKPOINT_PATH, checkpoint.LEAVES_PATH


@pytest.fixture
def world(tmp_path):
    return finished(tmp_path)


@pytest.fixture(scope="session")
def carried_out(tmp_path_factory):
    """The same history, made by the commands of a terminal: its keys alone are those of the other, so that it can be forged."""
    shop = Shop(tmp_path_factory.mktemp("commands") / "shop")
    shutil.rmtree(shop.folder / "specs/trust")
    for path, content in policyfiles.policy_files(default_policy(), [YOU]).items():
        (shop.folder / path).parent.mkdir(exist_ok=True)
        (shop.folder / path).write_bytes(content)
    for name, key in (("you", YOU), ("ci", CI)):
        (shop.folder / f".planloom/{name}.pem").unlink()
        write_private_key(shop.folder / f".planloom/{name}.pem", key)
    once = "test -e ../failed || { touch ../failed; exit 1; }\n"
    shop.plan(
        *(
            {
                "key": shape.key,
                "needs": list(shape.needs),
                "run": f"{once if shape.key == 'test' else ''}mkdir -p dist\necho made > dist/{shape.key}.txt",
                "outputs": [f"dist/{shape.key}.txt"],
                **({"gate": {"role": "approver"}} if shape.gate else {}),
            }
            for shape in RELEASE
        ),
        plan="release",
    )
    shop.run("run", "release-1", "--jobs", "1")
    shop.check("approve", "release-1", "publish", "--reason", "looked", "--yes")
    shop.check("run", "release-1", "--jobs", "1")
    shop.check("export")
    shop.check("verify")
    return read_history(shop.folder)


@pytest.fixture(params=["operations", "commands"])
def history(request, world):
    return world.history() if request.param == "operations" else request.getfixturevalue("carried_out")


def found(history, **asked):
    findings = verify(history, Request(**asked)).findings
    assert unsaid(findings) == []
    return {(f.code, f.path) for f in findings}


def body(**fields):
    return lambda record: replace(record, body=replace(record.body, **fields))


def sealed_raw(payload, key=CI):
    """A payload that a key holder signed although it is no record of ours."""
    signature = key.sign(envelope.pae(envelope.PAYLOAD_TYPE, payload))
    return envelope.encode(envelope.Envelope(payload, key.key_id, signature))


# --- without keys ---------------------------------------------------------------------------------------------


def test_an_edited_payload(history):
    content = history.files[BUILD].replace(b'"payload":"eyJ', b'"payload":"eyK')
    result = verify(put(history, {BUILD: content}), Request())
    assert [(f.code, f.path) for f in result.findings] == [("E_SIGNATURE", BUILD)]
    finding = result.findings[0]
    assert finding.message == "the signature does not match the content (step build, attempt 1)"
    assert finding.also == ("publish's claim depends on it", "the checkpoint has another record in this place")


def test_an_edited_signature(history):
    sealed = envelope.decode(history.files[BUILD])
    content = envelope.encode(replace(sealed, signature=bytes(64)))
    assert found(put(history, {BUILD: content})) == {("E_SIGNATURE", BUILD)}


def test_another_payload_type(history):
    assert found(put(history, {BUILD: history.files[BUILD].replace(b"in-toto", b"in-tota")})) == {("E_ENVELOPE", BUILD)}


def test_another_key_id_on_a_good_signature(history):
    content = history.files[BUILD].replace(CI.key_id.encode(), YOU.key_id.encode())
    assert found(put(history, {BUILD: content})) == {("E_ENVELOPE", BUILD)}
    unknown = history.files[BUILD].replace(CI.key_id.encode(), b"0" * 64)
    assert found(put(history, {BUILD: unknown})) == {("E_ENVELOPE", BUILD)}


@pytest.mark.parametrize("path", [CLAIM, LINT_CLAIM, OPENED])
def test_a_record_deleted_from_the_middle_of_its_chain(history, path):
    result = verify(put(history, {path: None}), Request())
    assert ("E_CHAIN_GAP", path) in {(f.code, f.path) for f in result.findings}
    without = put(history, {path: None, HEAD: None, LEAVES: None})
    assert "E_CHAIN_GAP" in {code for code, _ in found(without)}


@pytest.mark.parametrize("path", [PUBLISH, APPROVAL, CLOSED])
def test_a_record_cut_off_at_the_end_of_its_chain(history, path):
    assert ("E_TRUNCATED", path) in found(put(history, {path: None}))


def test_a_whole_work_item_removed(history):
    gone = [p for p in history.files if "/release-1/" in p]
    codes = found(put(history, dict.fromkeys(gone)))
    assert {("E_TRUNCATED", p) for p in gone if checkpoint.is_record_path(p)} == codes


def test_two_records_swapped(history):
    swapped = put(history, {BUILD: history.files[LINT], LINT: history.files[BUILD]})
    assert {("E_CHAIN_FOREIGN", BUILD), ("E_CHAIN_FOREIGN", LINT)} <= found(swapped)


def test_the_records_of_one_chain_in_another_order(history):
    first, second = (f"artifacts/claims/release-1/test/{n:06d}.json" for n in (1, 3))
    swapped = put(history, {first: history.files[second], second: history.files[first]})
    assert {("E_CHAIN_FOREIGN", first), ("E_CHAIN_FOREIGN", second)} <= found(swapped)
    without = put(swapped, {HEAD: None, LEAVES: None})
    assert {("E_CHAIN_FOREIGN", first), ("E_CHAIN_FOREIGN", second)} <= found(without)


def test_a_chain_whose_beginning_was_cut_off_and_the_rest_renumbered(history):
    first, second = "artifacts/handoff/release-1/lint/000001.json", LINT
    moved = put(history, {LINT_CLAIM: None, second: None, first: history.files[LINT], HEAD: None, LEAVES: None})
    assert ("E_CHAIN_FOREIGN", first) in found(moved)


def test_a_signature_that_was_turned_into_another_one_by_arithmetic(history):
    """S + L verifies too where nobody looks (RFC 8032 section 5.1.7 asks to)."""
    order = 2**252 + 27742317777372353535851937790883648493
    sealed = envelope.decode(history.files[BUILD])
    half = int.from_bytes(sealed.signature[32:], "little") + order
    content = envelope.encode(replace(sealed, signature=sealed.signature[:32] + half.to_bytes(32, "little")))
    assert found(put(history, {BUILD: content})) == {("E_SIGNATURE", BUILD)}


def envelope_spellings(content):
    start, payload, rest = b'{"payload":"', json.loads(content)["payload"].encode(), content[content.index(b'","payloadType"') :]
    assert start + payload + rest == content
    unpadded = payload.rstrip(b"=")
    yield "a newline in base64", start + payload[:40] + b"\\n" + payload[40:] + rest
    yield "URL-safe base64", start + payload.translate(bytes.maketrans(b"+/", b"-_")) + rest
    yield "no padding", start + unpadded + rest
    yield "padding twice", start + payload + b"=" + rest
    yield "bits that belong to no byte", start + unpadded[:-1] + bytes([unpadded[-1] + 1]) + payload[len(unpadded) :] + rest
    yield "a key twice", b'{"payload":"",' + content[1:]
    yield "another key", content.replace(b'"}]}', b'"}],"note":"x"}')
    yield "two signatures", content.replace(b'"}]}', b'"},' + content[content.index(b'{"keyid"') : -3] + b"]}")
    yield "spaces", content.replace(b'","', b'", "')
    yield "byte order mark", b"\xef\xbb\xbf" + content
    yield "an escape", content.replace(b"keyid", b"key\\u0069d")
    yield "NaN", content.replace(b'"signatures":', b'"x":NaN,"signatures":')


def test_another_spelling_of_the_envelope(history):
    # A payload that needs two signs of padding, so that every spelling differs.
    content = next(c for p, c in history.files.items() if checkpoint.is_record_path(p) and b"==" in c[:-120])
    path = next(p for p, c in history.files.items() if c == content)
    for name, spelt in envelope_spellings(content):
        if name == "URL-safe base64" and spelt == content:
            continue  # Nothing in this payload needs one of the two letters.
        assert spelt != content, name
        assert ("E_ENVELOPE", path) in found(put(history, {path: spelt})), name


def test_a_record_copied_behind_itself(history):
    again = PUBLISH.replace("000002", "000003")
    assert ("E_CHAIN_REPLAY", again) in found(put(history, {again: history.files[PUBLISH]}))


@pytest.mark.parametrize(
    "target", ["artifacts/handoff/release-2/build/000002.json", "artifacts/handoff/release-1/other/000002.json"]
)
def test_a_record_replayed_in_another_work_item_or_step(history, target):
    moved = put(history, {target: history.files[BUILD], BUILD: None})
    assert ("E_CHAIN_FOREIGN", target) in found(moved)


def test_a_record_in_the_wrong_folder(history):
    target = BUILD.replace("handoff", "claims")
    assert ("E_CHAIN_FOREIGN", target) in found(put(history, {target: history.files[BUILD], BUILD: None}))


def test_two_records_with_one_number(history):
    target = BUILD.replace("handoff", "claims")
    codes = found(put(history, {target: history.files[BUILD]}))
    assert codes & {("E_CHAIN_FORK", BUILD), ("E_CHAIN_FOREIGN", target)}


@pytest.mark.parametrize(
    "path",
    [
        "artifacts/handoff/release-1/build/notes.txt",
        "artifacts/handoff/release-1/build/3.json",
        "artifacts/claims/release-1/build/000001/plan.json",
        "artifacts/gates/release-1/UPPER/000001.json",
    ],
)
def test_a_file_that_does_not_belong(history, path):
    assert ("E_FOREIGN", path) in found(put(history, {path: b"hello"}))


def test_a_file_beside_an_opening_that_it_does_not_name(history):
    path = PLAN.replace("plan.json", "more.json")
    assert found(put(history, {path: b"{}"})) == {("E_FOREIGN", path)}


@pytest.mark.parametrize("path", [PLAN, STEPS])
def test_another_plan_beside_the_opening(history, path):
    assert ("E_PLAN", path) in found(put(history, {path: history.files[path].replace(b"build", b"built")}))
    assert ("E_PLAN", path) in found(put(history, {path: None}))


# --- the policy and the checkpoint ----------------------------------------------------------------------------


def test_an_edited_policy(history):
    content = history.files[POLICY].replace(b'"allow-self-approval": false', b'"allow-self-approval": true')
    (code, path) = found(put(history, {POLICY: content})).pop()
    assert path.startswith(POLICY)
    assert code == "E_POLICY"


def test_a_policy_without_signatures(history):
    signature = next(p for p in history.files if p.endswith(".sig.json"))
    assert found(put(history, {signature: None})) == {("E_ROOT", POLICY)}


def test_no_policy(history):
    gone = {p: None for p in history.files if p.startswith("specs/trust")}
    assert found(put(history, gone)) == {("E_POLICY", POLICY)}


def test_a_policy_with_a_key_of_low_order(history):
    content = history.files[POLICY].replace(EVE.key.public.hex().encode(), b"")
    content = content.replace(CI.key.public.hex().encode(), b"01" + b"00" * 31)
    assert found(put(history, {POLICY: content})) == {("E_POLICY", POLICY)}


def test_a_history_made_anew_with_the_attackers_root(history):
    mine = new_policy(EVE.key, CI.key)
    gone = {p: None for p in history.files if p.startswith("specs/trust")}
    other = put(history, gone | policyfiles.policy_files(mine, [EVE]))
    pinned = default_policy().root_digest
    assert ("E_ROOT", POLICY) in found(other, roots=(pinned,))


def test_an_edited_checkpoint(history):
    content = history.files[HEAD].replace(b"\n13\n", b"\n12\n")
    assert found(put(history, {HEAD: content})) == {("E_SIGNATURE", HEAD)}


def test_the_checkpoint_of_another_origin(history):
    origin = history.files[HEAD].partition(b"\n")[0]
    assert found(put(history, {HEAD: history.files[HEAD].replace(origin, b"evil.example/log")})) == {("E_SIGNATURE", HEAD)}


@pytest.mark.parametrize(("key", "code"), [(EVE, "E_SIGNATURE"), (YOU, "E_ROLE"), (ANN, "E_ROLE")])
def test_a_checkpoint_by_a_key_that_may_not_sign_it(history, key, code):
    assert found(checkpointed(history, key)) == {(code, HEAD)}


@pytest.mark.parametrize("path", [HEAD, LEAVES])
def test_half_a_checkpoint(history, path):
    assert found(put(history, {path: None})) == {("E_CHECKPOINT", path)}


def test_a_leaf_list_that_calls_a_record_by_another_name(history):
    content = history.files[LEAVES].replace(b"release-1/build/000002", b"release-1/built/000002")
    assert found(put(history, {LEAVES: content})) == {("E_CHECKPOINT", LEAVES)}


def test_a_record_replaced_by_another_honestly_signed_one(history):
    assert ("E_FORK", CLOSED) in found(resealed(history, CLOSED, nonce="e" * 32))


def test_a_split_view(world, tmp_path):
    world.history()
    other = finished(tmp_path / "other")
    other.ids.count = 1000
    other.open("release-9")
    since = other.history().files[HEAD]
    world.open("release-9")
    world.do("lint", item="release-9")
    assert ("E_SPLIT_VIEW", HEAD) in found(world.history(), since=since)


def test_an_older_state_served_again(world):
    older = world.history()
    world.open("release-2")
    newer = world.history().files[HEAD]
    assert found(older, since=newer) == {("E_ROLLBACK", HEAD)}


def test_the_checkpoint_taken_away(history):
    without = put(history, {HEAD: None, LEAVES: None})
    assert found(without, since=history.files[HEAD]) == {("E_ROLLBACK", HEAD)}


def test_an_older_checkpoint_that_nobody_trusted_signed(history):
    forged = checkpointed(history, EVE).files[HEAD]
    assert found(history, since=forged) == {("E_SIGNATURE", "--since")}


# --- with a key that may not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [BUILD, CLAIM, APPROVAL, OPENED])
def test_an_unknown_key(history, path):
    assert ("E_SIGNATURE", path) in found(resealed(history, path, EVE))
    theirs = resealed(history, path, EVE).files[path].replace(EVE.key_id.encode(), CI.key_id.encode())
    assert ("E_SIGNATURE", path) in found(put(history, {path: theirs}))


@pytest.mark.parametrize(("path", "key"), [(APPROVAL, CI), (CLAIM, YOU), (BUILD, YOU), (BUILD, ANN), (OPENED, ANN)])
def test_a_key_without_the_role(history, path, key):
    assert ("E_ROLE", path) in found(resealed(history, path, key))


def amended(history, **keys):
    """The history under a policy in which some keys differ."""
    policy = default_policy()
    changed = tuple(keys.get(k.name, k) for k in policy.keys)
    files = policyfiles.policy_files(replace(policy, keys=changed), [YOU])
    gone = {p: None for p in history.files if p.startswith("specs/trust")}
    return put(history, gone | files)


def test_a_key_after_its_time(history):
    ann_time = replace(default_policy().named("you"), valid_until="2025-06-15T15:06:42.000Z")
    assert found(amended(history, you=ann_time)) == {("E_KEY_EXPIRED", APPROVAL)}


def test_a_key_before_its_time(history):
    late = replace(default_policy().named("you"), valid_from="2099-01-01T00:00:00.000Z")
    assert found(amended(history, you=late)) == {("E_KEY_EXPIRED", APPROVAL)}


def test_a_revoked_key_counts_only_in_the_checkpoint_from_before(history):
    for size, codes in ((13, set()), (0, {("E_KEY_REVOKED", APPROVAL)})):
        revoked = replace(default_policy().named("you"), revoked=Revocation(size, "lost"))
        roots = amended(
            history, you=replace(revoked, roles=("approver",)), ann=replace(default_policy().named("ann"), roles=("root",))
        )
        policy = policyformat.parse_policy(roots.files[POLICY])
        gone = {p: None for p in roots.files if p.startswith("specs/trust")}
        assert found(put(roots, gone | policyfiles.policy_files(policy, [ANN]))) == codes


def test_a_stolen_key_can_not_date_its_records_back(history):
    ci = TrustedKey("ci", CI.key, ("executor", "log"), revoked=Revocation(13, "stolen"))
    late = following(history, LINT, event="refused", at="2020-01-01T00:00:00.000Z")
    stolen = amended(added(history, late, "handoff", signed=False), ci=ci)
    assert ("E_KEY_REVOKED", "artifacts/handoff/release-1/lint/000003.json") in found(stolen)


def test_a_key_used_in_another_workflow_than_the_policy_expects(history):
    expected = ("https://example.org/acme/demo/.github/workflows/*@refs/heads/main",)
    bound = amended(history, ci=replace(default_policy().named("ci"), builders=expected))
    assert ("E_BUILDER", BUILD) in found(bound)
    other = reforged(
        bound,
        dict.fromkeys(
            [p for p in bound.files if checkpoint.is_record_path(p)],
            lambda r: replace(
                r, builder=Builder("https://example.org/acme/demo/.github/workflows/x.yml@refs/heads/main", "1", "1", "")
            ),
        ),
    )
    assert found(other) == set()


# --- with the right key, but lying ----------------------------------------------------------------------------


def test_a_fork_by_a_key_holder_is_seen_against_the_checkpoint(history):
    forged = reforged(history, {LINT: body(outcome="another")}, signed=False)
    kept = put(forged, {HEAD: history.files[HEAD], LEAVES: history.files[LEAVES]})
    assert ("E_FORK", LINT) in found(kept)


def test_a_spliced_chain(history):
    assert ("E_CHAIN_FORK", BUILD) in found(resealed(history, BUILD, previous="a" * 64))


def test_the_nonce_of_another_record(history):
    nonce = read(history.files[LINT]).nonce
    assert ("E_CHAIN_REPLAY", CLOSED) in found(resealed(history, CLOSED, nonce=nonce))


def test_a_record_that_speaks_of_another_work_item(history):
    forged = reforged(history, {LINT: lambda r: replace(r, work_item="release-2")})
    assert ("E_WORK_ITEM", LINT) in found(forged)


def test_another_plan(history):
    forged = reforged(history, {BUILD: lambda r: replace(r, plan=replace(r.plan, digest="a" * 64))})
    assert ("E_PLAN", BUILD) in found(forged)


def test_another_version_of_the_step(history):
    forged = reforged(history, {BUILD: lambda r: replace(r, step=replace(r.step, digest="a" * 64))})
    assert ("E_PLAN", BUILD) in found(forged)


def test_a_result_without_a_claim(history):
    assert ("E_CLAIM", "artifacts/handoff/release-1/lint/000001.json") in found(reforged(history, {}, drop=[LINT_CLAIM]))


def test_an_attempt_completed_twice(history):
    again = following(history, LINT, at=read(history.files[LINT]).at)
    assert ("E_ATTEMPT_TWICE", "artifacts/handoff/release-1/lint/000003.json") in found(added(history, again, "handoff"))


def test_a_result_for_another_claim(history):
    forged = reforged(history, {LINT: body(claim="a" * 64)})
    assert ("E_CLAIM", LINT) in found(forged)


def test_a_result_by_another_executor_or_key_than_its_claim(history):
    assert ("E_CLAIM", LINT) in found(reforged(history, {LINT: body(executor="somebody")}))
    eve = TrustedKey("eve", EVE.key, ("executor",))
    policy = replace(default_policy(), keys=tuple(sorted((*default_policy().keys, eve), key=lambda k: k.name)))
    forged = reforged(history, {LINT: lambda r: (r, EVE)})
    gone = {p: None for p in forged.files if p.startswith("specs/trust")}
    assert ("E_CLAIM", LINT) in found(put(forged, gone | policyfiles.policy_files(policy, [YOU])))


def test_a_second_claim_while_one_is_open(history):
    claim = following(history, LINT_CLAIM)
    forged = added(put(history, {LINT: None}), claim, "claims")
    assert ("E_STATE", "artifacts/claims/release-1/lint/000002.json") in found(forged)


def test_a_skipped_attempt_number(history):
    forged = reforged(history, {LINT_CLAIM: lambda r: replace(r, attempt=replace(r.attempt, number=2))})
    assert ("E_CLAIM", LINT_CLAIM) in found(forged)


def test_a_claim_that_leaves_out_what_it_needs(history):
    forged = reforged(history, {PUBLISH_CLAIM: body(depends_on=())})
    assert ("E_DEPENDENCY", PUBLISH_CLAIM) in found(forged)


def test_a_claim_on_a_handoff_that_does_not_exist(history):
    forged = reforged(history, {PUBLISH_CLAIM: body(depends_on=(Dependency("build", "a" * 64),))})
    assert ("E_DEPENDENCY", PUBLISH_CLAIM) in found(forged)


def test_a_claim_on_another_step_s_handoff(history):
    lint = canonical.digest(envelope.decode(history.files[LINT]).payload)
    forged = reforged(history, {PUBLISH_CLAIM: body(depends_on=(Dependency("build", lint),))})
    assert ("E_DEPENDENCY", PUBLISH_CLAIM) in found(forged)


def test_a_claim_on_a_failed_attempt(history):
    failed = "artifacts/handoff/release-1/test/000002.json"
    digest = canonical.digest(envelope.decode(history.files[failed]).payload)
    lint = canonical.digest(envelope.decode(history.files[LINT]).payload)
    forged = reforged(history, {CLAIM: body(depends_on=(Dependency("lint", lint), Dependency("test", digest)))})
    assert ("E_DEPENDENCY", CLAIM) in found(forged)


def test_a_result_built_on_something_else_than_its_claim(history):
    assert ("E_DEPENDENCY", PUBLISH) in found(reforged(history, {PUBLISH: body(depends_on=())}))


def test_a_claim_without_its_approval(history):
    forged = reforged(history, {PUBLISH_CLAIM: body(approvals=())})
    assert ("E_GATE", PUBLISH_CLAIM) in found(forged)


def test_a_claim_with_an_invented_approval(history):
    forged = reforged(history, {PUBLISH_CLAIM: body(approvals=("a" * 64,))})
    assert ("E_GATE", PUBLISH_CLAIM) in found(forged)


@pytest.mark.parametrize(
    "fields",
    [{"inputs": ()}, {"inputs": (Dependency("build", "a" * 64),)}, {"expires": "2020-01-01T00:00:00.000Z"}],
)
def test_an_approval_for_something_else(history, fields):
    assert ("E_GATE", PUBLISH_CLAIM) in found(reforged(history, {APPROVAL: body(**fields)}))


def test_a_rejection_used_as_an_approval(history):
    forged = reforged(history, {APPROVAL: lambda r: replace(r, event="rejected")})
    assert ("E_GATE", PUBLISH_CLAIM) in found(forged)


def test_one_key_that_approves_twice(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",), gate=2)))
    world.open()
    world.do("build")
    world.approve("publish")
    world.approve("publish", by=ANN)
    world.do("publish")
    second = "artifacts/gates/release-1/_gate-publish/000002.json"
    forged = reforged(world.history(), {second: lambda r: (r, YOU)})
    assert ("E_GATE", PUBLISH_CLAIM) in found(forged)


def test_approving_ones_own_work(history):
    both = replace(default_policy().named("you"), roles=("approver", "executor", "integrator", "operator", "root"))
    forged = reforged(amended(history, you=both), {PUBLISH_CLAIM: lambda r: (r, YOU), PUBLISH: lambda r: (r, YOU)})
    assert found(forged) == {("E_GATE", PUBLISH_CLAIM)}
    policy = policyformat.parse_policy(forged.files[POLICY])
    gone = {p: None for p in forged.files if p.startswith("specs/trust")}
    allowed = replace(policy, allow_self_approval=True)
    assert found(put(forged, gone | policyfiles.policy_files(allowed, [YOU]))) == set()


def test_an_invalidation_without_a_cause(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",))))
    world.open()
    world.finish(world.claim("build"), integrated=True)
    world.do("publish")
    world.revert("build")
    history = world.history()
    invalidated = next(p for p in history.files if "/reverts/release-1/publish/" in p)
    reverted = next(p for p in history.files if "/reverts/release-1/build/" in p)
    assert found(history) == set()
    assert ("E_STATE", invalidated) in found(reforged(history, {invalidated: body(cause="nothing")}))
    assert ("E_STATE", reverted) in found(reforged(history, {}, drop=[invalidated]))
    assert ("E_STATE", reverted) in found(reforged(history, {reverted: body(handoff="a" * 64)}))


def test_a_claim_on_work_that_was_taken_back(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",))))
    world.open()
    world.finish(world.claim("build"), integrated=True)
    old = world.handoff("build")
    world.revert("build")
    world.do("build", "publish")
    history = world.history()
    claim = next(p for p in sorted(history.files) if "/claims/release-1/publish/" in p)
    handoff = next(p for p in sorted(history.files) if "/handoff/release-1/publish/" in p)
    depends = (Dependency("build", old),)
    forged = reforged(history, {claim: body(depends_on=depends), handoff: body(depends_on=depends)})
    assert ("E_DEPENDENCY", claim) in found(forged)


def test_an_integrated_step_claimed_again(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",))))
    world.open()
    world.finish(world.claim("build"), integrated=True)
    history = world.history()
    done = "artifacts/handoff/release-1/build/000002.json"
    claim = read(history.files["artifacts/claims/release-1/build/000001.json"])
    digest = canonical.digest(envelope.decode(history.files[done]).payload)
    again = replace(claim, index=3, previous=digest, nonce="f" * 32, attempt=replace(claim.attempt, number=2, id="build-local-2"))
    assert ("E_STATE", "artifacts/claims/release-1/build/000003.json") in found(added(history, again, "claims"))


def test_a_baseline_step_that_does_not_say_so(tmp_path):
    world = World(tmp_path, (Shape("merge", baseline=True), Shape("publish", ("merge",))))
    world.open()
    world.do("merge")
    history = world.history()
    path = "artifacts/handoff/release-1/merge/000002.json"
    assert found(history) == set()
    assert ("E_BASELINE", path) in found(reforged(history, {path: body(baseline="pre")}))


def test_more_of_a_resource_than_there_is(tmp_path):
    world = World(tmp_path, (Shape("a", resources={"staging": 1}), Shape("b", resources={"staging": 1})), capacity={"staging": 2})
    world.open()
    world.claim("a")
    world.claim("b")
    history = world.history()
    assert found(history) == set()
    second = "artifacts/claims/_resource/staging/000002.json"
    holder = next(iter(read(history.files[second]).body.holders))
    assert ("E_RESOURCE", second) in found(reforged(history, {second: body(holders={holder: 2})}))
    assert ("E_RESOURCE", second) in found(reforged(history, {second: body(holders={"release-1/c#1": 1})}))
    claim = "artifacts/claims/release-1/b/000001.json"
    assert ("E_RESOURCE", claim) in found(reforged(history, {}, drop=[second]))


def test_a_work_item_closed_over_unfinished_work(tmp_path):
    world = World(tmp_path, (Shape("build"), Shape("publish", ("build",))))
    world.open()
    world.do("build")
    world.close()
    path = "artifacts/work-items/release-1/_item/000002.json"
    forged = reforged(world.history(), {path: body(result="completed")})
    assert ("E_STATE", path) in found(forged)


def test_a_record_after_the_closing(history):
    late = following(history, LINT, event="refused", at="2030-01-01T00:00:00.000Z")
    assert ("E_STATE", "artifacts/handoff/release-1/lint/000003.json") in found(added(history, late, "handoff"))


def test_a_work_item_opened_twice(history):
    again = replace(following(history, CLOSED), event="opened", body=read(history.files[OPENED]).body)
    codes = {code for code, _ in found(added(history, again, "work-items"))}
    assert "E_STATE" in codes


@pytest.mark.parametrize(
    ("path", "edit"),
    [
        (BUILD, lambda r: replace(r, at="2020-01-01T00:00:00.000Z")),
        (CLAIM, lambda r: replace(r, at="2020-01-01T00:00:00.000Z")),
        (BUILD, body(finished="2020-01-01T00:00:00.000Z")),
        (CLOSED, lambda r: replace(r, at="2020-01-01T00:00:00.000Z")),
        (BUILD, lambda r: replace(r, at="2027-13-41T25:61:61.000Z")),
    ],
)
def test_times_that_run_backwards(history, path, edit):
    record = edit(read(history.files[path]))
    forged = resealed(history, path, at=record.at, body=record.body)
    assert "E_TIME" in {code for code, where in found(checkpointed(forged)) if where == path}


NAMES = [
    "../up", "/etc/passwd", "a//b", "C:\\x", "a\\b", ".git/config", "x/.GIT/hooks", "a\x00b", "nul", "aux.txt", "a/con", "trailing ", "dot.", "", ".", "a/..", "c:x", "a\u202etxt.exe", "e\u0301.txt", "a\u200bb", "a\x7f",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_output_whose_name_leads_elsewhere(history, name):
    forged = reforged(history, {LINT: lambda r: replace(r, subjects=(Subject(name, "a" * 64),))})
    assert ("E_SUBJECT_PATH", LINT) in found(forged)


def test_outputs_that_collide(history):
    forged = reforged(history, {LINT: lambda r: replace(r, subjects=(Subject("dist/A", "a" * 64), Subject("dist/a", "b" * 64)))})
    assert ("E_SUBJECT", LINT) in found(forged)
    forged = reforged(history, {LINT: lambda r: replace(r, subjects=(Subject("\ufb01", "a" * 64), Subject("fi", "b" * 64)))})
    assert ("E_SUBJECT", LINT) in found(forged)


def test_a_swapped_artifact(history):
    assert ("E_ARTIFACT", BUILD) in found(history, digest_of=lambda name: "b" * 64)


def weird_payloads(payload):
    text = payload.decode()
    yield "key twice", text.replace('"_type":', '"_type":"","_type":').encode()
    yield "NaN", text.replace('"index":2', '"index":NaN').encode()
    yield "float", text.replace('"index":2', '"index":2.0').encode()
    yield "exponent", text.replace('"index":2', '"index":2e0').encode()
    yield "long integer", text.replace('"index":2', '"index":' + "9" * 5000).encode()
    yield "minus zero", text.replace('"index":2', '"index":-0').encode()
    yield "true as a number", text.replace('"index":2', '"index":true').encode()
    yield "deep nesting", b"[" * 200_000
    yield "deep and closed", b'{"a":' * 5000 + b"1" + b"}" * 5000
    yield "BOM", b"\xef\xbb\xbf" + payload
    yield "bad UTF-8", payload.replace(b"tester", b"\xff\xfe")
    yield "lone surrogate", text.replace("tester", "\\ud800").encode()
    yield "another schema version", text.replace('"schemaVersion":1', '"schemaVersion":2').encode()
    yield "unknown event", text.replace('"event":"completed"', '"event":"blessed"').encode()
    yield "no subject", text.replace(text[text.index('"subject":') :], '"subject":[]}').encode()
    yield "not an object", b"[1,2]"
    yield "null", b"null"
    yield "empty", b""
    yield "text", b"hello"


def test_payloads_that_are_signed_in_another_spelling(history):
    payload = envelope.decode(history.files[BUILD]).payload
    text = payload.decode()
    value = json.loads(text)
    spellings = [
        text.replace('","', '", "'),
        text.replace("tester", "\\u0074ester"),
        text.replace('"actor"', '"\\u0061ctor"'),
        json.dumps(dict(reversed(value.items())), separators=(",", ":")),
        text + "\n",
        " " + text,
    ]
    for spelt in spellings:
        assert json.loads(spelt) == value
        assert ("E_NONCANONICAL", BUILD) in found(put(history, {BUILD: sealed_raw(spelt.encode())})), spelt[:80]


def test_what_a_key_signed_for_another_purpose(history):
    text = envelope.decode(history.files[BUILD]).payload.decode()
    for other in (
        text.replace("urn:planloom:record:v1", "urn:planloom:policy:v1"),
        text.replace("urn:planloom:record:v1", "https://slsa.dev/provenance/v1"),
        text.replace("in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"),
    ):
        assert ("E_TYPE", BUILD) in found(put(history, {BUILD: sealed_raw(other.encode())}))
    signature = next(content for path, content in history.files.items() if path.endswith(".sig.json"))
    assert ("E_TYPE", APPROVAL) in found(put(history, {APPROVAL: signature}))


def test_payloads_that_are_signed_but_no_record(history):
    payload = envelope.decode(history.files[BUILD]).payload
    for name, weird in weird_payloads(payload):
        assert weird != payload, name
        assert ("E_PAYLOAD", BUILD) in found(put(history, {BUILD: sealed_raw(weird)})), name


def test_garbage_everywhere_is_reported_and_never_a_traceback(history):
    for content in (b"", b"\x00" * 100, b"{}", b"[" * 100_000, bytes(range(256)) * 10):
        for path in history.files:
            # A page for people is no evidence, a workflow without our header is somebody's own, and a plan may have moved on (a note).
            means_nothing = path.startswith((".github/workflows/", "specs/release.yaml", "artifacts/README.md"))
            assert found(put(history, {path: content})) or means_nothing, path
        result = verify(History(dict.fromkeys(history.files, content)), Request(since=content))
        assert result.verdict == "broken"


def test_every_broken_record_is_reported_not_only_the_first(history):
    broken = {p: history.files[p].replace(b'"payload":"eyJ', b'"payload":"eyK') for p in (LINT, BUILD, APPROVAL)}
    result = verify(put(history, broken), Request())
    assert result.broken_records == tuple(sorted(broken))


def test_the_first_break_is_told_first_and_what_everything_rests_on_before_it(history):
    def broken(path):
        return history.files[path].replace(b'"payload":"eyJ', b'"payload":"eyK')

    late_and_early = {CLOSED: broken(CLOSED), LINT: broken(LINT), APPROVAL: broken(APPROVAL)}
    assert [f.path for f in verify(put(history, late_and_early), Request()).findings] == [LINT, APPROVAL, CLOSED]
    stray = f"{POLICY}.0000000{0}.sig.json"
    first = verify(put(history, late_and_early | {stray: b"x"}), Request()).findings[0]
    assert (first.code, first.path) == ("E_ENVELOPE", stray)


def test_a_finding_says_which_part_of_the_record_it_is_about(history):
    forged = {
        "signatures[0].sig": resealed(history, BUILD, EVE),
        "previous": resealed(history, BUILD, previous="a" * 64),
        "plan": reforged(history, {BUILD: lambda r: replace(r, plan=replace(r.plan, digest="a" * 64))}),
        "dependsOn": reforged(history, {BUILD: body(depends_on=())}),
        "executor": reforged(history, {BUILD: body(executor="somebody")}),
        "at": resealed(history, BUILD, at="2020-01-01T00:00:00.000Z"),
    }
    for field, one in forged.items():
        assert field in [f.field for f in verify(one, Request()).findings if f.path == BUILD], field


def test_an_older_policy_put_back_so_that_a_revoked_key_counts_again(history):
    assert found(history, policy_version=1) == set()
    assert found(history, policy_version=2) == {("E_ROLLBACK", POLICY)}


# --- rights that were taken away --------------------------------------------------------------------------------


def narrowed(history, size, **keys):
    """The history under a second version of its policy, in which some keys may do less from a checkpoint size on."""
    policy = policyformat.parse_policy(history.files[POLICY])
    before = {p: c for p, c in history.files.items() if p.startswith("specs/trust")}
    after = policyformat.next_version(policy, [replace(policy.named(name), **fields) for name, fields in keys.items()], size)
    return put(history, policyfiles.policy_files(after, [YOU], before))


@pytest.mark.parametrize(
    ("path", "code", "keys"),
    [
        (APPROVAL, "E_ROLE", {"you": {"roles": ("integrator", "operator", "root")}}),
        (BUILD, "E_BUILDER", {"ci": {"builders": ("https://example.org/*",)}}),
        (LINT, "E_KEY_EXPIRED", {"ci": {"valid_from": "2099-01-01T00:00:00.000Z"}}),
        (HEAD, "E_ROLE", {"ci": {"roles": ("executor",)}}),
    ],
)
def test_a_right_that_is_taken_away_ends_at_a_place_in_the_checkpoint(history, path, code, keys):
    assert found(narrowed(history, 13, **keys)) == set()
    assert (code, path) in found(narrowed(history, 0, **keys))


def test_what_is_signed_after_a_right_was_taken_away_does_not_count_however_it_is_dated(history):
    late = following(history, LINT, event="refused", at=read(history.files[LINT]).at)
    path = "artifacts/handoff/release-1/lint/000003.json"
    longer = added(history, late, "handoff", signed=False)
    assert found(longer) == set()
    assert found(narrowed(longer, 13, ci={"roles": ("log",)})) == {("E_ROLE", path)}


def test_a_right_that_was_given_back_and_taken_again_counts_for_what_lies_between(history):
    twice = narrowed(narrowed(history, 5, ci={"roles": ("log",)}), 13, ci={"roles": ("log", "operator")})
    codes = found(twice)
    places = {leaf.path: i for i, leaf in enumerate(checkpoint.parse_leaves(history.files[LEAVES]))}
    refused = {path for code, path in codes if code == "E_ROLE"}
    own = {p for p in places if read(history.files[p]).event in {"claimed", "completed", "failed"}}
    assert refused == {path for path in own if places[path] >= 5}


def test_more_approvals_than_before_are_asked_of_later_claims_only(history):
    policy = policyformat.parse_policy(history.files[POLICY])
    before = {p: c for p, c in history.files.items() if p.startswith("specs/trust")}
    for size, codes in ((13, set()), (0, {("E_GATE", PUBLISH_CLAIM)})):
        after = replace(policyformat.next_version(policy, [], size), thresholds={"approver": 2, "root": 1})
        assert found(put(history, policyfiles.policy_files(after, [YOU], before))) == codes
