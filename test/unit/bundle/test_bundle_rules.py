# SPDX-License-Identifier: MIT
"""What a bundle may not be: a file for each rule of docs/bundle-format.md in its order, and for each known trick, byte by byte."""

import hashlib
import re
import subprocess
import sys
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import bundle_archive
import bundle_mutations
import bundle_validator
import pytest
from bundle_archive import DEFLATED, Entry, archive, artifact, deflate
from sweeps import slow
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import container, format
from triton.backends.graft.runtime.errors import FORMAT_RULES

CUBIN = b"a cubin, for all that a bundle knows"
NAME = hashlib.sha256(CUBIN).hexdigest()
KEY, TTIR = "1" * 64, "2" * 64


def make_content():
    """The content of a small bundle with something of everything, and the artifact `CUBIN`."""
    producer = {"graft": "1.0", "triton": "3.9.0", "compiler": {}, "tools": {"cuda:90": {"tool.ptxas": "3"}}}
    code = {"option.num_warps": "4"}
    param = {"name": "x", "kind": "positional", "constexpr": False, "const": False, "annotation": "", "specialize": True,
             "align": True, "default": []}  # fmt: skip
    kernel = {"module": "m", "name": "add", "debug": False, "params": [param, param | {"name": "n"}]}
    metadata = {
        "name": "add",
        "target": {"backend": "cuda", "arch": 90, "warp_size": 32},
        "shared": 0,
        **bundle_archive.LAUNCHING,
    }
    special = {"signature": ["*fp32", ["i32", "constexpr"]], "constants": [[[1, 1], {"float": "0x1.0000000000000p+0"}]],
               "attributes": [[[0], [["tt.divisibility", 16]]], [[1, 0], []]], "options": {}}  # fmt: skip
    digests = {
        "kernel": bundle_archive.digest(kernel),
        "producer": bundle_archive.digest(producer),
        "code": bundle_archive.digest(code),
    }
    variant = {**digests, "target": "cuda:90", "key": KEY, "name": "add", "own": {"source.text": TTIR}, "files": {"cubin": NAME},
               "metadata": metadata, "specialisation": special, "static": ""}  # fmt: skip
    tuner = {"module": "m", "name": "add", "target": "cuda:90", "arg_names": ["x", "n"], "keys": ["n"], "pre_hook": False,
             "winners": [[[16, "fp32"], {"BLOCK": 64}], [[17, "fp32"], {"BLOCK": 128}]]}  # fmt: skip
    return {
        "producers": {digests["producer"]: producer},
        "code": {digests["code"]: code},
        "targets": {"cuda:90": {"options": {"num_warps": 4}}},
        "kernels": {digests["kernel"]: kernel},
        "variants": [variant],
        "tuners": [tuner],
        "manifests": {"4" * 64: {"name": "add", "alternatives": [[TTIR, [[0, "N", "1"]], [[0, "N"]]]]}},
    }


@pytest.fixture
def content():
    return make_content()


def good(method=bundle_archive.STORED):
    return bundle_archive.entries(make_content(), [CUBIN], method)


def with_manifest(text, *others):
    return archive([Entry(b"manifest.json", text), *others])


def with_content(content, *artifacts):
    return bundle_archive.bundle(content, artifacts or [CUBIN])


def end_of(entry):
    """Where *entry* ends if it is the first."""
    return 30 + len(entry.name) + len(entry.packed)


def refusal(data):
    """The rule that *data* breaks, and what the reader says."""
    assert bundle_validator.broken_rule(data) is not None
    with pytest.raises(BundleError) as raised:
        format.unpack(data)
    message = str(raised.value).removesuffix(f" (rule {raised.value.rule} of the bundle format)")
    assert message != str(raised.value)
    return raised.value.rule, message


def changed(function, *artifacts):
    """The refusal of a bundle whose content went through *function*, sealed with the right digests of tables and manifest."""
    content = make_content()
    function(content)
    return refusal(with_content(bundle_mutations.tidied(content), *artifacts))


def set_at(path, value):
    """A function that puts *value* in the first variant at *path*."""

    def change(content):
        where = content["variants"][0]
        for step in path[:-1]:
            where = where[step]
        where[path[-1]] = value

    return change


# -- What is right


def test_the_bundle_that_the_others_differ_from_is_right(content):
    data = archive(good())
    assert format.unpack(data) == format.Bundle(content, {NAME: CUBIN})
    assert bundle_validator.broken_rule(data) is None


def test_a_writer_writes_what_the_document_says():
    data = format.pack(format.Bundle(make_content(), {NAME: CUBIN}))
    first, *others = good()
    assert data == archive([first.but(method=DEFLATED), *others])


def test_the_tools_of_others_read_what_is_written(content):
    with zipfile.ZipFile(BytesIO(format.pack(format.Bundle(content, {NAME: CUBIN})))) as found:
        assert found.testzip() is None
        assert found.namelist() == ["manifest.json", NAME]
        assert found.read(NAME) == CUBIN


