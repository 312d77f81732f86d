"""A name that speaks of no plan is told to be a new work item's."""

from __future__ import annotations

from shops import Shop


def test_run_says_that_it_opens_a_work_item_whose_name_speaks_of_no_plan(tmp_path):
    shop = Shop(tmp_path / "shop", {"key": "build", "run": "true"})
    assert "there was no work item nope: it was opened now, of plan demo\n" in shop.check("run", "nope").stderr
    for words in (["run", "nope"], ["run", "demo-7"], ["run", "other", "--plan", "demo"], ["run"]):
        assert "there was no" not in shop.check(*words).stderr, words
