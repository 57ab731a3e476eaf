# SPDX-License-Identifier: MIT
"""`new-pass` and `new-option` add what they name to each table, or nothing."""

import ast
import dataclasses
import re

import pytest
from triton.backends.graft.errors import OptionError
from triton.backends.graft.template import copying, none, parts, writing
from triton.backends.graft.template.errors import TemplateError
from triton.backends.graft.template.names import Names
from triton.backends.nvidia.compiler import CUDAOptions

NAMES = Names("acme")


@pytest.fixture(scope="module")
def files():
    return copying.project(NAMES, frozenset(copying.wings(copying.repository.sources())))


@pytest.fixture
def other_chip(tmp_path):
    """A project for another chip."""
    for path, content in none.project(NAMES).items():
        writing.put(tmp_path / path, content)
    return tmp_path


@pytest.fixture
def project(files, tmp_path):
    for path, content in files.items():
        writing.put(tmp_path / path, content)
    return tmp_path


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".ruff_cache" not in path.parts}


def test_a_pass_has_its_files_and_its_rows(project):
    changes = parts.Changes(project)
    parts.add_pass(changes, NAMES, "halve-twice")
    assert changes.write() == [
        "README.md", "backend/settings.py", "backend/steps.py", "cmake/pass_docs.py", "include/acme/Transforms/HalveTwice.td",
        "lib/Transforms/HalveTwice.cpp", "test/HalveTwice/halve-twice.mlir",
    ]  # fmt: skip
    steps = (project / "backend" / "steps.py").read_text()
    assert re.search(r'Step\("acme-halve-twice", "halve_twice", lambda kernel: \{\}\),\n\)', steps)
    rows = re.findall(r"^\| `(\w+)` \|", (project / "README.md").read_text(), re.M)
    assert rows == ["double_to_add", "halve_twice"]
    code = (project / "lib" / "Transforms" / "HalveTwice.cpp").read_text()
    assert "#define GEN_PASS_DEF_ACMEHALVETWICE\n" in code
    assert "struct HalveTwice : acme::impl::AcmeHalveTwiceBase<HalveTwice>" in code


@pytest.mark.parametrize(
    ("default", "value", "kind"),
    [("true", "True", "Flag()"), ("false", "False", "Flag()"), ("070000", "70000", "Integer(0, 70000)")],
)
def test_an_option_has_its_row(project, default, value, kind):
    changes = parts.Changes(project)
    parts.add_option(changes, "loud", default, 'says "so"')
    changes.write()
    text = (project / "backend" / "settings.py").read_text()
    assert re.search(rf'Option\(\s*"loud",\s*{value},\s*{re.escape(kind)},\s*[\'"]says \\?"so\\?"[\'"],?\s*\),\n?\)\n', text)
    ast.parse(text)
    assert f'| `loud` | `{value}` | says "so" |\n' in (project / "README.md").read_text()


@pytest.mark.parametrize("name", ["class", "lambda", "double", "num_warps", "grid", "hash", "double_to_add", "a" * 31])
def test_an_option_with_a_name_that_somebody_else_has_is_refused(project, name):
    before = content(project)
    with pytest.raises(OptionError, match=rf"^NAME='{name}': expected "):
        parts.add_option(parts.Changes(project), name, "true", "says so")
    assert content(project) == before


@pytest.mark.parametrize("name", ["pass", "for", "num-warps", "passes", "sites", "a" * 31])
def test_a_pass_with_a_name_that_somebody_else_has_is_refused(project, name):
    with pytest.raises((OptionError, TemplateError), match=r"^NAME=|exists"):
        parts.add_pass(parts.Changes(project), NAMES, name)


@pytest.mark.parametrize("says", ["", " ", "two\nlines", "a | b", "back\\", "\u2028", "\x01", "\udcff"])
def test_a_help_text_that_a_table_cannot_have_is_refused(project, says):
    with pytest.raises(OptionError, match=r"^--help-text="):
        parts.add_option(parts.Changes(project), "loud", "true", says)


