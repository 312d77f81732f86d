"""The limit that the threat model states: under `planloom run` a step's command is the user, and no wall stands between it and key files."""

from __future__ import annotations

from shops import Shop

READ = "cat .planloom/you.pem; env"


def test_a_command_of_a_local_run_can_read_key_files_but_is_given_no_key(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "read", "run": READ, "needs": []})
    key = (shop.folder / ".planloom/ci.pem").read_text()
    shop.check("run", "demo-1", PLANLOOM_SIGNING_KEY=key, PLANLOOM_SIGNING_KEY_PASSPHRASE="hush")
    said = (shop.folder / ".planloom/logs/demo-1/read-1.log").read_text()
    assert (shop.folder / ".planloom/you.pem").read_text() in said
    assert key.splitlines()[1] not in said
    assert "PLANLOOM_SIGNING_KEY" not in said
