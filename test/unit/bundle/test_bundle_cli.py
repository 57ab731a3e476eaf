# SPDX-License-Identifier: MIT
"""`graft bundle …`: what the commands print, what they write, and how they end."""

import json
import re

import pytest
from bundles import make_bundle, make_variant
from triton.backends.graft import console
from triton.backends.graft.bundle import inspection, writing
from triton.backends.graft.runtime import format, reading, signing


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Runs `graft bundle` in this process, with the test's folder as the working folder, and returns click's result."""
    testing = pytest.importorskip("click.testing")
    from triton.backends.graft.tools.cli import graft

    monkeypatch.chdir(tmp_path)
    return lambda *arguments: testing.CliRunner().invoke(graft, ["bundle", *arguments], prog_name="graft")


@pytest.fixture
def files(tmp_path):
    """Two bundles, as a.graft and b.graft in the test's folder."""
    bundles = {"a.graft": make_bundle(["scale", "add"]), "b.graft": make_bundle(["scale"], ["cuda:80"])}
    for name, content in bundles.items():
        writing.write(tmp_path / name, content)
    return bundles


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "cache")


# -- Show and diff


def test_show_prints_the_report(bundle, files):
    done = bundle("show", "a.graft")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == console.text(inspection.blocks(inspection.show(inspection.read("a.graft")), True)) + "\n"


def test_show_prints_json(bundle, files):
    done = bundle("show", "a.graft", "--json")
    assert json.loads(done.stdout) == inspection.show(inspection.read("a.graft"))


SUMMARY = """\
kernel         target   variants  registers  spills  shared B  cubins B
───────────────────────────────────────────────────────────────────────
program:add    cuda:80         2          ?       ?         0        20
               cuda:90         2          ?       ?         0        20

program:scale  cuda:80         2          ?       ?         0        20
               cuda:90         2          ?       ?         0        20

registers, spills, shared B: the most of a variant; --variants lists them all
""".splitlines()


