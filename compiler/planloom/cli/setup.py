"""init --github and doctor --github: setting a repository up, and checking that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from planloom.cli import screen
from planloom.core.errors import EXIT_FINDINGS, EXIT_STORE, InputError, PlanloomError, StoreError, TrustError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from planloom.care.findings import Ground
    from planloom.core.canonical import Json
    from planloom.github.checks import Check
    from planloom.github.setup import Setting, Step

RISK = """\
{name} is private, and its owner's plan has no environments for private repositories ({why}).
The key can only be a secret of the whole repository. The risk: whoever may push a branch can push a workflow that reads it, and
can then claim and hand off in the runner's name; your own key, approvals and reverts stay out of reach.
Without that risk: make the repository public, or use a plan with environments (Pro, Team, Enterprise)."""


def set_up_github(root: Path, *, yes: bool, only_check: bool) -> None:
    """Set the repository up on GitHub, or with `only_check` tell what is and change nothing.

    Shows what it will do and asks, unless `yes`. Without a way to sign in it prints the steps and their pages.
    Raises: PlanloomError; click.exceptions.Exit with 1 when something is not set up.
    """
    setting = _find_setting(root, unreachable_too=not only_check)
    from planloom.github.setup import has_no_environments, plan_steps

    if has_no_environments(setting.repository):
        setting = replace(setting, environments=False)
    steps = plan_steps(setting)
    if only_check:
        _show_state(setting, steps)
        return
    if not setting.client.token:
        _print_by_hand(setting, steps)
        return
    if not setting.environments:
        _ask_about_risk(setting, "it is on the free plan", yes=yes)
    _carry_out(setting, steps, yes=yes)


def check_github(ground: Ground, style: str) -> int:
    """Check what is set up on GitHub; returns the exit code. Raises: PlanloomError when GitHub can't be asked at all."""
    from planloom.care.scratch import Scratch
    from planloom.github.checks import Scene, check_all
    from planloom.runtime.effects import SystemIds

    setting = _find_setting(ground.root)
    if setting.repository is None or not setting.client.token:
        message = "nothing signs us in to GitHub, so nothing can be checked"
        raise TrustError(message, hint="gh auth login, or set GH_TOKEN", code="E_GITHUB_LOGIN")
    scratch = Scratch.find(ground, demand=True)
    if scratch is None:
        raise AssertionError
    scene = Scene(setting.local, setting.place, setting.client, setting.repository, scratch, SystemIds().nonce()[:12])
    found = check_all(scene)
    if style == "json":
        lines: list[Json] = [{"ok": one.is_good, "what": one.what, "repair": one.repair} for one in found]
        screen.product_json({"schema": "planloom/doctor-github/v1", "repository": setting.place.repository, "checks": lines})
    else:
        for one in found:
            screen.product(_line(one))
    bad = [one for one in found if one.is_good is False]
    if bad:
        from planloom.cli.pasting import choose_command

        screen.say(f"{len(bad)} of {len(found)} checks failed.")
        screen.suggest(choose_command((one.repair for one in bad), otherwise="planloom init --github"))
        return EXIT_FINDINGS
    screen.suggest(_first_run(setting, ground))
    return 0


def _find_setting(root: Path, *, unreachable_too: bool = False) -> Setting:
    """Return what there is. With `unreachable_too` GitHub need not answer where nothing signs us in: the steps by hand are known without it."""
    from planloom.github.local import read_local
    from planloom.github.place import find_gh, find_place, find_token
    from planloom.github.setup import Setting
    from planloom.github.survey import read_repository
    from planloom.runtime.effects import SystemEnvironment

    environment = SystemEnvironment()
    place = find_place(root, environment)
    gh = find_gh(environment)
    token = find_token(place, gh, environment)
    client = place.client(token)
    try:
        repository = read_repository(client)
    except InputError:
        if token:
            raise
        repository = None  # A private repository shows nothing without a token.
    except StoreError as error:
        if token or not unreachable_too:
            raise
        screen.say(f"{error.message}: what is done there already can't be seen.")
        repository = None
    return Setting(read_local(root, environment), place, client, repository, gh)


def _line(check: Check) -> str:
    word = {True: "ok ", False: "bad", None: "?  "}[check.is_good]
    repair = f"\n       {check.repair}" if check.repair and check.is_good is not True else ""
    return f"{word}  {check.what}{repair}"


def _show_state(setting: Setting, steps: Sequence[Step]) -> None:
    if setting.repository is not None:
        screen.say(setting.repository.title)
    if not setting.client.token:
        screen.say("Nothing signs us in to GitHub (gh, GH_TOKEN): only what everybody may see can be looked at.")
    for step in steps:
        word = {True: "done ", False: "to do", None: "?    "}[step.is_done]
        screen.product(f"{word}  {step.number}  {step.what}")
    if all(step.is_done is not False for step in steps):
        screen.suggest("planloom doctor --github")
        return
    screen.suggest("planloom init --github")
    raise click.exceptions.Exit(EXIT_FINDINGS)


