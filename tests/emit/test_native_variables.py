"""What native steps are given through the runner's environment file."""

from __future__ import annotations

from planloom.runtime.command import param_variables
from planloom.runtime.delegating import format_variables


def read_like_the_runner(text):
    """Source: actions/runner, EnvFileKeyValuePairs: `NAME<<DELIMITER`, lines, `DELIMITER`; or `NAME=value`."""
    lines, found = iter(text.splitlines()), {}
    for line in lines:
        name, _, mark = line.partition("<<")
        if not mark:
            name, _, found[name] = line.partition("=")
            continue
        value = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        found[name] = "\n".join(value)
    return found


def test_parameters_reach_native_steps_whatever_they_hold():
    params = {"tag": "v1", "dry-run": True, "count": 3, "evil": "x\nPATH=/evil\nEOF\nLD_PRELOAD<<EOF"}
    variables = param_variables(params)
    assert read_like_the_runner(format_variables(variables, "f" * 32)) == {
        "PARAM_TAG": "v1",
        "PARAM_DRY_RUN": "true",
        "PARAM_COUNT": "3",
        "PARAM_EVIL": "x\nPATH=/evil\nEOF\nLD_PRELOAD<<EOF",
    }
