# SPDX-License-Identifier: MIT
"""Signatures of bundles: rules 18 to 20 of docs/bundle-format.md, keys, and the commands that make both."""

import random
import stat
import sys
import zipfile

import pytest

pytest.importorskip("cryptography")

from cryptography.hazmat.primitives.asymmetric import ed25519, x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from test_bundle_addresses import ONE, OTHER, refusal
from triton.backends.graft.bundle import writing
from triton.backends.graft.runtime import container, format, reading, signing


@pytest.fixture
def key():
    return private_key(1)


@pytest.fixture
def pem(tmp_path):
    signing.make_keys(tmp_path / "key.pem")
    return tmp_path / "key.pem"


def private_key(seed):
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32))


def public(key):
    return key.public_key().public_bytes_raw().hex()


# -- Signing and verifying


def test_a_signed_bundle_is_the_same_bundle_and_ends_with_its_signature(key):
    signed = signing.sign(format.pack(ONE), key)
    assert format.unpack(signed) == ONE
    assert signing.signer(signed) == signing.verify(signed, [public(key)]) == public(key)
    signature = key.sign(signed[: -container.SIGNATURE_BYTES]).hex()
    assert signed.endswith(f"graft-ed25519:{public(key)}:{signature}".encode())


def test_a_signed_bundle_is_a_zip_archive_to_other_tools(key, tmp_path):
    file = tmp_path / "kernels.graft"
    file.write_bytes(signing.sign(format.pack(ONE), key))
    with zipfile.ZipFile(file) as archive:
        assert (archive.testzip(), len(archive.comment)) == (None, container.SIGNATURE_BYTES)


def test_signing_again_replaces_the_signature(key):
    once = signing.sign(format.pack(ONE), private_key(2))
    assert signing.sign(once, key) == signing.sign(format.pack(ONE), key)


def test_what_is_no_bundle_is_not_signed(key):
    assert refusal(signing.sign, b"PK", key)[0] == "zip"
    assert refusal(signing.sign, format.pack(ONE) + b"\n", key)[0] == "zip"


def test_an_unsigned_bundle_is_refused_where_keys_are_trusted(key):
    data = format.pack(ONE)
    assert signing.signer(data) is None
    assert refusal(signing.verify, data, [public(key)]) == (
        "unsigned",
        f"it is not signed, but has to be signed by {public(key)}",
    )


def test_a_bundle_signed_by_somebody_else_is_refused(key):
    signed = signing.sign(format.pack(ONE), private_key(2))
    assert refusal(signing.verify, signed, [public(key)]) == (
        "untrusted",
        f"it is signed by {public(private_key(2))}, but has to be signed by {public(key)}",
    )


def test_nobody_is_trusted_by_an_empty_list(key):
    signed = signing.sign(format.pack(ONE), key)
    assert refusal(signing.verify, signed, []) == (
        "untrusted",
        f"it is signed by {public(key)}, but has to be signed by a trusted key, and the list of trusted keys is empty",
    )


def test_a_signature_moved_to_another_bundle_is_refused(key):
    signed, other = signing.sign(format.pack(ONE), key), signing.sign(format.pack(OTHER), private_key(2))
    moved = other[: -container.SIGNATURE_BYTES] + signed[-container.SIGNATURE_BYTES :]
    assert format.unpack(moved) == OTHER
    assert refusal(signing.verify, moved, [public(key)]) == (
        "signature",
        f"it is not what {public(key)} has signed: it was changed, or the signature is of something else",
    )


def test_a_signature_under_the_name_of_a_trusted_key_is_refused(key):
    signed = signing.sign(format.pack(ONE), private_key(2))
    renamed = signed.replace(public(private_key(2)).encode(), public(key).encode())
    assert refusal(signing.verify, renamed, [public(key)])[0] == "signature"


def test_each_of_several_trusted_keys_will_do(key):
    signed = signing.sign(format.pack(ONE), key)
    assert signing.verify(signed, [public(private_key(2)), public(key).upper()]) == public(key)


def test_a_signed_bundle_is_refused_wherever_one_bit_is_changed(key):
    signed = signing.sign(format.pack(ONE), key)
    generator = random.Random(7)
    tail = range(len(signed) - container.SIGNATURE_BYTES - 22, len(signed))  # the end of the archive
    rules = set()
    for place in (*generator.sample(range(len(signed)), 300), *tail):
        changed = bytearray(signed)
        changed[place] ^= 1 << generator.randrange(8)
        rules.add(refusal(signing.verify, bytes(changed), [public(key)])[0])
    assert rules == {"unsigned", "untrusted", "signature"}


def test_a_signed_bundle_is_refused_with_a_byte_more_or_less(key):
    signed = signing.sign(format.pack(ONE), key)
    for changed in (b"\0" + signed, signed[1:], signed + b"\n", signed[:-1], signed[-container.SIGNATURE_BYTES :], b""):
        assert refusal(signing.verify, changed, [public(key)])[0] in ("unsigned", "signature")


def test_nothing_is_parsed_before_the_signature_is_verified(key, tmp_path, monkeypatch):
    data = format.pack(ONE)
    signed = {"unsigned": data, "untrusted": signing.sign(data, private_key(2)), "signature": b"\0" + signing.sign(data, key)}
    for module, name in ((format, "unpack"), (container, "read")):
        monkeypatch.setattr(module, name, lambda data: pytest.fail("it was parsed"))
    for rule, data in signed.items():
        writing.write_bytes(tmp_path / rule, data)
        assert refusal(reading.read, tmp_path / rule, [public(key)])[0] == rule


