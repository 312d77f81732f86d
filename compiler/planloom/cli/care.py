"""doctor, serve: care for what is there, and speak to editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planloom.cli import given, screen
from planloom.cli.options import examples, find_root, format_option, ledger_option, root_option
from planloom.core.errors import EXIT_FINDINGS, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from planloom.care.findings import Finding, Ground
    from planloom.care.race import Race, Round
    from planloom.core.canonical import Json


@click.command(
    epilog=examples(
        ("what needs care on this machine", "planloom doctor"),
        ("repair what needs no decision", "planloom doctor --fix"),
        ("what is set up on GitHub", "planloom doctor --github"),
        ("does the remote let exactly one win? Twenty rounds", "planloom doctor --race 20 --ledger git"),
    )
)
@click.option("--fix", is_flag=True, help="Repair what needs no decision.")
@click.option("--github", is_flag=True, help="Check what is set up on GitHub: environment, secret, branch, rights.")
@click.option(
    "--race",
    "rounds",
    type=click.IntRange(1, 10_000),
    default=None,
    metavar="N",
    help="Let processes race for the same claim, N rounds: exactly one may win each.",
)
@click.option(
    "--contenders", type=click.IntRange(2, 256), default=4, show_default=True, help="With --race: how many processes race."
)
@root_option
@ledger_option
@format_option
def doctor(root: Path | None, ledger: str, style: str, rounds: int | None, contenders: int, *, fix: bool, github: bool) -> int:
    """Find what can be left over or go wrong, and name the command that repairs it. Exit 1 when something needs care.

    Looks at unfinished appends, files left by processes that died, keys that others can read or that git tracks, the trust
    policy, compiled files, records, claims whose holder is gone, outputs that are damaged or lost, the checkpoint, and the
    private copy of a git ledger.
    """
    from planloom.care.doctor import find_ground
    from planloom.runtime.effects import SystemClock, SystemEnvironment

    if rounds is not None and (fix or github):
        message = "--race is a trial of its own: leave --fix and --github out"
        raise InputError(message)
    ground = find_ground(find_root(root), ledger, SystemEnvironment(), SystemClock())
    if rounds is not None:
        return _race(ground, rounds, contenders, style)
    if github:
        from planloom.cli.setup import check_github

        return check_github(ground, style)
    return _examine(ground, style, fix=fix)


def _examine(ground: Ground, style: str, *, fix: bool) -> int:
    from planloom.care.doctor import CHECKS, examine, repair
    from planloom.cli.pasting import choose_command

    found = examine(ground)
    done: Sequence[Finding] = ()
    if fix:
        repaired = repair(found)
        done, found = repaired.done, examine(ground)
        said = {(f.code, f.where) for f in repaired.failed}
        found = (*(f for f in found if (f.code, f.where) not in said), *repaired.failed)
    if style == "json":
        screen.product_json(
            {
                "schema": "planloom/doctor/v1",
                "clean": not found,
                "findings": [_document(one) for one in found],
                "repaired": [_document(one) for one in done],
            }
        )
        return EXIT_FINDINGS if found else 0
    for one in done:
        screen.product(f"repaired  {one.where}: {one.what}")
    for one in found:
        screen.product(f"{one.where}\n  {one.what}\n  repair: {given.repeat(one.repair)}")
    if not found:
        screen.product(f"Nothing needs care; looked at: {', '.join(name for name, _ in CHECKS)}.")
        return 0
    screen.say(f"{len(found)} thing{'s need' if len(found) != 1 else ' needs'} care.")
    fixable = any(one.fix is not None for one in found)
    screen.suggest("planloom doctor --fix" if fixable else choose_command(one.repair for one in found))
    return EXIT_FINDINGS


def _document(finding: Finding) -> Json:
    return {
        "code": finding.code,
        "where": finding.where,
        "what": finding.what,
        "repair": given.repeat(finding.repair),
        "fixable": finding.fix is not None,
    }


def _race(ground: Ground, rounds: int, contenders: int, style: str) -> int:
    from planloom.care.race import run_race
    from planloom.runtime.effects import SystemIds

    def tell(one: Round) -> None:
        if not one.is_exclusive:
            screen.say(
                f"round {one.number}: {len(one.winners)} winners; the ledger holds {one.holds or 'no entry of this round'}"
            )

    race = run_race(ground, rounds, contenders, SystemIds().nonce(), tell)
    if style == "json":
        screen.product_json(_race_document(race))
    else:
        screen.product(_describe_race(race))
    if race.is_exclusive:
        return 0
    screen.say("This ledger is not exclusive here: two runners can claim the same step. Do not use it for claims.")
    screen.suggest(f"planloom doctor --race {rounds} --ledger git", before="Try a remote that a git server serves.")
    return EXIT_FINDINGS


def _describe_race(race: Race) -> str:
    from planloom.report.table import write_columns

    good = sum(one.is_exclusive for one in race.rounds)
    kind = "pushes" if race.where.startswith("git") else "appends"
    counts: dict[int, int] = {}
    for one in race.rounds:
        counts[len(one.winners)] = counts.get(len(one.winners), 0) + 1
    winners = ", ".join(f"{number} in {times} round{'s' if times != 1 else ''}" for number, times in sorted(counts.items()))
    rows = [
        ("ledger", race.where),
        ("rounds", f"{len(race.rounds)}, {race.contenders} processes each"),
        ("winners", f"{winners}; exactly one, and its entry is there, in {good} of {len(race.rounds)}"),
        (kind, f"{race.tried} tried, {race.won} won, {race.tried - race.won} lost"),
        ("latency", f"{_millis(race.latency(50))} median, {_millis(race.latency(95))} p95, {_millis(race.latency(100))} slowest"),
    ]
    return write_columns(rows, indent="")


def _millis(micros: int) -> str:
    return f"{micros / 1000:.1f} ms" if micros < 100_000 else f"{micros / 1_000_000:.2f} s"


def _race_document(race: Race) -> Json:
    rounds: list[Json] = [
        {"round": one.number, "winners": list(one.winners), "holds": one.holds, "micros": list(one.micros)} for one in race.rounds
    ]
    return {
        "schema": "planloom/race/v1",
        "ledger": race.where,
        "contenders": race.contenders,
        "tried": race.tried,
        "won": race.won,
        "exclusive": race.is_exclusive,
        "latencyMicros": {"p50": race.latency(50), "p95": race.latency(95), "max": race.latency(100)},
        "rounds": rounds,
    }


@click.group(
    epilog=examples(
        ("to be started by an editor", "planloom serve lsp"),
    )
)
def serve() -> None:
    """Speak to editors, over standard input and output."""


@serve.command(
    epilog=examples(
        ("what it needs", 'pip install "planloom[lsp]"'),
        ("to be started by an editor", "planloom serve lsp"),
    )
)
def lsp() -> None:
    """Serve plans to an editor: mistakes as you type, field help, completion, go to a need, rename a step (LSP)."""
    from planloom.serve.lsp import serve_stdio

    serve_stdio()
