# SPDX-License-Identifier: MIT
"""A project that is a copy of ours has another name everywhere, and nothing of the wings that were left out."""

import ast
import io
import re
import tokenize
import tomllib

import pytest
from triton.backends.graft import wings
from triton.backends.graft.errors import OptionError
from triton.backends.graft.passes.wing import WING
from triton.backends.graft.template import copying, marks, names, repository
from triton.backends.graft.template.names import OWN, Names, forms

WINGS = copying.wings(repository.sources())
REMOVALS = {name: copying.with_dependents(frozenset({name}), WINGS) for name in WINGS} | {
    "none": frozenset(),
    "all": frozenset(WINGS),
}


def project(name="a_longer_name", removal="none"):
    return copying.project(Names(name), REMOVALS[removal])


def lines_of_ours(files):
    """Where our name is left."""
    own = re.compile(OWN.lower, re.I)
    found = [path for path in files if own.search(path)]
    texts = ((path, number, line) for path in files for number, line in enumerate(files[path].decode().splitlines(), 1))
    return found + [f"{path}:{number}: {line}" for path, number, line in texts if own.search(line)]


@pytest.mark.parametrize("removal", ["none", "all"])
@pytest.mark.parametrize("name", ["x1", "acme", "a_longer_name"])
def test_our_name_is_left_in_the_line_that_names_the_origin(name, removal):
    assert lines_of_ours(project(name, removal)) == ["README.md:5: Begun with triton-graft 0.1.0."]


def test_a_name_that_tests_have_for_something_else_is_refused():
    with pytest.raises(OptionError, match=r"^NAME='other': expected a name that test/unit/conftest\.py does not use already$"):
        project("other")


@pytest.mark.parametrize("left_out", range(len(forms(Names("a_longer_name")))))
def test_each_substitution_is_needed(left_out, monkeypatch):
    """Without it our name is left, or a distribution or what mlir-tblgen generates has a name that it cannot have."""
    every = forms(Names("a_longer_name"))
    monkeypatch.setattr(names, "forms", lambda names: every[:left_out] + every[left_out + 1 :])
    files = project()
    whole = b"\n".join(files.values())
    assert len(lines_of_ours(files)) > 1 or b"triton-a_longer_name" in whole or b"GEN_PASS_DEF_A_LONGER_NAME" in whole


def lines_of_code(source):
    """How many lines of *source* have code: not those that are blank, of comments or of docstrings alone."""
    spaces = (
        tokenize.ENCODING,
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    tokens = (token for token in tokenize.tokenize(io.BytesIO(source).readline) if token.type not in spaces)
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [node.body[0] for node in ast.walk(ast.parse(source)) if isinstance(node, documented) and ast.get_docstring(node)]
    return len(code - {line for node in nodes for line in range(node.lineno, node.end_lineno + 1)})


def test_the_core_is_a_thousand_lines_of_python():
    files = project("acme", "all")
    assert (
        sum(lines_of_code(source) for path, source in files.items() if path.startswith("backend/") and path.endswith(".py"))
        <= 1000
    )


@pytest.mark.parametrize("removal", REMOVALS)
def test_nothing_is_left_of_wings_that_are_left_out(removal):
    removed = REMOVALS[removal]
    files = project(removal=removal)
    folders = tuple(f"{start}/{wing}/" for wing in removed for start in ("backend", "test/unit"))
    assert [path for path in files if path.startswith(folders)] == []
    assert copying.stands_on(files) == {wing: below for wing, below in WINGS.items() if wing not in removed}
    layers = tomllib.loads(files["pyproject.toml"].decode())["tool"]["importlinter"]["contracts"][0]["layers"]
    there = {path.split("/")[1].removesuffix(".py") for path in files if path.startswith("backend/") and path.endswith(".py")}
    assert {word for layer in layers for word in layer.split(" | ")} == there - {"__init__", "inert"}
    for path in (path for path in files if path.endswith(".py")):
        ast.parse(files[path], path)
    for path in (path for path in files if path.endswith(".md")):
        links = re.findall(r"\]\((\w[\w/.-]*\.md)\)", files[path].decode())
        assert all(link in files or f"docs/{link}" in files for link in links), path


def test_without_our_passes_no_file_names_one_and_there_is_a_sample():
    ours = {word for step in wings.steps() for word in (step.name.removeprefix("graft-"), step.switch)}
    ours |= {option.name for option in WING.options}
    files = project("acme", "passes")
    forms = {form for word in ours for form in (word, word.replace("-", "_"), word.title().replace("-", ""))}
    found = [(path, form) for path in files for form in forms if form in path or form.encode() in files[path]]
    assert not found
    assert {"lib/Transforms/DoubleToAdd.cpp", "test/DoubleToAdd/double-to-add.mlir"} <= files.keys()
    assert b'Step("acme-double-to-add", "double_to_add", lambda kernel: {}),\n)' in files["backend/steps.py"]
    assert b"| `double_to_add` | `True` |" in files["README.md"]


def test_the_table_of_wings_is_read_as_it_is():
    assert copying.stands_on(repository.sources()) == wings.STANDS_ON


def test_with_all_wings_the_files_with_marks_lose_the_marks_alone():
    sources = {path: repository.sources()[path] for path in marks.MARKED}
    for path, content in marks.render(sources, wings.STANDS_ON).items():
        lines = sources[path].decode().splitlines()
        assert content.decode().splitlines() == [line for line in lines if not re.match(r" *(# %|<!--%)", line)], path


def test_files_with_marks_are_listed():
    marked = {path for path, content in repository.sources().items() if re.search(rb"^ *(# %|<!--%) (if|endif)", content, re.M)}
    assert marked == set(marks.MARKED)