def seen(bundle, monkeypatch, columns, *arguments):
    """The lines that a terminal of so many columns shows."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    done = bundle(*arguments)
    assert done.exit_code == 0, done.output
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines()]


@pytest.mark.parametrize("columns", [80, 140])
def test_a_terminal_shows_kernels_by_target(bundle, tmp_path, monkeypatch, columns):
    writing.write(tmp_path / "c.graft", make_bundle(["scale", "add"], ["cuda:80", "cuda:90"], [64, 128], cubin=b"0123456789"))
    lines = seen(bundle, monkeypatch, columns, "show", "c.graft")
    table = lines[lines.index("") + 1 :]
    assert table == SUMMARY
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("columns", [80, 140])
def test_a_terminal_shows_each_variant_if_asked(bundle, tmp_path, monkeypatch, columns):
    writing.write(tmp_path / "c.graft", make_bundle(["scale", "add"], ["cuda:80", "cuda:90"], [64, 128], cubin=b"0123456789"))
    lines = seen(bundle, monkeypatch, columns, "show", "--variants", "c.graft")
    assert "".join(lines).count("BLOCK=128") == 4
    assert max(map(len, lines)) <= columns
    assert not any("…" in line for line in lines)


def test_diff_prints_the_report(bundle, files):
    report = inspection.diff(
        inspection.File("a.graft", b"", files["a.graft"]), inspection.File("b.graft", b"", files["b.graft"])
    )
    done = bundle("diff", "a.graft", "b.graft")
    assert (done.exit_code, done.output) == (0, console.text(inspection.diff_blocks(report)) + "\n")
    assert json.loads(bundle("diff", "a.graft", "b.graft", "--json").stdout) == report


# -- Verify


def test_verify_says_what_was_checked(bundle, files):
    done = bundle("verify", "a.graft")
    assert (done.exit_code, done.output) == (
        0,
        f"ok: a.graft keeps all rules (2 kernels, 2 variants, 2 artifacts; digest {files['a.graft'].digest}); it is not signed\n",
    )
    assert json.loads(bundle("verify", "--json", "a.graft").stdout) == {
        "file": "a.graft", "ok": True, "digest": files["a.graft"].digest, "kernels": 2, "variants": 2, "artifacts": 2,
        "signer": None, "signature": "none",
    }  # fmt: skip


def test_verify_names_the_rule_that_is_broken(bundle, files, tmp_path):
    (tmp_path / "a.graft").write_bytes((tmp_path / "a.graft").read_bytes()[:-1])
    message = (
        "a.graft: it does not end as a zip archive does; is it a bundle, and is it complete? (rule zip of the bundle format)"
    )
    done = bundle("verify", "a.graft")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")
    done = bundle("verify", "a.graft", "--json")
    assert (done.exit_code, done.stderr) == (1, "")
    assert json.loads(done.stdout) == {"file": "a.graft", "ok": False, "rule": "zip", "message": message}


def test_a_file_that_is_not_there_is_an_error(bundle):
    done = bundle("verify", "none.graft")
    assert (done.exit_code, done.output) == (
        1,
        "Error: none.graft: it cannot be read, because there is no such file\n",
    )


@pytest.fixture
def key(files, tmp_path):
    """A public key by which a.graft is signed."""
    pytest.importorskip("cryptography")
    signing.make_keys(tmp_path / "key.pem")
    return writing.sign(tmp_path / "a.graft", signing.load_private_key(tmp_path / "key.pem"))


def test_verify_says_whose_signature_was_verified(bundle, files, key):
    facts = f"a.graft keeps all rules (2 kernels, 2 variants, 2 artifacts; digest {files['a.graft'].digest})"
    for trusted in (key, "key.pub"):
        done = bundle("verify", "a.graft", "--trusted-key", trusted)
        assert (done.exit_code, done.output) == (0, f"ok: {facts}; signed by {key}, which is trusted\n")
    assert bundle("verify", "a.graft").output == (
        f"ok: {facts}; its signature by {key} was not verified, as no --trusted-key was given\n"
    )


def test_verify_refuses_a_bundle_that_nobody_has_signed_who_is_trusted(bundle, key):
    done = bundle("verify", "b.graft", "--trusted-key", key)
    assert (done.exit_code, done.stdout) == (1, "")
    assert (
        done.stderr == f"Error: b.graft: it is not signed, but has to be signed by {key} (rule unsigned of the bundle format)\n"
    )
    report = json.loads(bundle("verify", "a.graft", "--trusted-key", "0" * 64, "--json").stdout)
    assert (report["ok"], report["rule"]) == (False, "untrusted")


def test_show_says_that_a_signature_was_not_verified(bundle, key):
    assert bundle("show", "a.graft").output.splitlines()[3].split(None, 1) == ["signature", f"by {key}, not verified"]


# -- Merge and prune


def test_merge_writes_one_bundle(bundle, files, tmp_path):
    done = bundle("merge", "a.graft", "b.graft", "-o", "out.graft")
    merged = format.merge(files.values())
    assert reading.read(tmp_path / "out.graft") == merged
    assert (done.exit_code, done.output) == (
        0,
        f"out.graft: 2 kernels, 3 variants for cuda:80, cuda:90, digest {merged.digest}\n",
    )


def test_the_output_may_be_an_input(bundle, files, tmp_path):
    assert bundle("merge", "a.graft", "b.graft", "--output", "a.graft").exit_code == 0
    assert bundle("prune", "a.graft", "--kernel", "add", "-o", "a.graft").exit_code == 0
    assert reading.read(tmp_path / "a.graft") == make_bundle(["add"])
    assert names_in(tmp_path) == ["a.graft", "b.graft"]


def test_an_input_that_cannot_be_replaced_is_left_as_it_was(bundle, files, tmp_path, monkeypatch):
    before = (tmp_path / "a.graft").read_bytes()

    def fail(source, target, **_):
        raise OSError("no space")

    monkeypatch.setattr("os.replace", fail)
    done = bundle("merge", "a.graft", "b.graft", "-o", "a.graft")
    assert (done.exit_code, done.stderr) == (1, "Error: a.graft: it cannot be written (no space)\n")
    assert (tmp_path / "a.graft").read_bytes() == before
    assert names_in(tmp_path) == ["a.graft", "b.graft"]


def test_merge_says_what_it_wrote_as_json(bundle, files, tmp_path):
    writing.write(tmp_path / "c.graft", make_variant(cubin=b"another"))
    report = json.loads(bundle("merge", "a.graft", "c.graft", "-o", "out.graft", "--json").stdout)
    assert report == {
        "file": "out.graft",
        "digest": reading.read(tmp_path / "out.graft").digest,
        "targets": ["cuda:90"],
        "kernels": 2,
        "variants": 2,
        "replaced": report["replaced"],
    }
    assert [variant["kernel"] for variant in report["replaced"]] == ["program:scale"]


def test_prune_writes_what_was_asked_for(bundle, files, tmp_path):
    done = bundle("prune", "a.graft", "--target", "cuda:90", "--kernel", "scale", "-o", "out.graft")
    assert reading.read(tmp_path / "out.graft") == make_bundle(["scale"])
    assert (done.exit_code, done.output) == (
        0,
        f"out.graft: 1 kernel, 1 variant for cuda:90, digest {make_bundle(['scale']).digest}\n1 variant left out\n",
    )
    assert json.loads(bundle("prune", "a.graft", "--kernel", "add", "-o", "out.graft", "--json").stdout)["removed"] == 1


def test_prune_without_a_match_writes_nothing(bundle, files, tmp_path):
    done = bundle("prune", "a.graft", "--target", "cuda:75", "-o", "out.graft")
    assert (done.exit_code, done.output) == (
        1,
        "Error: a.graft: it has nothing for 'cuda:75'; it has cuda:90\n",
    )
    assert names_in(tmp_path) == ["a.graft", "b.graft"]


def test_prune_has_to_be_told_what_to_keep(bundle, files):
    done = bundle("prune", "a.graft", "-o", "out.graft")
    assert done.exit_code == 2
    assert done.output.splitlines()[-1] == "Error: give a --target or a --kernel to keep, or several of them"


# -- Unpack


def test_unpack_writes_a_cache_and_says_what_became_of_each_kernel(bundle, files, tmp_path):
    first, again = bundle("unpack", "a.graft", "unpacked"), bundle("unpack", "a.graft", "unpacked", "--json")
    assert first.exit_code == 0
    assert first.output.splitlines()[0].split() == ["name", "target", "outcome"]
    assert sorted(line.split() for line in first.output.splitlines()[1:]) == [
        ["add", "cuda:90", "written"],
        ["scale", "cuda:90", "written"],
    ]
    assert {(one["name"], one["outcome"]) for one in json.loads(again.stdout)} == {("add", "kept"), ("scale", "kept")}
    assert {path.name for path in (tmp_path / "unpacked").glob("*/*.cubin")} == {"add.cubin", "scale.cubin"}


def test_unpack_without_a_folder_takes_tritons(bundle, files, tmp_path):
    assert bundle("unpack", "b.graft").exit_code == 0
    assert [path.name for path in (tmp_path / "cache").glob("*/*.cubin")] == ["scale.cubin"]


def test_unpack_refuses_what_nobody_has_signed_who_is_trusted(bundle, files, key, tmp_path):
    done = bundle("unpack", "b.graft", "unpacked", "--trusted-key", key)
    assert (done.exit_code, done.stdout) == (1, "")
    assert not (tmp_path / "unpacked").exists()
    assert bundle("unpack", "a.graft", "unpacked", "--trusted-key", key).exit_code == 0
