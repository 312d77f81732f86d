"""A history is the same wherever it lies: folder, bundle, bare clone, ledger."""

import base64
import re
import shutil
import subprocess

import pytest

from planloom.core.errors import InputError, StoreError, TrustError
from planloom.report.verification import verdict_line
from planloom.scaffold.project import lay_down
from planloom.trust.bundle import BundleError, read_bundle, write_bundle
from planloom.trust.checkpoint import LEAVES_PATH, parse_leaves
from planloom.trust.gather import is_evidence, read_history
from planloom.trust.proof import verify_proof, write_proof
from planloom.trust.verify import Request, verify
from trust.histories import EVE, finished
from trust.mirrors import unpack

BUILD = "artifacts/handoff/release-1/build/000002.json"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project's folder with a finished work item, and the policy that trusts its keys."""
    folder = tmp_path_factory.mktemp("project")
    world = finished(folder)
    for path, content in world.history().files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder, world.policy


def git(folder, *words):
    settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *settings, *words], cwd=folder, check=True, capture_output=True)


def test_a_folder_a_bundle_and_a_bare_clone_hold_the_same_history(project, tmp_path):
    folder, _ = project
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")
    git(tmp_path, "clone", "-q", "--bare", str(folder), "bare.git")
    history = read_history(folder)
    (tmp_path / "evidence.bundle").write_bytes(write_bundle(history.files))
    assert read_history(tmp_path / "bare.git") == history
    assert read_history(tmp_path / "evidence.bundle") == history
    assert verify(history, Request()).findings == ()


@pytest.mark.parametrize(("name", "source"), [(".", "directory"), ("evidence.bundle", "bundle"), ("bare.git", "clone")])
def test_the_verdict_says_where_a_trust_root_that_nobody_gave_was_found(project, tmp_path, name, source):
    folder, policy = project
    shutil.copytree(folder, tmp_path / "work", ignore=shutil.ignore_patterns(".git"))
    git(tmp_path / "work", "init", "-q")
    git(tmp_path / "work", "add", ".")
    git(tmp_path / "work", "commit", "-qm", "all")
    git(tmp_path / "work", "clone", "-q", "--bare", ".", "bare.git")
    (tmp_path / "work" / "evidence.bundle").write_bytes(write_bundle(read_history(folder).files))
    history = read_history(tmp_path / "work" / name)
    for request in (Request(), Request(item="release-1")):
        last = verdict_line(verify(history, request))
        assert last.startswith(f"Self-consistent. The trust root sha256:{policy.root_digest} comes from this {source}; pin it")


def on_two_branches(folder, work, branch="planloom"):
    """The project with its records on a ledger branch of their own, as a collector leaves it."""
    subprocess.run(["cp", "-r", str(folder), str(work)], check=True)
    subprocess.run(["rm", "-rf", str(work / ".git")], check=True)
    git(work, "init", "-q")
    git(work, "checkout", "-q", "-b", branch)
    git(work, "add", "artifacts")
    git(work, "commit", "-qm", "records")
    git(work, "checkout", "-q", "--orphan", "main")
    git(work, "rm", "-rqf", "--cached", "artifacts")
    if branch != "planloom":
        (work / "generated" / "project.json").write_text(f'{{"ledgerBranch":"{branch}"}}')
    git(work, "add", "specs", "generated")
    git(work, "commit", "-qm", "plans")


@pytest.mark.parametrize("branch", ["planloom", "evidence/all"])
@pytest.mark.parametrize("words", [["--bare"], []])
def test_records_on_the_ledger_branch_of_a_clone_are_found(project, tmp_path, branch, words):
    folder, _ = project
    on_two_branches(folder, tmp_path / "work", branch)
    git(tmp_path, "clone", "-q", *words, str(tmp_path / "work"), "clone")
    assert read_history(tmp_path / "clone") == read_history(folder)