def test_what_another_zlib_deflates_is_read():
    data = archive([entry.but(method=DEFLATED, data=deflate(entry.content, 1)) for entry in good()])
    assert format.unpack(data).artifacts == {NAME: CUBIN}


def test_a_signature_is_the_one_comment_that_is_read():
    data = archive(good(), comment=b"graft-ed25519:" + b"0" * 64 + b":" + b"f" * 128)
    assert format.unpack(data).artifacts == {NAME: CUBIN}


def test_what_would_be_deflated_to_nearly_nothing_is_stored():
    zeros = bytes(1 << 20)
    data = container.write(container.Container(b"{}", {hashlib.sha256(zeros).hexdigest(): zeros}))
    assert len(data) > len(zeros)


def test_texts_of_all_scripts_are_read(content):
    content["variants"][0]["name"] = "größe 核 \U0001f600"
    assert format.unpack(with_content(content)).content == content


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_ENTRIES", 1, "it has 2 entries, and a bundle has at most 1 (rule zip of the bundle format)"),
        ("MAX_MANIFEST", 1, "its entry manifest.json has 2 bytes, more than 1 (rule bound of the bundle format)"),
        ("MAX_ARTIFACT", 9, f"its entry {NAME} has 36 bytes, more than 9 (rule bound of the bundle format)"),
        ("MAX_TOTAL", 37, "its entries have 38 bytes together, more than 37 (rule bound of the bundle format)"),
        ("MAX_FILE", 99, "it has 366 bytes, and a bundle has at most 99 (rule size of the bundle format)"),
    ],
)
def test_what_is_too_large_to_be_read_is_not_written(monkeypatch, limit, value, message):
    monkeypatch.setattr(container, limit, value)
    with pytest.raises(BundleError) as raised:
        container.write(container.Container(b"{}", {NAME: CUBIN}))
    assert str(raised.value) == message


def test_a_name_that_is_no_digest_is_not_written():
    with pytest.raises(
        BundleError, match=r"^it has an entry '\.\./\\xe9', which is neither the manifest nor named by a digest"
    ):
        container.write(container.Container(b"{}", {"../\xe9": CUBIN}))


def test_merging_keeps_as_many_alternatives_as_a_manifest_may_have(content):
    (manifest,) = content["manifests"].values()
    bundles = []
    for start in (0, 60):
        manifest["alternatives"] = [[TTIR, [[0, f"{number:03}", ""]], []] for number in range(start, start + 60)]
        bundles.append(format.unpack(with_content(content)))
    (merged,) = format.unpack(format.pack(format.merge(bundles))).content["manifests"].values()
    assert len(merged["alternatives"]) == 64


# -- One file for each rule


def test_1_size_a_file_of_more_than_1_gib():
    with pytest.raises(BundleError) as raised:
        format.unpack(bytes((1 << 30) + 1))
    assert raised.value.rule == "size"
    assert str(raised.value) == "it has 1073741825 bytes, and a bundle has at most 1073741824 (rule size of the bundle format)"


def test_2_zip_a_file_that_is_no_archive():
    assert refusal(b"#!/bin/sh\n") == ("zip", "it does not end as a zip archive does; is it a bundle, and is it complete?")


def test_3_comment_a_comment_that_is_no_signature():
    assert refusal(archive(good(), comment=b"hello")) == (
        "comment",
        "the archive has a comment of 5 bytes that is no signature",
    )


def test_4_name_another_first_entry():
    assert refusal(archive(good()[1:])) == ("name", f"its first entry is '{NAME}', not 'manifest.json'")


def test_5_method_a_method_other_than_stored_and_deflated():
    first, second = good()
    message = f"its entry {NAME} is compressed by method 12; allowed are 0 (stored) and 8 (deflated)"
    assert refusal(archive([first, second.but(method=12)])) == ("method", message)


def test_6_header_another_mode():
    first, second = good()
    message = f"the central header of its entry {NAME} has the attributes {0o666 << 16}, where it has to be {0o600 << 16}"
    assert refusal(archive([first, second.but(central={"external": 0o666 << 16})])) == ("header", message)


def test_7_gap_bytes_between_entries():
    first, second = good()
    end = end_of(first)
    message = f"its entry {NAME} is at byte {end + 6}, not at {end}, where the one before ends"
    assert refusal(archive([first, second.but(before=b"hidden")])) == ("gap", message)


def test_8_bound_an_entry_deflated_to_nearly_nothing():
    zeros = artifact(bytes(1 << 20), DEFLATED)
    message = f"its entry {zeros.name.decode()} is deflated to less than 1/64 of its size"
    assert refusal(with_manifest(b"{}", zeros)) == ("bound", message)


def test_9_length_another_crc():
    first, second = good()
    fields = {"crc": 5}
    message = f"the content of its entry {NAME} does not have the CRC-32 that its headers say"
    assert refusal(archive([first, second.but(local=fields, central=fields)])) == ("length", message)


def test_10_artifact_another_content():
    first, second = good()
    message = f"the content of its entry {NAME} does not have the digest that it is named by"
    assert refusal(archive([first, second.but(content=b"another")])) == ("artifact", message)


