"""Keys: how they are found, and which are refused."""

import base64
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from planloom.core.errors import TrustError
from planloom.records import envelope
from planloom.trust import keyfiles, keys

P = 2**255 - 19


class Variables:
    def __init__(self, **values):
        self.values = values

    def get(self, name):
        return self.values.get(name, "")

    def all(self):
        return dict(self.values)


@pytest.fixture
def key():
    return keys.PrivateKey.from_seed(bytes(range(32)))


def test_what_a_key_seals_its_public_half_verifies(key):
    sealed = envelope.decode(key.seal(b"payload"))
    message = envelope.pae(envelope.PAYLOAD_TYPE, b"payload")
    assert sealed.key_id == key.key_id
    assert key.key.verifies(sealed.signature, message)
    assert not key.key.verifies(sealed.signature, message + b"x")


def test_a_private_key_never_shows_its_secret(key):
    assert bytes(range(32)).hex() not in repr(key)
    assert repr(key) == f"PrivateKey({key.key_id[:8]})"


def low_order_points():
    """Every encoding of a point whose order divides 8, computed and not copied: multiples of 8 vanish."""

    def add(a, b):
        d = -121665 * pow(121666, -1, P) % P
        (x1, y1), (x2, y2) = a, b
        t = d * x1 * x2 * y1 * y2 % P
        return ((x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P)

    def recover(y):
        d = -121665 * pow(121666, -1, P) % P
        square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        if (x * x - square) % P:
            x = x * pow(2, (P - 1) // 4, P) % P
        return x if (x * x - square) % P == 0 else None

    found = set()
    y = 2
    order = 2**252 + 27742317777372353535851937790883648493
    while len(found) < 8:
        y += 1
        x = recover(y)
        if x is None:
            continue
        point, total, n = (x, y), (0, 1), order
        while n:
            if n & 1:
                total = add(total, point)
            point, n = add(point, point), n >> 1
        step = (0, 1)
        for _ in range(8):
            step = add(step, total)
            found.add(step)
    for x, y in found:
        for value in (y, y + P):
            if value < 2**255:
                yield (value | (x & 1) << 255).to_bytes(32, "little")
                yield (value | (1 - (x & 1)) << 255).to_bytes(32, "little")


def test_every_point_of_low_order_is_refused():
    points = sorted(set(low_order_points()))
    assert len(points) >= 14
    for public in points:
        with pytest.raises(keys.KeyRefused):
            keys.Key(public)


@pytest.mark.parametrize("text", ["", "zz" * 32, "AB" * 32, "ab" * 31, "ab" * 33, " " + "ab" * 31 + " "])
def test_text_that_is_not_a_public_key_is_refused(text):
    with pytest.raises(keys.KeyRefused):
        keys.Key.from_hex(text)


def test_the_variable_wins_over_every_file(tmp_path, key):
    keyfiles.write_private_key(tmp_path / ".planloom" / "ci.pem", keys.generate())
    found = keyfiles.find_signing_key("ci", tmp_path, Variables(PLANLOOM_SIGNING_KEY=key.to_pem().decode()))
    assert found.key == key.key


@pytest.mark.parametrize("store", ["pem", "escaped", "base64", "wrapped base64", "crlf", "no final newline"])
def test_a_key_is_read_in_every_way_that_people_store_secrets(tmp_path, key, store):
    pem = key.to_pem().decode()
    text = {
        "pem": pem,
        "escaped": pem.replace("\n", "\\n"),
        "base64": base64.b64encode(pem.encode()).decode(),
        "wrapped base64": base64.encodebytes(pem.encode()).decode(),
        "crlf": pem.replace("\n", "\r\n"),
        "no final newline": pem.strip(),
    }[store]
    assert keyfiles.find_signing_key("ci", tmp_path, Variables(PLANLOOM_SIGNING_KEY=text)).key == key.key


def test_keys_are_looked_for_in_the_stated_order(tmp_path, key):
    other = keys.generate()
    config = tmp_path / "config"
    keyfiles.write_private_key(config / "planloom" / "you.pem", key)
    variables = Variables(XDG_CONFIG_HOME=str(config))
    assert keyfiles.find_signing_key("you", tmp_path, variables).key == key.key
    keyfiles.write_private_key(tmp_path / ".planloom" / "you.pem", other)
    assert keyfiles.find_signing_key("you", tmp_path, variables).key == other.key
    named = Variables(XDG_CONFIG_HOME=str(config), PLANLOOM_SIGNING_KEY_FILE=str(config / "planloom" / "you.pem"))
    assert keyfiles.find_signing_key("you", tmp_path, named).key == key.key


def test_a_missing_key_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(TrustError) as caught:
        keyfiles.find_signing_key("you", tmp_path, Variables())
    assert caught.value.exit_code == 4
    assert "planloom keys new you" in caught.value.hint


def test_a_key_file_that_others_can_read_is_refused(tmp_path, key):
    path = tmp_path / "you.pem"
    keyfiles.write_private_key(path, key)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfiles.read_private_key(path).key == key.key
    path.chmod(0o640)
    with pytest.raises(TrustError, match="others can read"):
        keyfiles.read_private_key(path)


def test_an_encrypted_key_needs_its_passphrase(tmp_path, key):
    path = tmp_path / "you.pem"
    path.write_bytes(key.to_pem("open sesame"))
    path.chmod(0o644)
    assert keyfiles.read_private_key(path, "open sesame").key == key.key
    for wrong in ("", "open barley"):
        with pytest.raises(TrustError) as caught:
            keyfiles.read_private_key(path, wrong)
        assert caught.value.code == "E_KEY"


def test_an_openssh_key_is_read(tmp_path, key):
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    path = tmp_path / "id_ed25519"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    assert keyfiles.read_private_key(path).key == key.key
    assert keyfiles.find_signing_key("you", tmp_path, Variables(PLANLOOM_SIGNING_KEY_FILE=str(path))).key == key.key
    assert keyfiles.find_signing_key("ci", tmp_path, Variables(PLANLOOM_SIGNING_KEY=path.read_text())).key == key.key
    for mode in (0o640, 0o604, 0o610, 0o601):
        path.chmod(mode)
        with pytest.raises(TrustError, match="others can read"):
            keyfiles.read_private_key(path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen here")
def test_a_key_that_ssh_keygen_made_signs_and_its_public_half_is_taken_in(tmp_path):
    path = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann@example", "-f", path], check=True)
    key = keyfiles.read_private_key(path)
    assert keyfiles.parse_public_key(path.with_suffix(".pub").read_bytes(), "id_ed25519.pub") == key.key
    rsa_path = tmp_path / "id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa_path], check=True)
    for read, content in ((keyfiles.parse_private_key, rsa_path), (keyfiles.parse_public_key, rsa_path.with_suffix(".pub"))):
        words = (content.read_bytes(), "", "key") if read is keyfiles.parse_private_key else (content.read_bytes(), "key")
        with pytest.raises(TrustError, match="not an Ed25519 key"):
            read(*words)


def test_an_encrypted_openssh_key_is_read_or_the_message_says_how():
    pytest.importorskip("bcrypt")
    private = ed25519.Ed25519PrivateKey.generate()
    content = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"pass"))
    assert keyfiles.is_encrypted(content)
    assert keyfiles.parse_private_key(content, "pass", "id").key.public == private.public_key().public_bytes_raw()
    with pytest.raises(TrustError, match="encrypted"):
        keyfiles.parse_private_key(content, "", "id")


@pytest.mark.parametrize("make", [lambda: rsa.generate_private_key(65537, 2048), lambda: ec.generate_private_key(ec.SECP256R1())])
def test_another_algorithm_is_refused(make):
    content = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(TrustError, match="not an Ed25519 key"):
        keyfiles.parse_private_key(content, "", "you.pem")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\x00" * 100]
)
def test_what_is_no_key_is_refused_without_quoting_it(content):
    with pytest.raises(TrustError) as caught:
        keyfiles.parse_private_key(content, "", "you.pem")
    assert caught.value.code == "E_KEY"
    assert "AAAA" not in str(caught.value)


def test_a_key_is_never_overwritten(tmp_path, key):
    path = tmp_path / ".planloom" / "you.pem"
    keyfiles.write_private_key(path, key)
    with pytest.raises(Exception, match="there is a key already"):
        keyfiles.write_private_key(path, keys.generate())
    assert keyfiles.read_private_key(path).key == key.key


def test_public_keys_are_read_as_hex_pem_and_openssh(tmp_path, key):
    path = tmp_path / "k.pem"
    keyfiles.write_private_key(path, key)
    line = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, check=False).stdout
    forms = [key.key.public.hex().encode(), key.key.to_pem(), *([line] if line.startswith(b"ssh-") else [])]
    for form in forms:
        assert keyfiles.parse_public_key(form, "given") == key.key
