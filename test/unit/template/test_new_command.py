# SPDX-License-Identifier: MIT
"""`graft new`, `graft new-pass` and `graft new-option` say what they did, or why they did nothing."""

import os
import subprocess
import sys

import pytest
from support import ROOT, clean_environment


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_new_writes_a_project(here, graft):
    done = graft("new", "acme", "--without", "cache,tools")
    assert (done.exit_code, done.output.splitlines()[0].partition(": ")[2].partition(" files")[2]) == (
        0, "; wings: passes, runtime, guard. `make run` in it builds it.",
    )  # fmt: skip
    assert (here / "triton-acme" / "backend" / "name.conf").read_text() == "acme\n"
    before = subprocess.run(["git", "status", "--short"], cwd=here / "triton-acme", capture_output=True, text=True).stdout
    assert before == ""


@pytest.mark.parametrize("via", ["ttir", "ttgir"])
def test_new_writes_a_project_for_another_chip_that_the_check_of_names_accepts(here, graft, via):
    done = graft("new", "a_longer_name", "--target", "none", "--via", via)
    assert (done.exit_code, done.output.partition(" files; ")[2]) == (0, "`make build test` in it builds and tests it.\n")
    project = here / "triton-a-longer-name"
    checked = subprocess.run([sys.executable, "cmake/names.py"], cwd=project, capture_output=True, text=True)
    assert (checked.stdout, checked.stderr) == ("name=a_longer_name\n", "")
    assert ("make_ttgir" in (project / "backend" / "compiler.py").read_text()) is (via == "ttgir")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["class"], "NAME='class': expected a name that is not a keyword of Python or C++"),
        (["acme", "--without", "lanch"], "--without='lanch': expected some of "),
        (["acme", "--into", "no/where"], "is not a folder, so where cannot be made in it"),
        (["acme", "--via", "ttgir"], "--via='ttgir': expected not to be given without --target none"),
        (
            ["acme", "--target", "none", "--without", "launch"],
            "--without='launch': expected not to be given with --target none, which has no wings",
        ),
    ],
)
def test_new_refuses_what_it_cannot_do_and_leaves_nothing(here, graft, arguments, said):
    done = graft("new", *arguments)
    assert done.exit_code != 0 and said in done.output
    assert os.listdir(here) == []


def test_a_pass_and_an_option_are_added_to_the_project_around_the_folder(here, graft, monkeypatch):
    assert graft("new", "acme", "--without", "all").exit_code == 0
    monkeypatch.chdir(here / "triton-acme" / "lib")
    done = graft("new-pass", "halve-twice")
    assert (done.exit_code, "lib/Transforms/HalveTwice.cpp" in done.output.split()) == (0, True)
    done = graft("new-option", "loud", "--default", "7")
    assert (done.exit_code, done.output.split()) == (0, ["README.md", "backend/settings.py"])
    monkeypatch.chdir(here)
    done = graft("new-option", "loud", "--default", "7")
    assert (done.exit_code, done.output) == (
        1,
        f"Error: {here} is not in a project: no folder around it has a file backend/name.conf\n",
    )


def test_a_checkout_that_was_never_built_writes_a_project_without_triton(here):
    code = "import runpy, sys; sys.modules['triton'] = None; sys.argv = ['new_backend.py', 'acme', '--without', 'all']; runpy.run_path("
    command = [sys.executable, "-c", f"{code}{str(ROOT / 'tools' / 'new_backend.py')!r}, run_name='__main__')"]
    done = subprocess.run(command, env=clean_environment(here), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("wings: none. `make run` in it builds it.\n")
    assert (here / "triton-acme" / "README.md").is_file()
