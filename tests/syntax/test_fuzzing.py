"""The fuzzer's target holds on some seeds and on everything that a fuzzer once found."""

import pytest

from syntax.fuzzing import look_at, seeds

FOUND = {
    "a byte order mark before bytes that are not UTF-8": b"\xef\xbb\xbfid: \xce\n",
    "a comment between a key and its text": b"a: 1\nsteps:\n\n   #  c\n  -- key:ld\nb: 2\n",
    "the same, in a mapping below": b"a:\n  b:\n      # c\n    text\nd: 1\n",
}


@pytest.mark.parametrize("content", FOUND.values(), ids=FOUND)
def test_what_a_fuzzer_found_is_read_or_refused(content):
    look_at(content)


def test_there_are_seeds_and_the_target_holds_on_them():
    assert len(seeds()) > 100
    for content in seeds()[::8]:
        look_at(content)
