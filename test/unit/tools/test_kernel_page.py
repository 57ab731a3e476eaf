# SPDX-License-Identifier: MIT
"""The page of `graft explain --html`: what it shows, that all of it is escaped, and that it needs nothing else."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from pages import ARGUMENTS, HOSTILE, KERNELS, compiled, lines_of, number_of, page_of, read_page, write_kernels
from triton.backends.graft.tools import highlighting, kernel_page, kernel_report, locations

STAGES = ("ttir", "ttgir", "llir", "ptx")


@pytest.fixture
def page(tmp_path):
    """The elements of the page of a kernel."""
    return lambda name, **options: read_page(page_of(write_kernels(tmp_path), name, **options))


def own(text, nth=0):
    """The id of the *nth* line of the kernels that has *text*."""
    return f"L{number_of(text, nth)}"


# -- Source and stages


def test_the_source_is_that_of_the_kernel_and_then_of_what_it_calls(page):
    lines = KERNELS.splitlines()
    shown = lines_of(page("add"), "source")
    assert [(line.attributes["id"], line.code) for line in shown] == [
        (f"L{number}", lines[number - 1]) for number in (*range(9, 15), *range(5, 8))
    ]


def test_functions_of_other_files_are_there_and_folded(page):
    blocks = page("total").all(class_="block")
    assert [(block.all("code")[0].text, "open" in block.attributes) for block in blocks] == [
        ("total", True), ("_sum_combine", False), ("sum", False),
    ]  # fmt: skip
    assert blocks[2].attributes["data-file"].endswith("standard.py")
    assert re.fullmatch(r"F1-\d+", blocks[2].all(class_="line")[0].attributes["id"])


@pytest.mark.parametrize("name", ["add", "product", "total"])
def test_the_stages_have_all_lines_and_the_marks_of_their_places(tmp_path, name):
    path = write_kernels(tmp_path)
    launch, made = compiled(path, name)
    page = read_page(kernel_page.render(kernel_report.tell(launch, made), launch, made))
    ids = {line.attributes["id"] for line in lines_of(page, "source")}
    for stage in STAGES:
        expected = locations.read(stage, made.results[stage])
        shown = lines_of(page, stage)
        assert [line.code for line in shown] == [line.text for line in expected]
        for line, (_, places) in zip(shown, expected, strict=True):
            marks = line.attributes.get("data-at", "").split()
            assert ids.issuperset(marks)
            assert [mark for mark in marks if mark[0] == "L"] == [
                f"L{place.line}" for place in places if place.file == str(path)
            ]
            assert len(marks) == len(places)


@pytest.mark.parametrize(("stage", "code"), [("ttir", "tt.load"), ("ttgir", "tt.load"), ("llir", "ld.global"), ("ptx", "ld.global")])  # fmt: skip
def test_a_load_is_marked_as_of_its_line_and_of_each_call(page, stage, code):
    marks = {line.attributes["data-at"] for line in lines_of(page("add"), stage) if code in line.code}
    assert marks == {f"{own('return tl.load')} {own(call)}" for call in ("a = read(", "b = read(")}


def test_the_product_is_marked_as_of_its_line(page):
    shown = page("product")
    for stage, code in zip(STAGES, ("tt.dot", "warp_group_dot ", "wgmma.mma_async", "wgmma.mma_async"), strict=True):
        marks = {line.attributes.get("data-at") for line in lines_of(shown, stage) if code in line.code}
        assert marks == {own("tl.dot")}, stage


def test_the_second_number_of_a_line_is_that_in_the_kernels_file(page):
    shown = page("total")
    (line,) = [line for line in lines_of(shown, "ttir") if "arith.addf" in line.code]
    assert line.attributes["data-at"].split()[-1] == own("tl.sum")
    assert line.all("i")[0].text == str(number_of("tl.sum"))


# -- What was said


@pytest.mark.parametrize(
    ("name", "options", "source", "width"),
    [
        ("add", {}, "return tl.load", "full"),
        ("add", {"version_tiles": False}, "return tl.load", "scalar"),
        ("total", {"version_tiles": False}, "tl.sum(tl.load", "part"),
    ],
)
def test_a_line_that_accesses_memory_says_how_wide_in_a_word(page, name, options, source, width):
    (line,) = [line for line in lines_of(page(name, **options), "source") if source in line.code]
    assert line.classes == {"line", width}
    assert line.all("i")[0].text == width


def test_a_line_has_what_the_report_says_of_it(page):
    facts = page("add").all("ul", "facts")[-1]
    assert facts.attributes["aria-label"] == f"Line {number_of('return tl.load')}"
    assert [one.text for one in facts.all("li")] == [
        "full load of f16: 8 elements (16 bytes) at once (x2)",
        "scalar load of f16: 1 element (2 bytes) at once, 8 possible; limited by mask alignment (1) (x2)",
        "pass graft-version-tiles: versioned 1 mask",
    ]


def test_the_head_has_usage_arguments_options_and_advice(page):
    shown = page("add", version_tiles=False)
    assert [one.text for one in shown.all("dl", "usage")[0].all("dt")] == [
        "registers",
        "spills",
        "stack",
        "shared memory",
        "warps",
    ]
    arguments, options, passes = (
        [" ".join(item.text.split()) for item in items.all("li")] for items in shown.all("ul", "items")
    )
    assert arguments[2:] == ["out = *fp16 divisible by 16", "n = 1001 i32", "BLOCK = 1024 constant"]
    assert "version_tiles = False" in options
    assert passes == ["graft-swizzle-programs no change"]
    assert [one.text for one in shown.all("strong")] == ["with version_tiles on:", "with n a multiple of 16 (1001 is not):"]


# -- Passes


def test_the_change_of_a_pass_is_a_diff_and_no_change_is_said(page):
    changes = {article.all("h3")[0].all("code")[0].text: article for article in page("add").all("article")}
    (name,) = [name for name, article in changes.items() if article.all(class_="diff")]
    assert name == "graft-version-tiles"
    assert all("no change" in article.text for other, article in changes.items() if other != name)
    added, removed = ([row.code.strip() for row in changes[name].all(class_=kind)] for kind in ("added", "removed"))
    assert [code for code in added if code.startswith("scf.if")] and removed == []
    assert f"{len(added)} lines added, 0 removed" in changes[name].text
    (link, *_) = changes[name].all("a")
    assert (link.attributes["href"], link.text.partition(":")[2]) == (
        f"#{own('return tl.load')}",
        str(number_of("return tl.load")),
    )


def test_the_rows_of_a_diff_are_the_lines_before_and_after(page):
    shown = page("add")
    (diff,) = shown.all(class_="diff")
    rows = diff.all(class_="row")
    after = [(row.all("b")[1].text, row.code) for row in rows if "removed" not in row.classes]
    assert after == [(str(number), line.code) for number, line in enumerate(lines_of(shown, "ttir"), 1)]
    same = [row for row in rows if "same" in row.classes]
    assert [row.all("b")[0].text for row in same] == [str(number) for number in range(1, len(same) + 1)]


# -- Alone, and escaped


def test_what_stands_in_source_and_ir_does_not_break_out(page, tmp_path):
    shown = page("hostile")
    assert not shown.all("img")
    assert len(shown.all("script")) == len(shown.all("style")) == 1
    texts = {stage: "\n".join(line.code for line in lines_of(shown, stage)) for stage in ("source", *STAGES)}
    assert texts["source"].count(HOSTILE) == 2
    assert HOSTILE in texts["ttir"] and HOSTILE in texts["ttgir"]
    assert HOSTILE in shown.all("ul", "items")[0].text


@pytest.mark.parametrize("name", ["add", "hostile"])
def test_the_page_refers_to_nothing_outside_of_itself(page, name):
    shown = page(name)
    for element in shown.all():
        assert element.tag not in ("link", "iframe", "object", "embed", "base", "form")
        assert not {"src", "srcset", "style", "action", "background"} & element.attributes.keys()
        assert not [name for name in element.attributes if name.startswith("on")]
        assert element.attributes.get("href", "#").startswith("#")
    (style,), (script,) = shown.all("style"), shown.all("script")
    assert "url(" not in style.text and "@import" not in style.text
    (policy,) = [meta.attributes["content"] for meta in shown.all("meta") if "http-equiv" in meta.attributes]

    def allowed(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; style-src {allowed(style.text)}; script-src {allowed(script.text)}; base-uri 'none'; form-action 'none'"
    )


def test_each_link_and_mark_leads_to_something_there(page):
    shown = page("total")
    ids = [element.attributes["id"] for element in shown.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    assert {link.attributes["href"][1:] for link in shown.all("a")} <= set(ids)
    assert {button.attributes["aria-controls"] for button in shown.all("button")} == set(STAGES) <= set(ids)


def test_colours_change_no_text():
    for language, text in (
        ("python", 'x = """a\n\nb"""\n# c'),
        ("ttir", '%0 = "a\\22" {x = 0xFC00}\n\n  // c'),
        ("ptx", "\t@%p1 ld;"),
    ):
        lines = text.split("\n")
        assert ["".join(piece.text for piece in pieces) for pieces in highlighting.coloured(language, lines)] == lines


# -- The command


@pytest.fixture
def graft(tmp_path):
    """Runs `graft explain` on a kernel and returns click's result."""
    testing = pytest.importorskip("click.testing")
    from triton.backends.graft.tools.cli import graft

    path = write_kernels(tmp_path)
    fixed = ["explain", f"{path}:add", "--args", ARGUMENTS["add"], "--target", "cuda:90"]
    return lambda *arguments: testing.CliRunner().invoke(graft, [*fixed, *arguments], prog_name="graft")


