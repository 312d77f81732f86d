"""The fast ways of reading and writing canonical JSON agree with the thorough ones on every value."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from planloom.core import canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(st.characters(codec="ascii")), below, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_has_one_form_which_reads_back(value):
    written = canonical.encode(value)
    assert canonical.encode_known(value) == written == rfc8785.dumps(value)
    assert canonical.decode(written) == value


@given(VALUES)
def test_another_spelling_is_refused(value):
    for spelling in (json.dumps(value), json.dumps(value, indent=1), json.dumps(value, separators=(",", ":"))):
        if spelling.encode() != canonical.encode(value):
            with pytest.raises(canonical.CanonicalError):
                canonical.decode(spelling.encode())


@pytest.mark.parametrize("value", [2**53, -(2**53), [10**400], [1.5], {1: 2}])
def test_numbers_out_of_range_and_odd_keys_are_not_written(value):
    with pytest.raises((canonical.CanonicalError, AttributeError)):
        canonical.encode(value)


@pytest.mark.parametrize("value", [{"é": 1}, "\ud800", ["\udfff"]])
def test_values_without_a_canonical_form_are_refused_by_both_writers(value):
    for write in (canonical.encode, canonical.encode_known):
        with pytest.raises(canonical.CanonicalError):
            write(value)


def test_nesting_beyond_the_limit_is_refused_by_both_writers():
    value = 1
    for _ in range(canonical.MAX_DEPTH + 1):
        value = [value]
    for write in (canonical.encode, canonical.encode_known):
        with pytest.raises(canonical.CanonicalError):
            write(value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a":1,"a":1}',
        b'{"a":9007199254740992}',
        b"[-0]",
        b"[1.0]",
        b"[1e3]",
        b"[NaN]",
        b'{"b":1,"a":1}',
        b"[1 ]",
        b'["\\u0041"]',
        b'{"\xc3\xa9":1}',
    ],
)
def test_what_only_looks_canonical_is_refused(content):
    with pytest.raises(canonical.CanonicalError):
        canonical.decode(content)
