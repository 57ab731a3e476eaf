# SPDX-License-Identifier: MIT
"""`graft update` merges what the template makes otherwise, and keeps what the project has made of it."""

import subprocess

import pytest
from triton.backends.graft.errors import OptionError
from triton.backends.graft.template import parts, recipe, repository, updating, writing
from triton.backends.graft.template.errors import TemplateError
from triton.backends.graft.template.recipe import Recipe

CUDA, OTHER = Recipe("acme", without="all"), Recipe("acme", target="none", via="ttgir")


def git(root, *arguments):
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def make(tmp_path):
    """Writes the project of a recipe."""

    def make(made):
        root = tmp_path / "project"
        writing.write(root, made.files(), made.message("Begin, from"))
        return root

    return make


@pytest.fixture
def newer(monkeypatch):
    """Has the template's file *path* be another one from now on."""

    def change(path, old, new):
        content = repository.sources()[path].decode()
        assert old in content
        changed = repository.sources() | {path: content.replace(old, new, 1).encode()}
        monkeypatch.setattr(repository, "sources", lambda: changed)

    return change


@pytest.mark.parametrize("made", [CUDA, OTHER], ids=["cuda", "none"])
def test_what_is_new_joins_what_the_project_has_added(make, newer, made):
    root = make(made)
    changes = parts.Changes(root)
    parts.add_pass(changes, made.names, "halve-twice")
    changes.write()
    git(root, "add", "--all")
    git(root, "commit", "--message=A pass")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root) == []
    assert '"""Newer. ' in (root / "cmake" / "abi_check.py").read_text()
    assert (root / "lib" / "Transforms" / "HalveTwice.cpp").is_file()
    assert git(root, "status", "--porcelain") == ""
    newer("cmake/abi_check.py", '"""Newer. ', '"""Newest. ')
    assert updating.update(root) == []
    assert '"""Newest. ' in (root / "cmake" / "abi_check.py").read_text()
    with pytest.raises(TemplateError, match=r"has all that there is: nothing has changed since its last update$"):
        updating.update(root)


def test_what_both_have_changed_is_a_conflict_that_is_named(make, newer):
    root = make(CUDA)
    path = root / "cmake" / "abi_check.py"
    path.write_text(path.read_text().replace('"""', '"""Ours. ', 1))
    git(root, "commit", "--all", "--message=Ours")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root) == ["cmake/abi_check.py"]
    assert "<<<<<<<" in path.read_text()


def test_what_the_project_has_taken_away_stays_away(make, newer):
    root = make(CUDA)
    git(root, "rm", "--quiet", "-r", "test/DoubleToAdd")
    git(root, "commit", "--message=No sample")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root) == []
    assert not (root / "test" / "DoubleToAdd").exists()


def test_changes_that_are_not_committed_are_in_the_way(make, newer):
    root = make(CUDA)
    (root / "notes.txt").write_text("mine")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    before = git(root, "rev-parse", "HEAD")
    with pytest.raises(TemplateError, match=r"has changes that are not committed"):
        updating.update(root)
    assert git(root, "rev-parse", "HEAD") == before


def test_a_project_whose_history_says_nothing_is_refused(tmp_path):
    writing.write(tmp_path / "other", CUDA.files(), "Begin")
    with pytest.raises(TemplateError, match=r"says how it was made: is its history whole\?$"):
        updating.update(tmp_path / "other")


@pytest.mark.parametrize("made", [CUDA, OTHER, Recipe("a_b", without="launch,bench"), Recipe("x1")], ids=str)
def test_a_recipe_is_read_from_the_message_that_it_makes(made):
    assert recipe.read(made.message("Begin, from")) == made


@pytest.mark.parametrize(
    "line",
    ["", "Template: new", "Template: new ../x", "Template: new acme --with x", "Template: new acme --via", "Template: new a '"],
)
def test_a_line_that_was_not_written_by_us_is_refused(line):
    with pytest.raises(TemplateError, match=r"is no line that `graft new` wrote"):
        recipe.read(f"Begin\n\n{line}")


def test_a_recipe_with_parts_that_do_not_go_together_is_refused():
    for made in (Recipe("a", via="ttir"), Recipe("a", without="x"), Recipe("a", without="all", target="none")):
        with pytest.raises(OptionError):
            made.files()