def test_the_command_prints_the_report_and_names_the_page(graft, tmp_path):
    file = tmp_path / "page.html"
    plain, done = graft(), graft("--html", str(file))
    assert (done.exit_code, done.stdout) == (0, f"{plain.stdout}\npage: {file}\n")
    assert len(lines_of(read_page(file.read_text()), "ptx")) > 100


def test_the_page_goes_with_json(graft, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("an old one")
    plain, done = graft("--json"), graft("--json", "--html", str(file))
    assert (done.exit_code, json.loads(done.stdout)) == (0, json.loads(plain.stdout))
    first = file.read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    assert graft("--html", str(file)).exit_code == 0 and file.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".html", ".tmp")] == ["page.html"]


@pytest.fixture
def nothing_compiles(monkeypatch):
    """Fails if a kernel is compiled."""
    from triton.backends.graft.tools import compiling

    monkeypatch.setattr(compiling.Launch, "of", lambda *_: pytest.fail("compiled"))


@pytest.mark.usefixtures("nothing_compiles")
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("FOLDER", "--html='FOLDER': expected the name of a file, new or to be replaced"),
        ("", "--html='': expected the name of a file, new or to be replaced"),
        ("/dev/null", "--html='/dev/null': expected the name of a file, new or to be replaced"),
        ("FOLDER/no/page.html", "--html='FOLDER/no/page.html': expected a file in a folder that exists; make FOLDER/no first"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_is_compiled(graft, tmp_path, file, message):
    done = graft("--html", file.replace("FOLDER", str(tmp_path)))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith(f"Error: {message.replace('FOLDER', str(tmp_path))}\n")


@pytest.mark.usefixtures("nothing_compiles")
@pytest.mark.parametrize("missing", ["pygments", "jinja2"])
def test_without_what_pages_need_the_error_says_how_to_get_it(graft, tmp_path, monkeypatch, missing):
    for name in ("kernel_page", "highlighting"):
        monkeypatch.delitem(sys.modules, f"triton.backends.graft.tools.{name}", raising=False)
        monkeypatch.delattr(f"triton.backends.graft.tools.{name}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    done = graft("--html", str(tmp_path / "page.html"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: --html needs {missing}, which is not installed: pip install 'triton-graft[cli]'\n"
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_one_clear_error(graft, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kernel_page, "write_file", full)
    done = graft("--html", str(tmp_path / "page.html"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: cannot write the page to {tmp_path / 'page.html'}: No space left on device\n"


def test_without_a_page_the_command_needs_neither_pygments_nor_jinja(tmp_path):
    program = (
        "import sys; sys.modules['pygments'] = sys.modules['jinja2'] = None; from triton.backends.graft.tools import commands"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
