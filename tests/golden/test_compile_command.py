"""compile, graph and pin as typed."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile

import pytest
from click.testing import CliRunner

from golden.compiling import CASES
from planloom.cli.compiling import compile_, graph, pin
from planloom.cli.start import init
from planloom.core.errors import InputError, StoreError
from planloom.emit.pinning import pin_here, pin_index, read_origin


@pytest.fixture
def project(tmp_path):
    shutil.copytree(CASES / "direct/specs", tmp_path / "specs")
    return tmp_path


def run(command, *arguments, root):
    result = CliRunner().invoke(command, [*arguments, "--root", str(root)], catch_exceptions=False, standalone_mode=False)
    return result.return_value, result.stdout, result.stderr


def test_compiling_writes_says_what_and_names_the_next_command(project):
    status, out, err = run(compile_, root=project)
    assert status == 0
    assert "wrote    .github/workflows/execute.yml\n" in out
    assert err.splitlines()[-1] == f"Next: planloom init {project}"
    assert (project / ".github/workflows/orchestrator.yml").is_file()


def test_compiling_again_writes_nothing(project):
    run(compile_, root=project)
    status, out, err = run(compile_, root=project)
    assert (status, out) == (0, "")
    assert err.endswith(f"Next: planloom init {project}\n")


def test_with_a_policy_compiling_leads_to_a_commit_and_then_to_run(project):
    CliRunner().invoke(init, [str(project)], catch_exceptions=False, standalone_mode=False)
    (project / ".git").mkdir()  # outside of a repository nothing of git is proposed
    plan = project / "specs/phases.yaml"
    plan.write_text(plan.read_text().replace("name: ", "name: New ", 1))
    assert run(compile_, root=project)[2].splitlines()[-1].startswith(f"Next: git -C {project} add")
    assert run(compile_, root=project)[2].endswith(f"Next: planloom run --root {project}\n")
    assert run(compile_, "--check", root=project)[2].endswith(f"Next: planloom run --root {project}\n")


def test_an_unchanged_project_is_not_compiled_again_and_any_change_is_noticed(project):
    (project / ".planloom").mkdir()
    (project / ".git").mkdir()
    (project / "specs/phases.yaml").write_text(QUIET)
    run(compile_, root=project)
    note = (project / ".planloom/compiled").read_text()
    status, out, err = run(compile_, root=project)
    assert (status, out) == (0, "")
    assert "not-pinned" in err
    assert "of them unchanged" in err
    for path, content in (
        ("specs/phases.yaml", QUIET.replace("echo one", "echo two")),
        ("generated/project.json", "{}"),
        (".github/workflows/quiet-execute.yml", "# Compiled by planloom from elsewhere\n"),
    ):
        before = (project / path).read_text()
        (project / path).write_text(content)
        assert run(compile_, root=project)[1] != ""
        (project / path).write_text(before)
        run(compile_, root=project)
        assert (project / ".planloom/compiled").read_text() == note


QUIET = """schema: planloom/plan/v1
id: quiet
name: Quiet
version: 1.0.0
steps:
  - {key: one, run: echo one}
