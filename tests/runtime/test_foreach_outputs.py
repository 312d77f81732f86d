"""What the steps of a foreach hand on, each under a name of its own."""

from __future__ import annotations

from shops import Shop


def test_each_step_of_a_foreach_hands_on_its_own_file_and_the_next_step_gets_all(tmp_path):
    shop = Shop(
        tmp_path / "shop",
        {
            "key": "build",
            "needs": [],
            "foreach": {"python": ["3.12", "3.*"]},
            "run": 'mkdir -p "dist/$EACH_PYTHON" && echo "for $EACH_PYTHON" > "dist/$EACH_PYTHON/x.whl"',
            "outputs": ["dist/${EACH_PYTHON}/*.whl"],
        },
        {"key": "all", "needs": ["build"], "run": "cat dist/*/x.whl > all.txt", "outputs": ["all.txt"]},
    )
    shop.check("run", "demo-1", "--jobs", "2")
    assert (shop.folder / "all.txt").read_text() == "for 3.*\nfor 3.12\n"
    page = shop.check("report", "demo-1").stdout
    assert "`dist/3.12/x.whl`" in page
    assert "`dist/3.*/x.whl`" in page
    shop.check("verify")
