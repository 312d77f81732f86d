"""The command line: which commands there are.

Commands live in one module a group of the help page and are imported only when called, so that a runner
pays for nothing that it does not use.
"""

from __future__ import annotations

import importlib
import io
from typing import Final

import click

from planloom import VERSION
from planloom.cli import given, screen
from planloom.core.errors import EXIT_INPUT, InputError

GROUPS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Start here": {
        "init": ("planloom.cli.start", "lay down a project that runs"),
        "run": ("planloom.cli.start", "carry out a work item on this machine"),
        "status": ("planloom.cli.start", "what is done, running, waiting, and why"),
        "why": ("planloom.cli.start", "why a step waits, and what would start it"),
    },
    "Plans": {
        "validate": ("planloom.cli.plans", "check the plans, report every mistake with its place"),
        "compile": ("planloom.cli.compiling", "write workflows and compiled plans; --check compares"),
        "diff": ("planloom.cli.plans", "what a change of the plans means"),
        "graph": ("planloom.cli.compiling", "draw a plan as mermaid, dot or json"),
        "fmt": ("planloom.cli.plans", "lay out plans in the one stable way"),
        "explain": ("planloom.cli.plans", "a diagnostic code: what, why, an example, the repair"),
        "import": ("planloom.cli.plans", "make a plan from tasks.md or a workflow"),
        "pin": ("planloom.cli.compiling", "pin what runners install, by hash"),
    },
    "Work": {
        "open": ("planloom.cli.work", "open a work item"),
        "claim": ("planloom.cli.work", "take the exclusive right to one attempt"),
        "complete": ("planloom.cli.work", "hand off the result of an attempt, signed"),
        "approve": ("planloom.cli.decisions", "sign a gate, or reject it"),
        "revert": ("planloom.cli.decisions", "take back an integrated step, with what builds on it"),
        "abandon": ("planloom.cli.decisions", "give up a claim whose holder is gone"),
        "migrate": ("planloom.cli.decisions", "move a work item to the plan's new version"),
        "close": ("planloom.cli.work", "end a work item"),
    },
    "Evidence": {
        "verify": ("planloom.cli.verifying", "check every record, offline"),
        "export": ("planloom.cli.evidence", "write portfolio and signed checkpoint"),
        "keys": ("planloom.cli.keys", "make, list and trust keys"),
        "report": ("planloom.cli.evidence", "a work item on a page"),
    },
    "In workflows": {
        "delegate": ("planloom.cli.workflows", "compute the schedule, open and dispatch"),
        "exec": ("planloom.cli.execution", "run one claimed attempt"),
        "collect": ("planloom.cli.workflows", "verify and fold records into the ledger branch"),
    },
    "Care": {
        "doctor": ("planloom.cli.care", "find and repair what can be left over"),
        "serve": ("planloom.cli.care", "speak to editors"),
    },
}
"""The commands as `--help` groups them: name → (module, one line)."""

ASK_HINT: Final = (
    "run it at a terminal, or again with --yes after a look at what it shows; PLANLOOM_SIGNING_KEY_PASSPHRASE holds a passphrase"
)

COMMANDS: Final = {name: entry for group in GROUPS.values() for name, entry in group.items()}

BEGIN: Final = "planloom init demo && cd demo && planloom run"

ATTRIBUTES: Final = {"import": "import_", "exec": "exec_", "compile": "compile_", "open": "open_"}
"""Commands whose name is a Python word or builtin live under another attribute of their module."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command name, in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module now; None for an unknown name."""
        del ctx
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(entry[0])
        command: click.Command = getattr(module, ATTRIBUTES.get(cmd_name, cmd_name))
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is refused with the nearest name."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean `planloom {near[0]}`?" if near else "`planloom --help` lists the commands"
            message = f"there is no command '{name}'; {hint}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their groups, from the table, without importing any."""
        del ctx
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write how to begin as one more section, which stands where the groups stand."""
        del ctx
        with formatter.section("Begin with"):
            formatter.write_text("\b\n" + BEGIN)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="planloom", message="%(prog)s %(version)s")
def planloom() -> None:
    """Carry out a plan of many steps in CI, over many runs and machines, with evidence that holds up."""


def run(words: list[str] | None = None) -> int:
    """Parse the words (default: those of the process) and run the command; returns its exit code.

    Raises: PlanloomError for what the user can act on; `cli.entry` turns it into a message.
    """
    given.forget()
    try:
        status = planloom.main(words, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            message = "this asks before it signs or writes anything, and there is nobody to answer"
            raise InputError(message, hint=ASK_HINT) from abort
        screen.say("stopped")
        return 130
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        screen.say(shown.getvalue().rstrip("\n"))
        return EXIT_INPUT
    return status if isinstance(status, int) else 0
