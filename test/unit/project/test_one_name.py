# SPDX-License-Identifier: MIT
"""Nothing is built of sources in which a file names the backend otherwise than backend/name.conf."""

import importlib
import shutil
import subprocess
import sys

import pytest
from support import ROOT

sys.path.insert(0, str(ROOT / "cmake"))
names = importlib.import_module("names")
NAME = names.read_name()
RULES = names.rules(NAME)


@pytest.fixture
def sources(tmp_path):
    """A copy of the files that are looked at."""
    for path in {"backend/name.conf", "setup.py", "cmake/names.py", *(rule.file for rule in RULES)}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tmp_path / path)
    return tmp_path


def test_ours_agree():
    assert names.check() == NAME


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.file} {rule.expected}")
def test_a_line_with_another_name_is_named_with_its_mend(sources, rule):
    path = sources / rule.file
    text = path.read_text()
    match = names.re.search(rule.pattern, text, names.re.M)
    other = match.group(1).replace(NAME, "other")
    path.write_text(text[: match.start(1)] + other + text[match.end(1) :])
    with pytest.raises(names.NamesError) as error:
        names.check(sources)
    line = text.count("\n", 0, match.start(1)) + 1
    mend = f"write `{rule.expected}` there, or the other name in backend/name.conf"
    assert str(error.value) == f"{rule.file}:{line} says `{other}`, and backend/name.conf says {NAME}: {mend}"


@pytest.mark.parametrize("text", ["", "two words", "1st"])
def test_a_name_that_python_cannot_import_is_refused(sources, text):
    (sources / "backend" / "name.conf").write_text(text + "\n")
    with pytest.raises(names.NamesError, match=r"^backend/name\.conf holds .*: expected the backend's name, one word"):
        names.check(sources)


def test_setup_makes_no_wheel_then(sources):
    (sources / "backend" / "name.conf").write_text("other\n")
    done = subprocess.run([sys.executable, "setup.py", "--version"], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"triton-{NAME}: pyproject.toml:")