def test_11_json_text_that_is_no_json():
    assert refusal(with_manifest(b"hello")) == ("json", "its manifest is not JSON (Expecting value: line 1 column 1 (char 0))")


def test_12_version_a_later_one():
    text = bundle_archive.canonical({"version": 2, "kernels": [1.5]})
    message = "its format is version 2, and this reader knows version 1: install a newer triton-graft"
    assert refusal(with_manifest(text)) == ("version", message)


def test_13_digest_a_content_that_was_changed(content):
    text = bundle_archive.manifest(content).replace(b'"m"', b'"w"')
    message = "its manifest does not have the digest that it names: it was changed after it was written"
    assert refusal(with_manifest(text)) == ("digest", message)


def test_14_schema_a_value_of_another_type():
    message = "content.variants[0].metadata.shared is '0', where there has to be a number from 0 to 2147483647"
    assert changed(set_at(["metadata", "shared"], "0")) == ("schema", message)


MISSING = object()


@pytest.mark.parametrize("given", [MISSING, None, -1, [True]])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("name", "a text"),
        ("target", "an object with backend, arch, warp_size"),
        ("num_warps", "a number from 1 to 64"),
        ("num_ctas", "a number from 1 to 16"),
        ("warp_size", "a number from 32 to 32"),
        ("shared", "a number from 0 to 2147483647"),
        ("global_scratch_size", "a number from 0 to 4294967295"),
        ("global_scratch_align", "a number from 1 to 1073741824"),
        ("profile_scratch_size", "a number from 0 to 4294967295"),
        ("profile_scratch_align", "a number from 1 to 1073741824"),
        ("launch_cooperative_grid", "true or false"),
        ("launch_pdl", "true or false"),
    ],
)
def test_what_a_launch_needs_is_there_and_of_its_type(name, expected, given):
    def change(content):
        metadata = content["variants"][0]["metadata"]
        del metadata[name]
        metadata.update({} if given is MISSING else {name: given})

    shown = "missing" if given is MISSING else repr(given)
    message = f"content.variants[0].metadata.{name} is {shown}, where there has to be {expected}"
    assert changed(change) == ("schema", message)


DESCRIPTOR = {"swizzle": 3, "elem_size": 2, "elem_type": 6, "block_size": [64, 64], "fp4_padded": False, "is_im2col": False}


@pytest.mark.parametrize("name", DESCRIPTOR)
def test_how_a_host_makes_a_descriptor_is_there_and_of_its_type(name):
    path = "content.variants[0].metadata.tensordesc_meta[0]"
    without = {member: value for member, value in DESCRIPTOR.items() if member != name}
    assert changed(set_at(["metadata", "tensordesc_meta"], [without])) == ("schema", f"{path} has no {name}")
    rule, message = changed(set_at(["metadata", "tensordesc_meta"], [DESCRIPTOR | {name: None}]))
    assert rule == "schema" and message.startswith(f"{path}.{name} is None, where there has to be ")


def test_15_reference_an_artifact_that_is_not_there(content):
    data = archive(bundle_archive.entries(content))
    assert refusal(data) == ("reference", f"{NAME} of artifacts is missing")


def test_16_order_variants_that_are_not_sorted(content):
    content["variants"].append(content["variants"][0] | {"key": "0" * 64})
    assert refusal(with_content(content)) == ("order", "the variants are not sorted, or one is there twice")


def test_17_path_a_name_with_a_folder():
    message = (
        "content.variants[0].name is '../add', where there has to be the name of a file, without a folder or control characters"
    )
    assert changed(set_at(["name"], "../add")) == ("path", message)


def test_every_rule_of_the_document_has_its_test_in_order():
    document = (Path(__file__).parents[3] / "docs/bundle-format.md").read_text()
    rules = re.findall(r"^(\d+)\. \*\*(\w+)\*\*", document, re.MULTILINE)
    assert (*(rule for _, rule in rules), "cubin") == FORMAT_RULES
    tests = re.findall(r"^def test_(\d+)_([a-z]+)_", Path(__file__).read_text(), re.MULTILINE)
    assert tests == [(str(number), rule) for number, rule in enumerate(bundle_mutations.RULES, 1)] == rules[: len(tests)]


# -- Archives: where they begin and end

NO_END = ("zip", "it does not end as a zip archive does; is it a bundle, and is it complete?")


@pytest.mark.parametrize("kept", [0, 1, 4, 21, 22, 100, -1, -22])
def test_a_part_of_a_file_is_refused(kept):
    assert refusal(archive(good())[:kept]) == NO_END


def test_bytes_behind_the_archive_are_refused():
    assert refusal(archive(good()) + b"\n") == NO_END


def test_an_archive_of_nothing_is_refused():
    assert refusal(archive([])) == ("name", "it has no entries")


def test_bytes_in_front_of_the_archive_are_refused():
    assert refusal(b"#!/bin/sh\n" + archive(good())) == ("header", "its entry manifest.json has no local header at byte 0")