def test_reading_verifies_and_says_which_file_is_refused(key, tmp_path):
    file = tmp_path / "kernels.graft"
    writing.write_bytes(file, signing.sign(format.pack(ONE), key))
    assert reading.read(file, [public(key)]) == reading.read(file) == ONE
    rule, message = refusal(reading.read, file, [public(private_key(2))])
    assert (rule, message.startswith(f"{file}: it is signed by {public(key)}, ")) == ("untrusted", True)


# -- Keys


def test_a_key_pair_signs_and_its_public_key_is_trusted_as_a_file_or_as_digits(pem):
    signed = signing.sign(format.pack(ONE), signing.load_private_key(pem))
    file = pem.with_suffix(".pub")
    digits = signing.verify(signed, [file])
    assert signing.verify(signed, [digits]) == signing.verify(signed, [str(file)]) == digits
    assert signing.parse_trusted([file, digits.upper()]) == {digits}


def test_only_its_owner_reads_a_private_key(pem):
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["key.pem", "key.pub"])
def test_keys_are_not_overwritten(there, tmp_path):
    (tmp_path / there).write_text("old")
    assert refusal(signing.make_keys, tmp_path / "key.pem") == (
        "key",
        f"{tmp_path / there} is there, and keys are not overwritten; give another name",
    )
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "old")]


def test_a_private_key_is_not_given_the_name_of_the_public_one(tmp_path):
    name = tmp_path / "key.pub"
    message = f"{name} is the name of the public key; give the private one another, such as key.pem"
    assert refusal(signing.make_keys, name) == ("key", message)


def test_keys_in_a_folder_that_is_not_there_are_an_error(tmp_path):
    name = tmp_path / "nowhere" / "key.pem"
    assert refusal(signing.make_keys, name) == ("key", f"the key {name} cannot be written (No such file or directory)")


@pytest.mark.parametrize("content", [b"", b"abc", x25519.X25519PrivateKey.generate().private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())], ids=["empty", "no-key", "another-kind"])  # fmt: skip
def test_a_file_without_an_ed25519_key_is_an_error(content, tmp_path):
    file = tmp_path / "key"
    file.write_bytes(content)
    assert refusal(signing.load_private_key, file) == (
        "key",
        f"{file} is not a PEM file with an Ed25519 private key; `graft bundle keygen` makes one",
    )
    assert refusal(signing.parse_trusted, [file]) == (
        "key",
        f"{file} is not a PEM file with an Ed25519 public key; a trusted key is that or 64 hexadecimal digits",
    )


def test_a_private_key_is_not_trusted_in_place_of_the_public_one(pem):
    assert refusal(signing.parse_trusted, [pem])[0] == "key"


def test_a_private_key_with_a_password_is_an_error_that_says_how_to_remove_it(tmp_path, key):
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    message = f"the private key {file} has a password; remove it with: openssl pkey -in {file} -out FILE"
    assert refusal(signing.load_private_key, file) == ("key", message)


def test_a_trusted_key_that_is_neither_digits_nor_a_file_is_an_error():
    assert refusal(signing.parse_trusted, ["ab" * 31]) == (
        "key",
        f"the public key {'ab' * 31} cannot be read (No such file or directory); "
        "a trusted key is that or 64 hexadecimal digits",
    )


def test_without_cryptography_verifying_is_an_error_that_says_what_to_install(key, monkeypatch):
    signed = signing.sign(format.pack(ONE), key)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    rule, message = refusal(signing.verify, signed, [public(key)])
    assert (rule, message.startswith("signatures need the package cryptography ("), message.endswith(
        "): pip install 'triton-graft[sign]'")) == ("signature", True, True)  # fmt: skip
    assert refusal(signing.load_private_key, "key.pem") == refusal(signing.make_keys, "key.pem") == (rule, message)


# -- Commands


def test_the_commands_make_keys_and_sign_a_bundle_in_its_place(graft, tmp_path):
    file, pem = tmp_path / "kernels.graft", tmp_path / "key.pem"
    writing.write(file, ONE)
    made = graft("bundle", "keygen", pem)
    done = graft("bundle", "sign", file, "--key", pem)
    assert (made.exit_code, done.exit_code, made.output) == (0, 0, done.output)
    assert reading.read(file, [made.output.strip()]) == ONE
    assert sorted(found.name for found in tmp_path.iterdir()) == ["kernels.graft", "key.pem", "key.pub"]


def test_the_command_leaves_the_bundle_alone_if_it_signs_into_another_file(graft, tmp_path, pem):
    file, output = tmp_path / "kernels.graft", tmp_path / "signed.graft"
    writing.write(file, ONE)
    assert graft("bundle", "sign", file, "--key", pem, "-o", output).exit_code == 0
    assert reading.read_bytes(file) == format.pack(ONE)
    assert reading.read(output, [pem.with_suffix(".pub")]) == ONE


def test_the_command_ends_with_one_line_if_there_is_nothing_to_sign(graft, tmp_path, pem):
    file = tmp_path / "kernels.graft"
    done = graft("bundle", "sign", file, "--key", pem)
    message = f"Error: {file}: it cannot be read, because there is no such file\n"
    assert (done.exit_code, done.output) == (1, message)
