"""Where the program begins: runs the command, turns errors into messages and exit codes."""

from __future__ import annotations

import sys

from planloom.cli import screen
from planloom.cli.quick import find_command
from planloom.core.errors import PlanloomError


def main() -> None:
    """Run the command line; a PlanloomError becomes a message and its exit code, anything else is our bug."""
    quick = find_command(sys.argv[1:])
    try:
        if quick is not None:
            status = quick()
        else:
            from planloom.cli.main import run

            status = run()
    except PlanloomError as error:
        screen.refuse(error)
        status = error.exit_code
    except KeyboardInterrupt:
        screen.say("stopped")
        status = 130
    except BrokenPipeError:
        # The reader went away (`| head`): nothing is wrong, and nothing more can be said.
        sys.stderr.close()
        status = 0
    sys.exit(status)