def test_bytes_in_front_that_the_directory_knows_of_are_refused():
    first, second = good()
    message = "its entry manifest.json is at byte 10, not at 0, where the one before ends"
    assert refusal(archive([first.but(before=b"#!/bin/sh\n"), second])) == ("gap", message)


def test_bytes_in_front_of_the_directory_are_refused():
    rule, message = refusal(archive(good(), gap=b"hidden"))
    assert rule == "gap"
    assert re.fullmatch(r"its entries end at byte (\d+), its directory is at (\d+) and is said to be at \2", message)


def test_a_second_archive_in_the_comment_is_refused():
    """The file ends as the inner archive does, which does not begin where the file begins."""
    rule, message = refusal(archive(good(), comment=archive(good())))
    assert rule == "gap"
    assert message.startswith("its entries end at byte ")


@pytest.mark.parametrize(("field", "value"), [("disk", 1), ("first_disk", 1), ("here", 1), ("count", 3)])
def test_an_archive_on_several_disks_is_refused(field, value):
    assert refusal(archive(good(), **{field: value})) == ("zip", "it is a part of a zip archive on several disks")


def test_a_directory_that_is_larger_than_the_file_is_refused():
    data = archive(good(), size=(1 << 32) - 1)
    message = f"its central directory is said to have 4294967295 bytes, and there are {len(data) - 22} in front of its end"
    assert refusal(data) == ("zip", message)


def test_more_entries_than_the_directory_has_are_refused():
    message = "its central directory has 2 entries, where its end says 3"
    assert refusal(archive(good(), here=3, count=3)) == ("zip", message)


def test_fewer_entries_than_the_directory_has_are_refused():
    rule, message = refusal(archive(good(), here=1, count=1))
    assert rule == "zip"
    assert re.fullmatch(r"its central directory has not the \d+ bytes that its end says", message)


def test_zip64_is_refused():
    locator = b"PK\6\7" + bytes(16)
    with_end = archive(good()[:1])[:-22] + b"PK\6\6" + bytes(52) + locator + archive([])
    assert refusal(with_end) == ("zip", "it is a zip64 archive, which a bundle must not be")


# -- Archives: names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"../../etc/passwd", "'../../etc/passwd'"),
        (b"/etc/passwd", "'/etc/passwd'"),
        (b"C:\\x", "'C:\\\\x'"),
        (b"folder/", "'folder/'"),
        (b"", "''"),
        (b"manifest.json", "'manifest.json'"),
        (NAME.encode() + b"\0.txt", f"'{NAME}\\x00.txt'"),
        (NAME.encode() + b"\n", f"'{NAME}\\n'"),
        (NAME.upper().encode(), f"'{NAME.upper()}'"),
        ("kern\u00e9l".encode(), "'kern\\xc3\\xa9l'"),
        (b"x" * 60_000, f"'{'x' * 80}'…"),
    ],
)
def test_a_name_that_is_no_digest_is_refused(name, shown):
    first, second = good()
    message = f"it has an entry {shown}, which is neither the manifest nor named by a digest"
    assert refusal(archive([first, second.but(name=name)])) == ("name", message)


def test_an_entry_that_is_there_twice_is_refused():
    first, second = good()
    assert refusal(archive([first, second, second])) == ("name", f"its entry {NAME} is there twice")


def test_entries_that_are_not_sorted_are_refused():
    first, *others = bundle_archive.entries({}, [b"1", b"2"])
    message = f"its entry {others[0].name.decode()} is not in its place"
    assert refusal(archive([first, *reversed(others)])) == ("name", message)


def test_another_name_in_the_local_header_is_refused():
    first, second = good()
    message = f"its entry {NAME} is called '{'0' * 64}' in its local header"
    assert refusal(archive([first, second.but(local_name=b"0" * 64)])) == ("header", message)


# -- Archives: headers

HEADER = f"header of its entry {NAME} has the"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"local": {"flags": 1}, "central": {"flags": 1}}, f"the central {HEADER} flags 1, where it has to be 0"),
        ({"local": {"flags": 8}}, f"the local {HEADER} flags 8, where it has to be 0"),
        ({"central": {"flags": 0x800}}, f"the central {HEADER} flags 2048, where it has to be 0"),
        ({"local": {"date": 34}}, f"the local {HEADER} date 34, where it has to be 33"),
        ({"central": {"made": 20}}, f"the central {HEADER} version made by 20, where it has to be 788"),
        ({"central": {"version": 45}}, f"the central {HEADER} version 45, where it has to be 20"),
        ({"central": {"disk": 1}}, f"the central {HEADER} disk 1, where it has to be 0"),
        ({"local": {"method": 8}}, f"the local {HEADER} method 8, where it has to be 0"),
        ({"local": {"crc": 1}}, f"the local {HEADER} CRC-32 1, where it has to be {zlib.crc32(CUBIN)}"),
        ({"local": {"size": 1}}, f"the local {HEADER} size 1, where it has to be 36"),
        ({"local_extra": b"\1\0\0\0"}, f"the local {HEADER} length of the extra field 4, where it has to be 0"),
        ({"central_extra": b"\1\0\0\0"}, f"the central {HEADER} length of the extra field 4, where it has to be 0"),
        ({"comment": b"hi"}, f"the central {HEADER} length of the comment 2, where it has to be 0"),
        ({"local_name": b"x"}, f"the local {HEADER} length of the name 1, where it has to be 64"),
        ({"central": {"offset": 1 << 31}}, f"its entry {NAME} has no local header at byte 2147483648"),
    ],
)
def test_a_header_that_no_writer_writes_is_refused(changes, message):
    first, second = good()
    assert refusal(archive([first, second.but(**changes)])) == ("header", message)


