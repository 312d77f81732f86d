"""The file ledger: the layout on disk, what is refused there, and who may read."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from planloom.core.errors import StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.layout import Place, attachment_path, parse_path, record_path
from planloom.ledger.ledger import EMPTY, Append, Entry, Won


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


@pytest.fixture
def files(artifacts):
    return FileLedger(artifacts)


def put(ledger, chain, content, expected=EMPTY, folder="claims", beside=None):
    outcome = ledger.append({chain: Append(expected, Entry(folder, content, beside or {}))})
    assert isinstance(outcome, Won)
    return outcome.heads[chain]


def tree(artifacts):
    found = (p.relative_to(artifacts).as_posix() for p in artifacts.rglob("*") if p.is_file())
    return sorted(name for name in found if not name.startswith(".ledger/"))


def test_records_lie_where_people_look_for_them(files, artifacts):
    put(files, "release-1/_item", b"o", folder="work-items", beside={"plan.json": b"{}"})
    head = put(files, "release-1/build", b"c")
    put(files, "release-1/build", b"h", head, folder="handoff")
    put(files, "release-1/_gate-publish", b"g", folder="gates")
    put(files, "_resource/staging", b"r")
    assert tree(artifacts) == [
        "claims/_resource/staging/000001.json",
        "claims/release-1/build/000001.json",
        "gates/release-1/_gate-publish/000001.json",
        "handoff/release-1/build/000002.json",
        "work-items/release-1/_item/000001.json",
        "work-items/release-1/_item/000001/plan.json",
    ]
    assert (artifacts / "handoff/release-1/build/000002.json").read_bytes() == b"h"


def test_nothing_is_left_over_after_an_append(files, artifacts):
    files.append({f"release-1/s{n}": Append(EMPTY, Entry("claims", b"x")) for n in range(5)})
    put(files, "release-1/build", b"c")
    assert sorted(p.name for p in (artifacts / ".ledger").iterdir()) == ["lock"]
    assert files.leftovers() == ()


def test_reading_makes_no_files(files, artifacts):
    artifacts.mkdir()
    files.read(["release-1/", "release-1/build"])
    files.items()
    assert list(artifacts.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (record_path("claims", "release-1/build", 7), Place("claims", "release-1/build", 7)),
        (attachment_path("release-1/_item", 1, "plan.json"), Place("work-items", "release-1/_item", 1, "plan.json")),
        ("claims/release-1/build/7.json", None),
        ("claims/release-1/build/000000.json", None),
        ("claims/release-1/build/000001.json.bak", None),
        ("claims/release-1/000001.json", None),
        ("exports/release-1/build/000001.json", None),
        ("claims/release-1/build/000001/file", None),
        ("claims/../build/000001.json", None),
    ],
)
def test_a_path_is_parsed_back_into_what_lies_there(path, place):
    assert parse_path(path) == place


def test_a_missing_record_in_the_middle_is_refused_with_its_place(files, artifacts):
    head = EMPTY
    for number in range(3):
        head = put(files, "release-1/build", b"%d" % number, head)
    (artifacts / "claims/release-1/build/000002.json").unlink()
    with pytest.raises(StoreError, match="entry 2 of release-1/build is missing") as caught:
        files.read(["release-1/build"])
    assert caught.value.code == "E_CHAIN_GAP"
    assert files.read(["release-1/test"])["release-1/test"].entries == ()


@pytest.mark.parametrize("name", ["notes.txt", "000001.json~", "1.json", "000002", ".hidden"])
def test_a_foreign_file_in_a_chain_is_refused_with_its_path(files, artifacts, name):
    put(files, "release-1/build", b"c")
    (artifacts / "claims/release-1/build" / name).write_bytes(b"x")
    with pytest.raises(StoreError, match=f"claims/release-1/build/{name}"):
        files.read(["release-1/"])


def test_a_link_in_place_of_a_record_is_refused(files, artifacts, tmp_path):
    put(files, "release-1/build", b"c")
    (tmp_path / "elsewhere").write_bytes(b"x")
    (artifacts / "claims/release-1/build/000002.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"000002\.json"):
        files.read(["release-1/build"])


def test_the_same_entry_in_two_folders_is_refused(files, artifacts):
    put(files, "release-1/build", b"c")
    (artifacts / "handoff/release-1/build").mkdir(parents=True)
    (artifacts / "handoff/release-1/build/000001.json").write_bytes(b"h")
    with pytest.raises(StoreError, match="two entries 1") as caught:
        files.read(["release-1/build"])
    assert caught.value.code == "E_CHAIN_FORK"


def test_a_file_that_lies_in_the_way_is_never_replaced(files, artifacts):
    (artifacts / "claims/release-1/build").mkdir(parents=True)
    (artifacts / "claims/release-1/build/000001.json").write_bytes(b"already here")
    outcome = files.append({"release-1/build": Append(EMPTY, Entry("claims", b"mine"))})
    assert outcome.chains == ("release-1/build",)
    assert (artifacts / "claims/release-1/build/000001.json").read_bytes() == b"already here"


def test_a_copy_without_the_ledgers_tools_can_be_read(files, artifacts, tmp_path):
    import shutil

    files.append({f"release-1/s{n}": Append(EMPTY, Entry("claims", b"x")) for n in range(3)})
    copy = tmp_path / "copy"
    shutil.copytree(artifacts, copy, ignore=shutil.ignore_patterns(".ledger"))
    assert len(FileLedger(copy).read(["release-1/"])) == 3


AS_NOBODY = """
import os, sys
from pathlib import Path
from planloom.core.errors import StoreError
from planloom.ledger.files import FileLedger
from planloom.ledger.ledger import EMPTY, Append, Entry
os.setgroups([]); os.setgid(65534); os.setuid(65534)
ledger = FileLedger(Path(sys.argv[1]))
print(len(ledger.read(["release-1/"])))
try:
    ledger.append({"release-1/new": Append(EMPTY, Entry("claims", b"x"))})