"""


def test_check_is_content_with_what_compile_wrote(project):
    run(compile_, root=project)
    status, out, err = run(compile_, "--check", root=project)
    assert (status, out) == (0, "")
    assert "compiled files are current" in err


def test_check_shows_a_unified_diff_and_exits_1(project):
    run(compile_, root=project)
    workflow = project / ".github/workflows/collector.yml"
    workflow.write_text(workflow.read_text().replace("planloom export", "planloom export --stdout"))
    (project / "generated/001-phases/matrix.json").unlink()
    status, out, err = run(compile_, "--check", root=project)
    assert status == 1
    assert "--- a/.github/workflows/collector.yml\n+++ b/.github/workflows/collector.yml\n" in out
    assert "-        run: planloom export --stdout\n+        run: planloom export\n" in out
    assert "--- /dev/null\n+++ b/generated/001-phases/matrix.json\n" in out
    assert "edited by hand .github/workflows/collector.yml" in err
    assert "missing        generated/001-phases/matrix.json" in err
    assert err.endswith(f"Next: planloom compile --root {project}\n")


def test_check_annotates_on_github_and_speaks_json(project):
    run(compile_, root=project)
    (project / "generated/project.json").write_text("{}\n")
    _, out, _ = run(compile_, "--check", "--format", "github", root=project)
    assert "::error file=generated/project.json,title=planloom::stale: run planloom compile\n" in out
    _, out, _ = run(compile_, "--check", "--format", "json", root=project)
    assert json.loads(out) == [{"path": "generated/project.json", "kind": "stale"}]


def test_check_sees_files_that_git_does_not_know_once_the_plans_are_in_git(project):
    def git(*arguments):
        subprocess.run(["git", "-C", str(project), *arguments], check=True, capture_output=True)

    run(compile_, root=project)
    git("init", "-q")
    assert run(compile_, "--check", root=project)[0] == 0
    git("add", "specs", "generated")
    status, _, err = run(compile_, "--check", root=project)
    assert status == 1
    assert "not in git     .github/workflows/orchestrator.yml" in err
    assert err.endswith(f"Next: git -C {project} add generated .github/workflows\n")
    git("add", ".github")
    assert run(compile_, "--check", root=project)[0] == 0


def test_a_removed_plan_takes_its_files_along(project):
    shutil.copy(CASES / "manual/specs/people.yaml", project / "specs/people.yaml")
    run(compile_, root=project)
    (project / "specs/people.yaml").unlink()
    _, out, _ = run(compile_, root=project)
    assert "removed  .github/workflows/people-orchestrator.yml\n" in out
    assert not (project / "generated/people").exists()


def test_errors_are_shown_and_nothing_is_written(project):
    plan = project / "specs/phases.yaml"
    plan.write_text(plan.read_text().replace("key: phase-polish,", "key: phase-polish, needs: [phase-modells],"))
    status, _, err = run(compile_, root=project)
    assert status == 1
    assert "phase-modells" in err
    assert "Nothing was written." in err
    assert not (project / "generated").exists()


def test_what_would_break_a_limit_or_reach_the_key_is_an_error_with_its_place(project):
    plan = project / "specs/phases.yaml"
    plan.write_text(
        plan.read_text().replace("execution: direct, ", "").replace("environment: production", "environment: planloom")
    )
    status, _, err = run(compile_, root=project)
    assert status == 1
    assert "specs/phases.yaml:12:18: error: step 'phase-deploy' runs in environment 'planloom'" in err
    assert "key-environment" in err
    assert not (project / "generated").exists()


def test_the_budget_is_shown_as_text_and_json(project):
    status, out, _ = run(compile_, "--budget", root=project)
    assert status == 0
    assert "size of a workflow file" in out
    assert not (project / "generated").exists()
    _, out, _ = run(compile_, "--budget", "--format", "json", root=project)
    assert json.loads(out)[0]["pushesPerWave"] == 4


def test_a_folder_without_plans_names_the_command_that_helps(tmp_path):
    (tmp_path / "specs").mkdir()
    with pytest.raises(InputError, match="no plan in specs") as refused:
        run(compile_, root=tmp_path)
    assert "planloom init" in refused.value.hint


def test_graph_draws_the_only_plan_and_asks_which_of_several(project):
    assert run(graph, root=project)[1].startswith("flowchart LR\n")
    shutil.copy(CASES / "manual/specs/people.yaml", project / "specs/people.yaml")
    assert '"ask" -> "decide";' in run(graph, "people", "--format", "dot", root=project)[1]
    with pytest.raises(InputError, match="which plan"):
        run(graph, root=project)
    with pytest.raises(InputError, match="no plan 'peple'") as refused:
        run(graph, "peple", root=project)
    assert refused.value.hint == "did you mean 'people'?"


def make_wheel(folder, name, version, requires=()):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{lines}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """An index that is a folder: pip and pip-tools are told by environment, so nothing asks a network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    make_wheel(folder, "needed", "1.0")
    make_wheel(folder, "typing_extensions", "4.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def test_pinning_a_wheel_locks_it_and_its_needs_by_hash(project, wheels, tmp_path):
    wheel = make_wheel(tmp_path, "planloom", "0.1.0", ["needed>=1", "unwanted; extra == 'dev'"])
    status, out, err = run(pin, "--wheel", str(wheel), root=project)
    lock = (project / "specs/requirements.lock").read_text()
    assert status == 0
    assert "needed==1.0 \\\n    --hash=sha256:" in lock
    assert "./specs/wheels/planloom-0.1.0-py3-none-any.whl \\\n    --hash=sha256:" in lock
    assert "unwanted" not in lock
    assert "://" not in lock
    assert str(wheels) not in lock
    assert (project / "specs/planloom.yaml").read_text() == "schema: planloom/project/v1\ninstall: wheel\n"
    assert "specs/requirements.lock" in out
    # What takes long is said before it begins.
    begins, last = err.splitlines()
    assert begins.startswith("asking the index for everything that is needed, and hashing each file")
    assert last == f"Next: planloom compile --root {project}"
    assert run(compile_, root=project)[0] == 0
    installs = (project / ".github/workflows/collector.yml").read_text()
    assert "python -m pip install --require-hashes -r specs/requirements.lock\n" in installs
    assert "planloom==" not in installs


def test_pinning_the_checkout_locks_the_build_backend_too(project, wheels):
    (project / "pyproject.toml").write_text(
        '[project]\nname = "planloom"\ndependencies = ["needed"]\n[build-system]\nrequires = ["typing_extensions"]\n'
    )
    (project / "specs/planloom.yaml").write_text("schema: planloom/project/v1\n# kept\ninstall: wheel\npython: '3.12'\n")
    _, out, _ = run(pin, "--path", str(project), "--format", "json", root=project)
    assert json.loads(out) == {"schema": "planloom/pin/v1", "lock": "specs/requirements.lock", "packages": 2, "install": "path"}
    lock = (project / "specs/requirements.lock").read_text()
    assert "needed==1.0" in lock
    assert "typing-extensions==4.0" in lock
    settings = (project / "specs/planloom.yaml").read_text()
    assert settings == "schema: planloom/project/v1\n# kept\ninstall: path\npython: '3.12'\n"
    run(compile_, root=project)
    assert "--no-index --no-deps --no-build-isolation ." in (project / ".github/workflows/collector.yml").read_text()


def test_pinning_says_what_is_wrong(project, wheels, tmp_path):
    with pytest.raises(InputError, match="is not a wheel"):
        run(pin, "--wheel", str(project / "specs/phases.yaml"), root=project)
    with pytest.raises(InputError, match="not a wheel of planloom"):
        run(pin, "--wheel", str(wheels / "needed-1.0-py3-none-any.whl"), root=project)
    with pytest.raises(InputError, match="does not describe a package"):
        run(pin, "--path", str(project), root=project)
    with pytest.raises(InputError, match="must be the project itself"):
        run(pin, "--path", str(tmp_path.parent), root=project)
    lonely = make_wheel(tmp_path, "planloom", "0.1.0", ["nowhere-to-be-found"])
    with pytest.raises(StoreError, match="can't be resolved"):
        run(pin, "--wheel", str(lonely), root=project)
    (project / "specs/planloom.yaml").write_text("schema: planloom/project/v1\ninstall: path\n")
    with pytest.raises(InputError, match="does not describe a package"):
        run(pin, root=project)  # what is set stays so
    assert not (project / "specs/requirements.lock").exists()


def test_pinning_from_an_index_without_planloom_says_what_to_do_instead(wheels):
    with pytest.raises(StoreError, match="No matching distribution found for planloom") as refused:
        pin_index()
    assert "pip._internal" not in refused.value.message
    assert "planloom pin --wheel FILE" in refused.value.hint


BACKEND = """\
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "planloom-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as archive:
        archive.writestr("planloom-0.1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: planloom\\nVersion: 0.1.0\\n")
        archive.writestr("planloom-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("planloom-0.1.0.dist-info/RECORD", "")
    return name
"""


def test_planloom_that_was_installed_from_a_checkout_is_pinned_as_a_wheel_of_it(project, wheels, tmp_path):
    checkout = tmp_path / "check out"
    checkout.mkdir()
    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    stages = []
    pinned = pin_here(project, checkout.as_uri(), stages.append)
    assert [stage.split()[0] for stage in stages] == ["making", "asking"]
    assert pinned.install == "wheel"
    assert "./specs/wheels/planloom-0.1.0-py3-none-any.whl \\\n    --hash=sha256:" in pinned.lock
    assert str(tmp_path) not in pinned.lock
    assert (project / "specs/wheels/planloom-0.1.0-py3-none-any.whl").is_file()


def test_planloom_that_was_installed_from_a_wheel_is_pinned_as_that_wheel(project, wheels, tmp_path):
    wheel = make_wheel(tmp_path, "planloom", "0.1.0", ["needed"])
    assert pin_here(project, wheel.as_uri()).install == "wheel"
    assert (project / "specs/wheels" / wheel.name).read_bytes() == wheel.read_bytes()
    wheel.unlink()
    with pytest.raises(InputError, match="which is gone") as refused:
        pin_here(project, wheel.as_uri())
    assert "--wheel" in refused.value.hint


@pytest.mark.parametrize(
    ("stated", "origin"),
    [
        ("{}", ""),
        ('{"url": "file:///home/me/planloom", "dir_info": {"editable": true}}', "file:///home/me/planloom"),
        ('{"url": "https://x/y.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', "git+https://x/y.git@abc"),
    ],
)
def test_where_planloom_came_from_is_read_from_what_pip_wrote(stated, origin):
    assert read_origin(stated) == origin