def test_sizes_in_a_zip64_field_are_refused():
    first, second = good()
    fields = {"packed": (1 << 32) - 1, "size": (1 << 32) - 1}
    extra = b"\1\0\x10\0" + (36).to_bytes(8, "little") * 2
    data = archive([first, second.but(central=fields, central_extra=extra)])
    assert refusal(data) == ("header", f"the central {HEADER} length of the extra field 20, where it has to be 0")


def test_a_data_descriptor_is_refused():
    first, second = good()
    bare = second.but(local={"flags": 8, "crc": 0, "packed": 0, "size": 0}, central={"flags": 8}, after=b"PK\7\x08" + bytes(12))
    assert refusal(archive([first, bare])) == ("header", f"the central {HEADER} flags 8, where it has to be 0")


def test_the_size_at_which_zip64_begins_is_refused():
    """Regression: Python's zipfile raises another error there."""
    first, second = good()
    fields = {"size": 1 << 31}
    data = archive([first, second.but(local=fields, central=fields)])
    assert refusal(data) == ("bound", f"its entry {NAME} has 2147483648 bytes, more than 268435456")


# -- Archives: layout


def test_an_entry_in_another_is_refused():
    """The outer artifact is an archive, and an entry in it is listed in the outer directory."""
    pairs = ((artifact(archive([inner])), inner) for inner in map(artifact, (b"a", b"b", b"c", b"d", b"e")))
    outer, inner = next((outer, inner) for outer, inner in pairs if outer.name < inner.name)
    manifest = Entry(b"manifest.json", b"{}")
    inside = end_of(manifest) + 30 + 64
    rule, message = refusal(archive([manifest, outer, inner.but(central={"offset": inside})]))
    assert rule == "gap"
    assert message.startswith(f"its entry {inner.name.decode()} is at byte {inside}, not at ")


def test_two_entries_with_the_same_data_are_refused():
    first, second = good()
    again = second.but(name=b"f" * 64, central={"offset": end_of(first)})
    message = f"its entry {'f' * 64} is called '{NAME}' in its local header"
    assert refusal(archive([first, second, again])) == ("header", message)


def test_an_entry_that_nobody_lists_is_refused():
    first, second = good()
    data = archive([first, second.but(name=b"0" * 64, is_listed=False), second])
    rule, message = refusal(data)
    assert rule == "gap"
    assert message.startswith(f"its entry {NAME} is at byte ")


def test_a_directory_that_is_not_where_its_end_says_is_refused():
    rule, message = refusal(archive(good(), offset=0))
    assert rule == "gap"
    assert re.fullmatch(r"its entries end at byte (\d+), its directory is at \1 and is said to be at 0", message)


# -- Archives: data


def deflated(data=None, **fields):
    """A bundle whose artifact is deflated to *data*, with *fields* in both of its headers."""
    first, second = good()
    return archive([first, second.but(method=DEFLATED, data=data, local=fields, central=fields)])


def test_a_deflate_stream_that_is_cut_off_is_refused():
    assert refusal(deflated(deflate(CUBIN)[:-1])) == ("length", f"its entry {NAME} cannot be inflated (it is cut off)")


def test_bytes_behind_a_deflate_stream_are_refused():
    data = deflated(deflate(CUBIN) + b"hidden")
    assert refusal(data) == ("length", f"its entry {NAME} has 6 bytes behind its deflated data")


def test_data_that_is_no_deflate_stream_is_refused():
    rule, message = refusal(deflated(b"\xff" * 20))
    assert rule == "length"
    assert message.startswith(f"its entry {NAME} cannot be inflated (Error -3 while decompressing data: invalid ")


def test_a_deflate_stream_that_gives_less_than_it_says_is_refused():
    assert refusal(deflated(size=37)) == ("length", f"its entry {NAME} has 36 bytes, where its headers say 37")


def test_a_deflate_stream_that_gives_more_than_it_says_is_refused():
    assert refusal(deflated(size=35)) == ("length", f"its entry {NAME} has more than 35 bytes, where its headers say 35")


def test_stored_data_of_another_size_is_refused():
    first, second = good()
    fields = {"size": 35}
    data = archive([first, second.but(local=fields, central=fields)])
    assert refusal(data) == ("length", f"its entry {NAME} has more than 35 bytes, where its headers say 35")