def _print_by_hand(setting: Setting, steps: Sequence[Step]) -> None:
    screen.say("Nothing signs us in to GitHub: install gh and run `gh auth login`, or set GH_TOKEN. By hand it goes like this:")
    for step in steps:
        screen.product(f"{step.number}  {step.what}" + ("   (done)" if step.is_done else ""))
        if not step.is_done:
            for line in step.by_hand:
                screen.product(f"     {line}")
    page = setting.place.page("settings/branches")
    screen.product(
        f"If {setting.branch} is protected ({page}), records need a branch of their own: ledger-branch in specs/planloom.yaml"
    )
    screen.suggest("planloom init --github --check")


def _ask_about_risk(setting: Setting, why: str, *, yes: bool) -> None:
    """Tell the risk of a repository secret and ask. `--yes` does not answer this one: nobody would have read it."""
    name = setting.repository.full_name if setting.repository else setting.place.repository
    screen.say(RISK.format(name=name, why=why))
    if yes:
        message = "a secret of the whole repository is a risk that --yes does not accept"
        secret = setting.local.project.signing_key_secret
        hint = f"run it without --yes, or yourself: gh secret set {secret} < .planloom/ci.pem"
        raise TrustError(message, hint=hint, code="E_GITHUB_PLAN")
    if not click.confirm("Go on with a secret of the whole repository?", err=True):
        raise click.Abort


def _carry_out(setting: Setting, steps: Sequence[Step], *, yes: bool) -> None:
    title = setting.repository.title if setting.repository else setting.place.repository
    open_steps = [step for step in steps if not step.is_done]
    if not open_steps:
        screen.product(f"{title} is set up.")
        screen.suggest("planloom doctor --github")
        return
    screen.say(f"{title}. This will:")
    for step in open_steps:
        files = f"    {', '.join(step.files)}" if step.files else ""
        how = "" if step.do is not None else "    (by hand, see below)"
        screen.say(f"  {step.number}  {step.what}{files}{how}")
    if not yes and not click.confirm("Go on?", err=True):
        raise click.Abort
    _do(setting, open_steps, yes=yes)


def _do(setting: Setting, steps: Sequence[Step], *, yes: bool) -> None:
    from planloom.github.setup import NoEnvironments, plan_steps

    done: list[Step] = []
    failed: list[tuple[Step, PlanloomError]] = []
    for step in steps:
        if step.do is None:
            continue
        try:
            step.do()
            done.append(step)
        except NoEnvironments as error:
            # Only GitHub knows every plan: this is where it tells.
            _ask_about_risk(setting, error.message, yes=yes)
            without = replace(setting, environments=False)
            _do(without, [again for again in plan_steps(without) if not again.is_done], yes=yes)
            return
        except PlanloomError as error:
            failed.append((step, error))
    if any(step.files for step in done):
        _compile(setting.local.root)
    _conclude(steps, done, failed)


def _conclude(steps: Sequence[Step], done: Sequence[Step], failed: Sequence[tuple[Step, PlanloomError]]) -> None:
    if done:
        screen.product(f"done {', '.join(str(step.number) for step in done)}.")
    for step, error in failed:
        screen.product(f"failed {step.number}  {error.message}")
        if error.hint:
            screen.product(f"     {error.hint}")
    by_hand = [step for step in steps if step.do is None]
    for step in by_hand:
        screen.product(f"by hand {step.number}  {step.what}")
        for line in step.by_hand:
            screen.product(f"     {line}")
    changed = any(step.files for step in done)
    if failed:
        screen.suggest("planloom init --github", before="Once that is put right:")
        raise click.exceptions.Exit(EXIT_STORE)
    look = "planloom init --github --check" if by_hand else "planloom doctor --github"
    commit = 'git add -A specs generated .github && git commit -m "Run on GitHub" && git push'
    screen.suggest(f"{commit} && {look}" if changed else look)


def _compile(root: Path) -> None:
    """Compile again: settings and pins are part of the workflows."""
    from planloom.emit.tree import write_tree
    from planloom.pipeline import compile_project, load_project

    write_tree(root, compile_project(load_project(root)))


def _first_run(setting: Setting, ground: Ground) -> str:
    from planloom import api
    from planloom.runtime.opening import next_item_id

    plan = setting.local.plans[0]
    try:
        item = next_item_id(api.open_session(ground.root, ledger=ground.ledger or "git"), plan.id)
    except PlanloomError:
        item = f"{plan.id}-1"
    return f"gh workflow run {plan.workflow.prefix}orchestrator.yml -f work-item={item}"