def test_a_clone_whose_local_ledger_branch_is_old_is_read_as_it_was_fetched(project, tmp_path):
    folder, _ = project
    work, clone = tmp_path / "work", tmp_path / "clone"
    on_two_branches(folder, work)
    git(tmp_path, "clone", "-q", str(work), "clone")
    git(clone, "branch", "-q", "planloom", "origin/planloom")
    git(work, "checkout", "-qf", "planloom")
    git(work, "rm", "-q", BUILD)
    git(work, "commit", "-qm", "hide one")
    git(clone, "fetch", "-q")
    assert [f.code for f in verify(read_history(clone), Request()).findings if f.path == BUILD] == ["E_TRUNCATED"]


def test_a_working_copy_without_a_ledger_branch_is_read_as_it_lies(project, tmp_path):
    folder, _ = project
    on_two_branches(folder, tmp_path / "work")
    git(tmp_path, "clone", "-q", "--single-branch", str(tmp_path / "work"), "clone")
    assert read_history(tmp_path / "clone").records() == {}


def test_what_is_not_evidence_is_left_out(project):
    folder, _ = project
    (folder / "artifacts" / ".ledger").mkdir(exist_ok=True)
    (folder / "artifacts" / ".ledger" / "lock").write_bytes(b"")
    (folder / "artifacts" / "schedule").mkdir(exist_ok=True)
    (folder / "artifacts" / "schedule" / "release-1.json").write_bytes(b"{}")
    assert all(is_evidence(path) for path in read_history(folder).files)
    assert not any("lock" in path or "schedule" in path for path in read_history(folder).files)


@pytest.fixture
def laid_down(tmp_path):
    """A project as `init` leaves it: its workflows are compiled from its plan."""
    lay_down(tmp_path / "demo", "release")
    return tmp_path / "demo"


def notes(folder):
    return verify(read_history(folder), Request()).notes


def test_compiled_workflows_are_evidence_and_workflows_of_others_are_not(laid_down):
    (laid_down / ".github/workflows/mine.yml").write_text("on: push\njobs: {}\n")
    found = sorted(path for path in read_history(laid_down).files if path.startswith(".github/"))
    assert found == [f".github/workflows/release-{name}.yml" for name in ("collector", "execute", "orchestrator")]
    assert notes(laid_down) == ()


def test_a_workflow_that_was_compiled_from_another_plan_than_lies_there_is_told(laid_down):
    path = laid_down / ".github/workflows/release-execute.yml"
    text = path.read_text()
    path.write_text(re.sub("plan sha256:[0-9a-f]{64}", f"plan sha256:{'0' * 64}", text))
    (said,) = notes(laid_down)
    assert said.startswith(".github/workflows/release-execute.yml was compiled from another version of specs/release.yaml than")
    path.write_text(text.replace("specs/release.yaml", "specs/gone.yaml"))
    (said,) = notes(laid_down)
    assert said.endswith("was compiled from specs/gone.yaml, of which there is no compiled plan in generated/")


def test_a_plan_that_was_edited_and_not_compiled_is_told(laid_down):
    plan = laid_down / "specs/release.yaml"
    plan.write_text(plan.read_text() + "# more\n")
    assert notes(laid_down) == ("specs/release.yaml has changed since generated/release was compiled from it (planloom compile)",)


@pytest.mark.parametrize("name", ["nothing", "empty", "text"])
def test_a_place_without_a_history_is_refused_with_words(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError):
        read_history(tmp_path / name)


