# SPDX-License-Identifier: MIT
"""A project is written whole, formatted and committed, or not at all."""

import os
import subprocess

import pytest
from triton.backends.graft.template import writing
from triton.backends.graft.template.errors import TemplateError

FILES = {"a.py": b"x=  1\n", "lib/b.cpp": b"int   f( );\n", "run": b"#!/bin/sh\n", ".clang-format": b"BasedOnStyle: LLVM\n"}


def test_a_project_is_formatted_and_committed(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # where git is told no name
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    writing.write(tmp_path / "made", FILES, "Begin")
    read = {path: (tmp_path / "made" / path).read_bytes() for path in FILES}
    assert (read["a.py"], read["lib/b.cpp"]) == (b"x = 1\n", b"int f();\n")
    assert os.access(tmp_path / "made" / "run", os.X_OK) and not os.access(tmp_path / "made" / "a.py", os.X_OK)
    command = ["git", "log", "--format=%s by %an", "--name-only"]
    said = subprocess.run(command, cwd=tmp_path / "made", capture_output=True, text=True, check=True).stdout
    assert said.split("\n\n") == ["Begin by made", ".clang-format\na.py\nlib/b.cpp\nrun\n"]
    assert os.listdir(tmp_path) == ["made"]


def test_what_is_there_is_left_alone(tmp_path):
    (tmp_path / "made").mkdir()
    with pytest.raises(TemplateError) as error:
        writing.write(tmp_path / "made", FILES, "Begin")
    assert str(error.value) == f"{tmp_path / 'made'} exists; name a folder that does not, or remove it"
    assert os.listdir(tmp_path / "made") == []


def test_a_folder_in_no_folder_is_refused(tmp_path):
    with pytest.raises(TemplateError, match=r"is not a folder, so made cannot be made in it$"):
        writing.write(tmp_path / "nowhere" / "made", FILES, "Begin")


def test_nothing_is_left_when_a_formatter_fails(tmp_path):
    with pytest.raises(TemplateError, match=r"^`.*ruff check --no-cache …` failed in "):
        writing.write(tmp_path / "made", {"a.py": b"def f(:\n"}, "Begin")
    assert os.listdir(tmp_path) == []


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TemplateError) as error:
        writing.formatters()
    assert str(error.value) == "ruff and clang-format and git cannot be found; pip install 'triton-graft[new]' has all but git"