def test_an_artifact_of_more_than_256_mib_is_refused():
    first, second = good()
    fields = {"size": (256 << 20) + 1}
    data = archive([first, second.but(local=fields, central=fields)])
    assert refusal(data) == ("bound", f"its entry {NAME} has 268435457 bytes, more than 268435456")


def test_a_manifest_of_more_than_64_mib_is_refused():
    fields = {"size": (64 << 20) + 1}
    data = archive([Entry(b"manifest.json", b"{}", local=fields, central=fields)])
    assert refusal(data) == ("bound", "its entry manifest.json has 67108865 bytes, more than 67108864")


def test_entries_of_more_than_2_gib_together_are_refused():
    size = {"size": 256 << 20}
    names = [Entry(b"%064d" % number, local=size, central=size) for number in range(9)]
    message = f"its entries have {9 * (256 << 20) + 2} bytes together, more than 2147483648"
    assert refusal(with_manifest(b"{}", *names)) == ("bound", message)


# -- The text of the manifest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "its manifest is not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"\xef\xbb\xbf{}", "its manifest has the byte 0xef at 0, which is not ASCII"),
        (b'{"a":"\xc3\xa9"}', "its manifest has the byte 0xc3 at 6, which is not ASCII"),
        (b'{"a":NaN}', "its manifest has the number NaN, and all numbers have to be integers"),
        (b"[-Infinity]", "its manifest has the number -Infinity, and all numbers have to be integers"),
        (b"[1.0]", "its manifest has the number 1.0, and all numbers have to be integers"),
        (b"[1e99999]", "its manifest has the number 1e99999, and all numbers have to be integers"),
        (b"1" * 601, "its manifest has an integer of more than 600 digits"),
        (b"-" + b"1" * 5000, "its manifest has an integer of more than 600 digits"),
        (b"-0", "its manifest is not written canonically"),
        (b'{"a":1,"a":1}', "its manifest is not written canonically"),
        (b'{"b":1,"a":1}', "its manifest is not written canonically"),
        (b'{"a": 1}', "its manifest is not written canonically"),
        (b"{}\n", "its manifest is not written canonically"),
        (b'"\\u0041"', "its manifest is not written canonically"),
        (b'"\\u00E9"', "its manifest is not written canonically"),
        (b'"\\ud800"', "its manifest has a text with '\\ud800', which is half of a character"),
        (b'{"\\udfff":1}', "its manifest has a text with '\\udfff', which is half of a character"),
        (b"[" * 65 + b"]" * 65, "its manifest is nested more than 64 deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "its manifest is nested more than 64 deep"),
        (b"[" * 99_999 + b"]" * 99_999, "its manifest is nested too deeply"),
    ],
)
def test_a_text_that_is_no_manifest_is_refused(text, message):
    assert refusal(with_manifest(text)) == ("json", message)


NO_VERSION = "its manifest does not say that it is of version 1"
OTHER_MEMBERS = "its manifest is not one of version 1, which has a content, a digest and the version"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], NO_VERSION),
        ("\\ud800", NO_VERSION),
        ({}, NO_VERSION),
        ({"content": {}, "digest": "", "version": 0}, NO_VERSION),
        ({"content": {}, "digest": "", "version": "1"}, NO_VERSION),
        # Regression: true is 1 in Python.
        ({"content": {}, "digest": "", "version": True}, NO_VERSION),
        ({"content": {}, "version": 1}, OTHER_MEMBERS),
        ({"content": {}, "digest": "", "more": 1, "version": 1}, OTHER_MEMBERS),
        ({"version": 3}, "its format is version 3, and this reader knows version 1: install a newer triton-graft"),
    ],
)
def test_a_manifest_of_another_version_is_refused(value, message):
    assert refusal(with_manifest(bundle_archive.canonical(value))) == ("version", message)


def test_the_number_of_a_later_version_is_shown_short():
    rule, message = refusal(with_manifest(b'{"version":%s}' % (b"9" * 600)))
    assert rule == "version"
    assert len(message) < 200