def test_a_clone_that_lacks_objects_makes_git_neither_ask_a_remote_nor_run_what_its_settings_name(project, tmp_path):
    """Where git knows a remote that promised the rest, it would fetch what is missing, by a command that the clone's settings name."""
    on_two_branches(project[0], tmp_path / "work")
    git(tmp_path, "clone", "-q", "--bare", "--no-local", "work", "bare.git")
    bare, ran = tmp_path / "bare.git", tmp_path / "ran"
    told = subprocess.run(["git", "-C", bare, "rev-parse", "planloom:" + BUILD], check=True, capture_output=True, text=True)
    unpack(bare)
    (bare / "objects" / told.stdout[:2] / told.stdout[2:].strip()).unlink()
    with pytest.raises(StoreError, match=f"no content for {BUILD}: the clone is not whole"):
        read_history(bare)
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://localhost/nowhere",
        "core.sshCommand": f"touch '{ran}'; false",
        "protocol.allow": "always",
    }.items():
        git(bare, "config", name, value)
    with pytest.raises(StoreError):
        read_history(bare)
    assert not ran.exists()
    # The trap works: git itself, asked the same, runs the command.
    subprocess.run(["git", "-C", bare, "cat-file", "blob", told.stdout.strip()], check=False, capture_output=True)
    assert ran.exists()


def test_a_broken_bare_clone_is_a_store_error(tmp_path):
    for name in ("objects", "refs"):
        (tmp_path / name).mkdir()
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    with pytest.raises(StoreError):
        read_history(tmp_path)


def test_no_changed_bit_of_a_bundle_passes(project):
    history = read_history(project[0])
    some = {p: c for p, c in history.files.items() if p.endswith(("checkpoint", "leaves.txt", ".sig.json"))}
    whole = write_bundle(some)
    assert read_bundle(whole).files == some
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        try:
            found = read_bundle(changed)
        except BundleError:
            continue
        assert found.files != some


def test_a_proof_shows_that_a_record_is_in_the_checkpoint(project):
    folder, policy = project
    files = read_history(folder).files
    proof = write_proof(BUILD, files)
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\n")
    proven = verify_proof(proof, files[BUILD], policy)
    assert (proven.head.size, proven.signer.name) == (13, "ci")
    assert proven.index == [leaf.path for leaf in parse_leaves(files[LEAVES_PATH])].index(BUILD)
    with pytest.raises(TrustError):
        verify_proof(proof, files[BUILD] + b" ", policy)


def test_no_changed_byte_of_a_proof_shows_another_place(project):
    folder, policy = project
    files = read_history(folder).files
    proof = write_proof(BUILD, files)
    for at in range(len(proof)):
        for bit in (1, 0x20, 0x80):
            changed = proof[:at] + bytes([proof[at] ^ bit]) + proof[at + 1 :]
            try:
                proven = verify_proof(changed, files[BUILD], policy)
            except TrustError:
                continue
            # Only the path may differ: it is a note beside the proof, which is about the record's bytes.
            assert proven == verify_proof(proof, files[BUILD], policy)


def test_a_proof_without_the_extra_line_that_the_format_leaves_open_proves_the_same(project):
    folder, policy = project
    files = read_history(folder).files
    start, extra, *rest = write_proof(BUILD, files).split(b"\n")
    assert extra.startswith(b"extra ")
    for lines in ([start, *rest], [start, b"extra " + base64.b64encode(b"\x1b[2Jother"), *rest]):
        assert verify_proof(b"\n".join(lines), files[BUILD], policy) == verify_proof(
            write_proof(BUILD, files), files[BUILD], policy
        )
    for lines in ([start], [start, extra], [start, extra, extra, *rest], [start, b"extra !", *rest], [start, rest[1], *rest]):
        with pytest.raises(TrustError, match="its form is wrong"):
            verify_proof(b"\n".join(lines), files[BUILD], policy)


def test_a_record_that_no_checkpoint_covers_has_no_proof(project):
    files = read_history(project[0]).files
    with pytest.raises(InputError):
        write_proof("artifacts/handoff/release-1/nothing/000001.json", files)
    with pytest.raises(InputError):
        write_proof(BUILD, {})


def test_a_proof_by_a_stranger_is_refused(project):
    folder, policy = project
    from attacks.forging import checkpointed

    forged = checkpointed(read_history(folder), EVE).files
    with pytest.raises(TrustError) as caught:
        verify_proof(write_proof(BUILD, forged), forged[BUILD], policy)
    assert caught.value.code == "E_SIGNATURE"
