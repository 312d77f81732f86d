"""Expressions where nothing replaces them, and text from outside wherever a program is made of it."""

from __future__ import annotations

import pytest

from planloom.pipeline import check_project

HEAD = "schema: planloom/plan/v1\nid: demo\nname: Demo\nversion: 1.0.0\n"
SCRIPT = f"uses: actions/github-script@{'0' * 40}"


def found(text):
    return [d.rule for d in check_project({"specs/demo.yaml": (HEAD + text).encode()}, None).diagnostics]


@pytest.mark.parametrize(
    "text",
    [
        "steps: [{key: a, run: make, env: {A: '${{ github.sha }}'}}]",
        "defaults: {env: {A: '${{ github.sha }}'}}\nsteps: [{key: a, run: make}, {key: b, run: make}]",
        "steps: [{key: a, run: make, runs-on: '${{ matrix.os }}'}]",
        "steps: [{key: a, run: make, runs-on: [self-hosted, '${{ matrix.os }}']}]",
        "steps: [{key: a, run: make, runs-on: {group: '${{ matrix.os }}'}}]",
        "defaults: {runs-on: '${{ matrix.os }}'}\nsteps: [{key: a, run: make}]",
    ],
)
def test_an_expression_that_nothing_replaces_is_found_once(text):
    assert found(text) == ["literal-expression"]


def test_text_from_outside_in_a_script_of_an_action_is_found():
    step = "steps: [{{key: a, steps: [{{{}, with: {{script: 'x(`${{{{ {} }}}}`)'}}}}]}}]"
    assert found(step.format(SCRIPT, "github.event.issue.title")) == ["untrusted-text"]
    assert found(step.format(SCRIPT, "github.sha")) == []
    assert found(step.format(f"uses: a/b@{'0' * 40}", "github.event.issue.title")) == []


def test_a_secret_in_a_script_of_an_action_is_found():
    assert "secret-in-command" in found(
        f"steps: [{{key: a, secrets: [TOKEN], steps: [{{{SCRIPT}, with: {{script: 'x(`${{{{ secrets.TOKEN }}}}`)'}}}}]}}]"
    )


def test_variables_of_the_defaults_count_for_each_step():
    many = ", ".join(f"B{n}: '{'x' * 100_000}'" for n in range(12))
    assert found(f"defaults: {{env: {{{many}}}}}\nsteps: [{{key: a, run: make}}]") == ["long-environment"]
