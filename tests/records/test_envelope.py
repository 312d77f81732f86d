"""The envelope is written in one way only, and anything else is refused."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.records import envelope
from planloom.records.envelope import Envelope, EnvelopeError

SAMPLE = Envelope(b'{"a":1}', "ab" * 32, bytes(range(64)))


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_an_envelope_reads_back_as_it_was_written(payload, key, signature):
    sealed = Envelope(payload, key.hex(), signature)
    assert envelope.decode(envelope.encode(sealed)) == sealed


def test_an_envelope_is_one_line_of_plain_json():
    content = envelope.encode(SAMPLE)
    assert content.endswith(b"}\n")
    assert content.count(b"\n") == 1
    value = json.loads(content)
    assert value["payloadType"] == "application/vnd.in-toto+json"
    assert base64.b64decode(value["payload"]) == SAMPLE.payload
    assert value["signatures"] == [{"keyid": SAMPLE.key_id, "sig": base64.b64encode(SAMPLE.signature).decode()}]


def test_the_signed_bytes_are_those_of_the_dsse_specification():
    # The example of https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md#test-vectors.
    assert (
        envelope.pae("http://example.com/HelloWorld", b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def spellings():
    content = envelope.encode(SAMPLE)
    value = json.loads(content)
    yield "spaces", json.dumps(value).encode() + b"\n"
    yield "no newline", content[:-1]
    yield "crlf", content[:-1] + b"\r\n"
    yield "bom", b"\xef\xbb\xbf" + content
    yield "another order", json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode() + b"\n"
    yield "another type", content.replace(b"in-toto+json", b"in-toto-json")
    yield "a key twice", content.replace(b'{"payload"', b'{"payload":"","payload"')
    yield "two signatures", content.replace(b"}]}", b"}," + content[content.index(b'{"keyid"') : -3] + b"]}")
    yield "no signature", content[: content.index(b'[{"keyid"')] + b"[]}\n"
    yield "escaped", content.replace(b"keyid", b"key\\u0069d")
    yield "url-safe base64", content.replace(b"/", b"_").replace(b"+", b"-")
    yield "no padding", content.replace(b"==", b"", 1)
    yield "trailing bits", content.replace(b'"payload":"eyJhIjoxfQ=="', b'"payload":"eyJhIjoxfR=="')
    yield "padding inside", content.replace(b'"payload":"eyJh', b'"payload":"ey=h')
    yield "empty", b""
    yield "nothing but depth", b"[" * 100_000
    yield "too large", b"x" * (envelope.MAX_BYTES + 1)


@pytest.mark.parametrize(("name", "content"), list(spellings()), ids=[name for name, _ in spellings()])
def test_another_spelling_of_an_envelope_is_refused(name, content):
    with pytest.raises(EnvelopeError) as caught:
        envelope.decode(content)
    assert caught.value.code == "E_ENVELOPE"


@pytest.mark.parametrize("sealed", [Envelope(b"", "AB" * 32, bytes(64)), Envelope(b"", "ab" * 32, bytes(63))])
def test_an_envelope_that_could_not_be_read_back_is_not_written(sealed):
    with pytest.raises(EnvelopeError):
        envelope.encode(sealed)
