"""A plan that validates compiles; and a trust policy that can't be read is never taken for one that is not there."""

import shutil

import pytest

GATED = "steps:\n  - key: publish\n    run: make\n    gate: {}\n"
FREE = "steps:\n  - key: build\n    run: make\n"


def both(planloom, *codes):
    """Check that validate and compile say the same codes; return validate."""
    checked, compiled = planloom("validate"), planloom("compile")
    assert (checked.status, compiled.status) == (1, 1)
    for code in codes:
        assert f"[{code} " in checked.out
        assert f"[{code} " in compiled.err
    assert "planloom explain" in checked.err
    return checked


def test_a_workflow_that_is_too_big_is_found_by_validate_too(planloom, write):
    numbers = ", ".join(f'"{n}"' for n in range(16))
    write(
        "specs/demo.yaml",
        f"steps:\n  - key: shard\n    foreach: {{a: [{numbers}], b: [{numbers}]}}\n    steps:\n      - run: make\n",
    )
    write("specs/requirements.lock", "")
    done = both(planloom, "PL791")
    assert "512,000" in done.out


def test_a_matrix_that_is_too_big_is_found_by_validate_too(planloom, write):
    steps = "".join(f"  - {{key: s{n}, needs: [], run: make, matrix: {{note: {'x' * 1500}}}}}\n" for n in range(256))
    write("specs/demo.yaml", f"steps:\n{steps}")
    both(planloom, "PL793")


def test_a_file_where_a_compiled_one_belongs_is_refused_by_validate_too(planloom, write, tmp_path):
    write("specs/demo.yaml", FREE)
    write(".github/workflows/demo-orchestrator.yml", "name: mine\n")
    for command in ("validate", "compile"):
        done = planloom(command)
        assert done.status == 2
        assert "demo-orchestrator.yml exists and was not written by planloom" in done.err
    assert not (tmp_path / "generated").exists()


def test_validate_writes_nothing(planloom, write, tmp_path):
    write("specs/demo.yaml", FREE)
    assert planloom("validate").status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["specs"]


def test_a_gate_before_trust_is_set_up_is_a_warning(planloom, write, tmp_path):
    write("specs/demo.yaml", GATED)
    (tmp_path / "specs/trust").mkdir()
    done = planloom("validate")
    assert done.status == 0
    assert "warning: step 'publish' waits for approvals, and there is no specs/trust/policy.json [PL501 " in done.out


@pytest.fixture
def trusted(planloom, monkeypatch, tmp_path):
    """A project with a gate and a sound trust policy."""
    assert planloom("init", "shop").status == 0
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop/specs/trust"


def remove(trust):
    (trust / "policy.json").unlink()


def replace_by_a_folder(trust):
    remove(trust)
    (trust / "policy.json").mkdir()


def replace_by_a_dead_link(trust):
    remove(trust)
    (trust / "policy.json").symlink_to("nowhere.json")


def replace_the_folder(trust):
    shutil.rmtree(trust)
    trust.write_text("x")


def link_the_folder_to_nowhere(trust):
    shutil.rmtree(trust)
    trust.symlink_to("nowhere")


def cut(trust):
    (trust / "policy.json").write_bytes((trust / "policy.json").read_bytes()[:-20])


@pytest.mark.parametrize(
    "damage", [remove, replace_by_a_folder, replace_by_a_dead_link, replace_the_folder, link_the_folder_to_nowhere, cut]
)
def test_a_policy_that_is_there_and_can_not_be_read_is_an_error(planloom, trusted, damage):
    assert planloom("validate").status == 0
    damage(trusted)
    done = both(planloom, "PL503")
    assert "PL501" not in done.out