def test_triton_s_options_are_those_that_are_refused():
    fields = {field.name for field in dataclasses.fields(CUDAOptions)}
    assert parts._OF_TRITON - fields == {"grid", "hash", "self", "stream", "warmup"} and fields <= parts._OF_TRITON


def test_a_file_that_cannot_be_written_leaves_the_project_as_it_was(project, monkeypatch):
    before, put = content(project), writing.put

    def refuse(path, text):
        if path.name == "README.md":
            raise PermissionError(13, "Permission denied", str(path))
        put(path, text)

    changes = parts.Changes(project)
    parts.add_pass(changes, NAMES, "halve-twice")
    monkeypatch.setattr(writing, "put", refuse)
    with pytest.raises(TemplateError, match=r"README\.md cannot be written: Permission denied$"):
        changes.write()
    assert content(project) == before


def test_what_cannot_be_formatted_leaves_the_project_as_it_was(project):
    before = content(project)
    changes = parts.Changes(project)
    changes.create("backend/odd.py", "def")
    parts.add_pass(changes, NAMES, "halve-twice")
    with pytest.raises(TemplateError, match="failed in"):
        changes.write()
    assert content(project) == before


@pytest.mark.parametrize("name", ["", "DoubleToAdd", "double_to_add", "-a", "a--b"])
def test_a_pass_with_a_name_that_mlir_would_not_write_is_refused(project, name):
    before = content(project)
    with pytest.raises(
        OptionError, match=rf"^NAME={name!r}: expected lower-case words of letters and digits, joined by hyphens"
    ):
        parts.add_pass(parts.Changes(project), NAMES, name)
    assert content(project) == before


def test_what_is_there_is_not_added_again(project):
    before = content(project)
    with pytest.raises(
        TemplateError, match=r"^include/acme/Transforms/DoubleToAdd\.td exists; take another name, or remove it$"
    ):
        parts.add_pass(parts.Changes(project), NAMES, "double-to-add")
    with pytest.raises(
        OptionError, match=r"^NAME='double_to_add': expected a name that backend/settings\.py has for no other option$"
    ):
        parts.add_option(parts.Changes(project), "double_to_add", "true", "so")
    with pytest.raises(OptionError, match=r"^--default='yes': expected true, false or a number of at most nine digits$"):
        parts.add_option(parts.Changes(project), "loud", "yes", "so")
    assert content(project) == before


def test_a_table_that_is_not_found_is_named(project):
    (project / "backend" / "steps.py").write_text("STEPS = []\n")
    with pytest.raises(TemplateError, match=r"^STEPS in backend/steps\.py is not a tuple, so no row"):
        parts.add_pass(parts.Changes(project), NAMES, "halve-twice")


def test_the_project_is_the_one_around_the_folder(project, tmp_path_factory):
    assert parts.find_project(project / "lib" / "Transforms") == (project, NAMES)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(TemplateError, match=r"is not in a project: no folder around it has a file backend/name\.conf$"):
        parts.find_project(elsewhere)


def test_a_project_for_another_chip_gets_its_parts_where_it_has_them(other_chip):
    changes = parts.Changes(other_chip)
    parts.add_pass(changes, NAMES, "halve-twice")
    parts.add_option(changes, "loud", "true", "says so")
    assert changes.write() == [
        "backend/compiler.py", "include/acme/Transforms/HalveTwice.td", "lib/Transforms/HalveTwice.cpp", "test/HalveTwice/halve-twice.mlir",
    ]  # fmt: skip
    compiler = (other_chip / "backend" / "compiler.py").read_text()
    assert 'plugin.add(pm, "acme-double-to-add")\n        plugin.add(pm, "acme-halve-twice")\n' in compiler
    assert "    #: says so\n    loud: bool = True\n" in compiler
    with pytest.raises(
        OptionError,
        match=r"^NAME='loud': expected the name of an option that `Options` in backend/compiler\.py does not have yet$",
    ):
        parts.add_option(parts.Changes(other_chip), "loud", "true", "so")
    with pytest.raises(TemplateError, match=r"^include/acme/Transforms/DoubleToAdd\.td exists"):
        parts.add_pass(parts.Changes(other_chip), NAMES, "double-to-add")