# -- The schema


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["files"], {"cubin": NAME.upper()}, f"files.cubin is '{NAME.upper()}', where there has to be a digest of "
         "64 hexadecimal digits"),
        (["files", "../x"], NAME, "files['../x'] is '../x', where there has to be one of cubin, ttir, ttgir, llir, ptx, source"),
        (["target"], "cuda:090", "target is 'cuda:090', where there has to be a target such as cuda:90"),
        (["own", "source.text"], 1, "own['source.text'] is 1, where there has to be a text"),
        (["metadata", "num_warps"], True, "metadata.num_warps is True, where there has to be a number from 1 to 64"),
        (["metadata", "num_warps"], -1, "metadata.num_warps is -1, where there has to be a number from 1 to 64"),
        (["metadata", "target"], {}, "metadata.target has no backend"),
        (["metadata", "target"], None, "metadata.target is None, where there has to be an object with backend, arch, warp_size"),
        (["metadata"], {}, "metadata.name is missing, where there has to be a text"),
        (["metadata"], [], "metadata is [], where there has to be an object"),
        (["more"], 1, " has 'more', which is not among kernel, producer, code, target, key, name, own, files, metadata, specialisation, static"),
        (["specialisation", "options", "x"], {"float": "1.5"}, "specialisation.options.x.float is '1.5', where there has to be a number as "
         "float.hex writes it"),
        (["specialisation", "options", "x"], {"float": "0x1p99999"}, "specialisation.options.x.float is '0x1p99999', where there has to be a number "
         "as float.hex writes it"),
        (["specialisation", "options", "x"], {"pickle": ""}, "specialisation.options.x is {'pickle': ''}, where there has to be a value"),
        (["specialisation", "options", "x"], [1], "specialisation.options.x is [1], where there has to be a value"),
        (["specialisation", "constants", 0], [[]], "specialisation.constants[0] is [[]], where there has to be a list of 2"),
        (["specialisation", "constants", 0, 0], [0] * 17, "specialisation.constants[0][0] is [0, 0, ...], where there has to be a list of at most 16"),
        (["specialisation", "signature", 0], 1, "specialisation.signature[0] is 1, where there has to be a text"),
        (["name"], "\x1b[31m" * 99 + "\n", None),
    ],
)  # fmt: skip
def test_a_variant_of_another_shape_is_refused(path, value, message):
    rule, found = changed(set_at(path, value))
    if message is None:
        assert rule == "path" and len(found) < 200 and found.isprintable()
    else:
        dot = "" if message.startswith(" ") else "."
        assert (rule, found) == ("schema", f"content.variants[0]{dot}{message}")


def test_an_error_in_a_nest_names_a_short_place():
    value = 1.5j
    for _ in range(20):
        value = {"constexpr": value}
    with pytest.raises(
        BundleError, match=r"content\.variants\[0\]\.specialisation\.options\.x(\.constexpr){7}… is 1\.5j, where"
    ):
        content = make_content()
        set_at(["specialisation", "options", "x"], value)(content)
        format.pack(format.Bundle(content, {NAME: CUBIN}))


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        (1, 2),
        b"x",
        10**600,
        pytest.param(10**5000, id="10**5000"),
        {1: 2},
        {"float": 1.5},
        "\ud800",
        bundle_mutations.nested(70),
    ],
)
def test_what_could_not_be_read_is_not_written(content, value):
    set_at(["metadata", "more"], value)(content)
    with pytest.raises(BundleError, match=r"\(rule (schema|json) of the bundle format\)$"):
        format.pack(format.Bundle(content, {NAME: CUBIN}))


# -- References


def first(table, content):
    return next(iter(content[table].values()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["variants"].clear(), r"[0-9a-f]{64} of producers belongs to nothing"),
        (lambda content: content["kernels"].clear(), r"[0-9a-f]{64} of kernels is missing"),
        (lambda content: content["code"].update({"9": {}}), r"[0-9a-f]{64} of code belongs to nothing"),
        (lambda content: content["targets"].update({"cuda:75": {"options": {}}}), "cuda:75 of targets belongs to nothing"),
        (lambda content: content["tuners"][0].update(target="cuda:80"), "cuda:80 of targets is missing"),
        (set_at(["files"], {}), f"the variant {KEY} of 'add' has no cubin"),
        (set_at(["files", "ptx"], "9" * 64), f"{'9' * 64} of artifacts is missing"),
        (set_at(["metadata", "target", "arch"], 80), f"the variant {KEY} of 'add' has metadata of another target"),
        (
            set_at(["specialisation", "signature"], ["i32"]),
            f"the variant {KEY} of 'add' has a signature of 1, and its kernel has 2 parameters",
        ),
        (
            set_at(["specialisation", "constants"], [[[2], 1]]),
            rf"the variant {KEY} of 'add' has the path \[2\], which is not in its signature",
        ),
        (
            set_at(["specialisation", "constants"], [[[], 1]]),
            rf"the variant {KEY} of 'add' has the path \[\], which is not in its signature",
        ),
        (
            set_at(["specialisation", "attributes"], [[[1, 2], []]]),
            rf"the variant {KEY} of 'add' has the path \[1, 2\], which is not in its signature",
        ),
        (
            lambda content: first("manifests", content)["alternatives"].clear(),
            f"the manifest {'4' * 64} of 'add' leads to no variant, or to others as well",
        ),
        (
            set_at(["own"], {}),
            f"the manifest {'4' * 64} of 'add' leads to no variant, or to others as well",
        ),
    ],
)
def test_a_reference_that_is_missing_or_left_over_is_refused(change, message):
    rule, found = changed(change)
    assert rule == "reference"
    assert re.fullmatch(message, found)


@pytest.mark.parametrize("table", ["producers", "code", "kernels"])
def test_something_under_a_digest_that_is_not_its_own_is_refused(content, table):
    (name,) = content[table]
    other = "9" * 64
    content[table] = {other: content[table][name]}
    message = f"content.{table} has something under {other} that does not have this digest"
    assert refusal(with_content(content)) == ("reference", message)