except StoreError as error:
    print(error.message, "|", error.hint)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_who_may_not_write_can_read_and_is_told_so():
    # pytest's own folders are closed to others, so this one lies beside them.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        artifacts = Path(folder) / "artifacts"
        put(FileLedger(artifacts), "release-1/build", b"c")
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(artifacts)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "1"
    assert "Permission denied" in second
    assert "who owns the folder" in second


def test_a_ledger_of_many_items_is_read_one_chain_at_a_time(files, artifacts, monkeypatch):
    for number in range(5):
        files.append({f"item-{number}/s{n}": Append(EMPTY, Entry("claims", b"x")) for n in range(6)})
    opened = []
    real = os.scandir

    def counting(path):
        opened.append(str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", counting)
    files.read(["item-3/s4"])
    assert len(opened) == 5
    assert all(path.endswith("item-3/s4") for path in opened)


def test_a_journal_that_was_tampered_with_is_refused_with_its_path(files, artifacts):
    put(files, "release-1/build", b"c")
    for content in (b"", b"[]", b"{", b'{"../../x":"eA=="}', b'{"claims/a/b/000001.json":"!"}', b'{"claims/a/b/000001.json":1}'):
        (artifacts / ".ledger/journal").write_bytes(content)
        with pytest.raises(StoreError, match=r"\.ledger/journal"):
            files.read(["release-1/"])
        with pytest.raises(StoreError, match=r"\.ledger/journal"):
            files.append({"release-1/test": Append(EMPTY, Entry("claims", b"x"))})


def test_a_lock_file_that_was_swept_away_is_made_again(files, artifacts):
    head = put(files, "release-1/build", b"c")
    (artifacts / ".ledger/lock").unlink()
    assert files.read(["release-1/build"])["release-1/build"].head == head
    put(files, "release-1/build", b"h", head, folder="handoff")
    assert (artifacts / ".ledger/lock").exists()


def test_a_file_system_without_hard_links_is_served_too(files, artifacts, monkeypatch):
    import errno

    def refuse(*args):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    head = put(files, "release-1/build", b"c")
    files.append(
        {"release-1/build": Append(head, Entry("handoff", b"h")), "release-1/test": Append(EMPTY, Entry("claims", b"t"))}
    )
    assert [e.content for e in files.read(["release-1/build"])["release-1/build"].entries] == [b"c", b"h"]
    assert files.leftovers() == ()
