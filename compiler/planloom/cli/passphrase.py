"""The passphrase of a key: from the environment, or asked for."""

from __future__ import annotations

import click


def given_passphrase() -> str:
    """Return the passphrase that the environment holds, "" for none."""
    from planloom.runtime.effects import SystemEnvironment
    from planloom.trust.keyfiles import VARIABLE_PASSPHRASE

    return SystemEnvironment().get(VARIABLE_PASSPHRASE)


def ask_passphrase() -> str:
    """Return the passphrase of the environment, or one that is asked for, twice."""
    given = given_passphrase()
    if given:
        return given
    asked: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return asked
