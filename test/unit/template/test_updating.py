# SPDX-License-Identifier: MIT
"""`graft update` merges what the template makes otherwise, and keeps what the project has made of it."""

import shutil
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
    assert updating.update(root, "acme") == []
    assert '"""Newer. ' in (root / "cmake" / "abi_check.py").read_text()
    assert (root / "lib" / "Transforms" / "HalveTwice.cpp").is_file()
    assert git(root, "status", "--porcelain") == ""
    newer("cmake/abi_check.py", '"""Newer. ', '"""Newest. ')
    assert updating.update(root, "acme") == []
    assert '"""Newest. ' in (root / "cmake" / "abi_check.py").read_text()
    with pytest.raises(TemplateError, match=r"is up to date: the template has not changed since its last update$"):
        updating.update(root, "acme")


def test_what_both_have_changed_is_a_conflict_that_is_named(make, newer):
    root = make(CUDA)
    path = root / "cmake" / "abi_check.py"
    path.write_text(path.read_text().replace('"""', '"""Ours. ', 1))
    git(root, "commit", "--all", "--message=Ours")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root, "acme") == ["cmake/abi_check.py"]
    assert "<<<<<<<" in path.read_text()


def test_what_the_project_has_taken_away_stays_away(make, newer):
    root = make(CUDA)
    git(root, "rm", "--quiet", "-r", "test/DoubleToAdd")
    git(root, "commit", "--message=No sample")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root, "acme") == []
    assert not (root / "test" / "DoubleToAdd").exists()


def test_changes_that_are_not_committed_are_in_the_way(make, newer):
    root = make(CUDA)
    (root / "notes.txt").write_text("mine")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    before = git(root, "rev-parse", "HEAD")
    with pytest.raises(TemplateError, match=r"has changes that are not committed"):
        updating.update(root, "acme")
    assert git(root, "rev-parse", "HEAD") == before


def test_a_project_whose_history_says_nothing_is_refused(tmp_path):
    writing.write(tmp_path / "other", CUDA.files(), "Begin")
    with pytest.raises(
        TemplateError, match=r"no commit of .* is what `graft new` or `graft update` made for acme, and nothing else"
    ):
        updating.update(tmp_path / "other", "acme")


def test_a_commit_with_more_than_the_template_is_no_base(make, newer):
    """An update from it would take away what came with it."""
    root = make(OTHER)
    (root / "mine.txt").write_text("mine")
    git(root, "add", "--all")
    git(root, "commit", "--amend", "--no-edit")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    with pytest.raises(TemplateError, match="and nothing else"):
        updating.update(root, "acme")


@pytest.mark.parametrize(
    "line", ["new acme --target none", "new other --without all", "new project from cookiecutter", "new acme 'x"]
)
def test_a_line_like_ours_in_another_commit_is_passed_over(make, newer, line):
    root = make(OTHER)
    (root / "mine.txt").write_text("mine")
    git(root, "add", "--all")
    git(root, "commit", f"--message=Mine\n\nTemplate: {line}\nTree: {git(root, 'write-tree').strip()[::-1]}")
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root, "acme") == []
    assert (root / "mine.txt").read_text() == "mine"


def test_a_folder_of_another_repository_is_no_project_of_its_own(make, tmp_path):
    root = make(OTHER)
    shutil.rmtree(root / ".git")
    git(tmp_path, "init")
    with pytest.raises(
        TemplateError, match=r"is a folder of the repository .*; to be updated, a project has to have a repository of its own$"
    ):
        updating.update(root, "acme")


def test_a_merge_that_fails_is_taken_back(make, newer):
    root = make(OTHER)
    (root / "mine.txt").write_text("mine")
    git(root, "add", "--all")
    git(root, "commit", "--message=Mine")
    hook = root / ".git" / "hooks" / "prepare-commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    with pytest.raises(TemplateError, match=r"^git cannot merge "):
        updating.update(root, "acme")
    assert git(root, "status", "--porcelain") == ""


def test_neither_gits_variables_nor_settings_of_the_user_change_what_is_written(make, newer, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init")
    (tmp_path / "ignored").write_text("lib/\n*.conf\n")
    (tmp_path / "config").write_text(
        f"[core]\nexcludesFile = {tmp_path}/ignored\nhooksPath = {tmp_path}/hooks\n[commit]\ngpgsign = true\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").rename(tmp_path / ".gitconfig")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    root = make(OTHER)
    newer("cmake/abi_check.py", '"""', '"""Newer. ')
    assert updating.update(root, "acme") == []
    for variable in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable)
    assert set(git(root, "ls-files").split()) == set(OTHER.files())
    assert git(root, "status", "--porcelain") == ""
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("made", [CUDA, OTHER, Recipe("a_b", without="launch,bench"), Recipe("x1")], ids=str)
def test_a_recipe_is_read_from_the_message_that_it_makes(made):
    assert recipe.read(made.message("Begin, from")) == made


@pytest.mark.parametrize(
    "line",
    ["", "Template: new", "Template: new ../x", "Template: new acme --with x", "Template: new acme --via", "Template: new a '"],
)
def test_a_line_that_was_not_written_by_us_is_refused(line):
    with pytest.raises(TemplateError, match=r"is not a line that `graft new` wrote"):
        recipe.read(f"Begin\n\n{line}")


def test_a_recipe_with_parts_that_do_not_go_together_is_refused():
    for made in (Recipe("a", via="ttir"), Recipe("a", without="x"), Recipe("a", without="all", target="none")):
        with pytest.raises(OptionError):
            made.files()
