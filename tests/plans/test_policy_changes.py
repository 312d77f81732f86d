"""The trust policy is reviewed with the plans: what changes is told by meaning, and what its root did not sign is an error."""

import shutil

import pytest

from planloom.cli.main import run
from planloom.core.errors import EXIT_DONE, EXIT_FINDINGS
from planloom.scaffold.project import lay_down


@pytest.fixture
def project(tmp_path, monkeypatch):
    lay_down(tmp_path / "before", "release")
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    monkeypatch.chdir(tmp_path / "after")
    return tmp_path


def trust_anna():
    assert run(["keys", "new", "anna"]) == EXIT_DONE
    assert run(["keys", "trust", "anna", "--role", "approver", "--yes"]) == EXIT_DONE


def test_a_new_approver_is_called_out_as_something_that_weakens(project, capsys):
    trust_anna()
    capsys.readouterr()
    assert run(["diff", str(project / "before")]) == EXIT_DONE
    shown = capsys.readouterr().out
    assert "trust policy changed" in shown
    assert "! new key anna" in shown
    assert "approver" in shown


def test_an_equal_policy_is_not_mentioned(project, capsys):
    assert run(["diff", str(project / "before"), "--format", "markdown"]) == EXIT_DONE
    assert "trust policy" not in capsys.readouterr().out


def test_a_policy_that_is_gone_is_told(project, capsys):
    shutil.rmtree(project / "after" / "specs" / "trust")
    assert run(["diff", str(project / "before")]) == EXIT_DONE
    assert "! the trust policy is gone" in capsys.readouterr().out


def test_a_policy_that_its_root_did_not_sign_is_an_error(project, capsys):
    signature = next((project / "after" / "specs" / "trust").glob("*.sig.json"))
    signature.unlink()
    assert run(["validate"]) == EXIT_FINDINGS
    assert "PL503" in capsys.readouterr().out


def test_a_policy_that_its_root_signed_is_none(project, capsys):
    trust_anna()
    assert run(["validate"]) == EXIT_DONE
    assert "PL503" not in capsys.readouterr().out