def test_an_artifact_that_belongs_to_nothing_is_refused(content):
    more = artifact(b"hidden").name.decode()
    assert refusal(with_content(content, CUBIN, b"hidden")) == ("reference", f"{more} of artifacts belongs to nothing")


# -- Order


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda content: content["variants"].append(content["variants"][0]), "the variants"),
        (lambda content: content["tuners"].append(content["tuners"][0]), "the autotuners"),
        (lambda content: content["tuners"][0]["winners"].reverse(), "the winners of 'add'"),
        (
            lambda content: first("manifests", content)["alternatives"].append([TTIR, [["z", "", ""]], []]),
            f"the alternatives of the manifest {'4' * 64}",
        ),
        (set_at(["specialisation", "constants"], [[[1, 1], 1], [[1, 1], 2]]), "the constants of 'add'"),
        (set_at(["specialisation", "attributes"], [[[1, 0], []], [[0], []]]), "the attributes of 'add'"),
        (set_at(["specialisation", "attributes"], [[[0], [["b", 1], ["a", 1]]]]), "the attributes of 'add' at [0]"),
    ],
)
def test_a_set_that_is_not_sorted_is_refused(content, change, what):
    change(content)
    assert refusal(with_content(content)) == ("order", f"{what} are not sorted, or one is there twice")


# -- Paths


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/a", "a\\b", "a\0b", "a\nb", "\x7f", "x" * 256])
def test_a_name_of_files_that_is_more_than_a_name_is_refused(name):
    rule, message = changed(lambda content: first("manifests", content).update(name=name))
    assert rule == "path"
    assert message.startswith(f"content.manifests.{'4' * 64}.name is ")
    assert message.endswith(", where there has to be the name of a file, without a folder or control characters")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("/root/x.ll", "content.variants[0].metadata.more is or has the absolute path '/root/x.ll'"),
        ([["x", "/x"]], "content.variants[0].metadata.more[0][1] is or has the absolute path '/x'"),
        ({"/x": 1}, "content.variants[0].metadata.more is or has the absolute path '/x'"),
    ],
)
def test_an_absolute_path_in_metadata_is_refused(value, message):
    assert changed(set_at(["metadata", "more"], value)) == ("path", message)


# -- What would take all memory or time, in a process that has little of both

LIMITED = """
import resource, sys
sys.path.insert(0, {tests!r})
import bundle_archive
from triton.backends.graft.runtime import format
with open("/proc/self/statm") as stream:
    now = int(stream.read().split()[0]) * resource.getpagesize()
data = {data}
resource.setrlimit(resource.RLIMIT_AS, (now + {mib} * 2**20,) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
try:
    format.unpack(data)
except format.BundleError as error:
    print(error.rule)
"""

#: The artifact inflates to 128 MiB; so many of its bytes are said to be there as are allowed, or few.
BOMB = """bundle_archive.archive([bundle_archive.Entry(b"manifest.json", b"{{}}"), bundle_archive.Entry(
    b"0" * 64, bytes(128 << 20), 8, local={{"size": {size}}}, central={{"size": {size}}})])"""
DENSE = """(lambda text: bundle_archive.archive([bundle_archive.Entry(b"manifest.json", text)]))({text})"""


@pytest.mark.parametrize(
    ("data", "mib", "rule"),
    [
        slow(BOMB.format(size=9), 100, "length"),
        (BOMB.format(size=7 << 20), 100, "length"),
        slow(BOMB.format(size=128 << 20), 100, "bound"),
        slow(DENSE.format(text='b"[" + b"[]," * 5_000_000 + b"[]]"'), 1000, "version"),
        (DENSE.format(text='b\'{"a":"\' + b"a" * 60_000_000 + b\'"}\''), 1000, "version"),
        (DENSE.format(text='b"[" + b"9" * 60_000_000 + b"]"'), 1000, "json"),
        (DENSE.format(text='b"[" * 60_000_000'), 1000, "json"),
        ("b'PK\\5\\6' * 10_000_000", 1000, "zip"),
        ("bundle_archive.archive([bundle_archive.Entry(b'manifest.json', b'{}')] * 65_535)", 1000, "name"),
    ],
    ids=["said-small", "said-large", "said-all", "many-lists", "long-text", "long-number", "deep", "many-ends", "many-entries"],
)
def test_a_bomb_takes_little(data, mib, rule):
    script = LIMITED.format(tests=str(Path(__file__).parents[1]), data=data, mib=mib)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == (f"{rule}\n", "")


def test_many_values_under_a_long_key_are_read(content):
    """Regression: the place of each value was written out, which took as many bytes as their product (here 200 GB)."""
    content["variants"][0]["metadata"]["k" * 1_000_000] = [0] * 200_000
    assert format.unpack(with_content(content)).content == content


def test_the_reader_says_the_same_when_the_limit_of_digits_is_off():
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert refusal(with_manifest(b"1" * 5000)) == ("json", "its manifest has an integer of more than 600 digits")
    finally:
        sys.set_int_max_str_digits(before)
