"""What a program gets of a finding: the file, the part of it, what belongs there and what is there, and not only a sentence.

Every test of the attack table sees to it through `found`; here is the list of what may be left out, and what no attack reaches.
"""

import ast
from pathlib import Path

import planloom.trust
from attacks.forging import LEFT_OUT, says_all, unsaid
from planloom.core.errors import Difference, TrustError
from planloom.trust.audit.findings import MEANINGS, Finding, stranger

SOURCES = sorted(Path(planloom.trust.__file__).parent.rglob("*.py"))


def findings_made(source):
    """The lines in which a finding is made, and whether field, expected and found are given there."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
            starred = any(isinstance(argument, ast.Starred) for argument in node.args)
            empty = any(isinstance(argument, ast.Constant) and argument.value == "" for argument in node.args)
            yield node.lineno, (starred or len(node.args) >= 6) and not empty


def test_every_finding_of_the_verifier_is_made_with_field_expected_and_found():
    made = {f"{path.name}:{line}": whole for path in SOURCES for line, whole in findings_made(path.read_text())}
    assert len(made) > 40
    assert [where for where, whole in made.items() if not whole] == []


def test_a_finding_that_lacks_one_of_them_is_noticed():
    assert list(findings_made('Finding("E_X", path, "what")')) == [(1, False)]
    assert list(findings_made('Finding("E_X", path, "what", "field", "", "found")')) == [(1, False)]
    assert not says_all(Finding("E_STATE", "a", "what", "field", "expected"))
    assert not says_all(Finding("E_STATE", "a", "what", "", "expected", "found"))
    assert unsaid([Finding("E_STATE", "a", "what")]) == ["E_STATE a: what"]


def test_what_may_be_left_out_is_a_known_code_with_a_reason():
    assert LEFT_OUT.keys() <= MEANINGS.keys()
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_an_error_hands_its_values_on_to_the_finding():
    error = TrustError("what", code="E_ROLE", difference=Difference("a", "b", "c"))
    assert Finding.of(error, "file") == Finding("E_ROLE", "file", "what", "a", "b", "c")
    assert Finding.of(error, "file", code="E_CLAIM", message="more") == Finding("E_CLAIM", "file", "more", "a", "b", "c")


def test_a_stranger_among_the_records_says_what_is_wrong_with_it():
    assert says_all(stranger("a", "b"))
