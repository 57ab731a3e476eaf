# SPDX-License-Identifier: MIT
"""What includes what in the C++ sources: a header and the source of its name are one part, and no part needs itself by way of others."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
FOLDERS = ["Analysis", "Launcher", "Transforms"]


def parts(root):
    """The parts below *root* by name, such as `Launcher/Plan`, each with those that it includes."""
    needs = {}
    for path in sorted([*root.glob("lib/*/*"), *root.glob("include/graft/*/*")]):
        if path.suffix in (".cpp", ".h"):
            included = (name if "/" in name else f"{path.parent.name}/{name}" for name in INCLUDE.findall(path.read_text()))
            names = {name.removeprefix("graft/").removesuffix(".h").removesuffix(".inc") for name in included}
            needs.setdefault(f"{path.parent.name}/{path.stem}", set()).update(names)
    return {name: {need for need in found if need in needs and need != name} for name, found in needs.items()}


def circle(needs):
    """A circle among *needs*, or nothing."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if (ROOT / "lib" / folder).is_dir()])
def test_no_part_needs_itself_by_way_of_others(folder):
    needs = {name: found for name, found in parts(ROOT).items() if name.startswith(f"{folder}/")}
    assert len(needs) > 5 and any(needs.values())
    assert circle(needs) == []


def test_analyses_need_no_transformation_and_the_launcher_needs_neither():
    for name, found in parts(ROOT).items():
        allowed = {"Transforms": {"Transforms", "Analysis"}}.get(name.partition("/")[0], {name.partition("/")[0]})
        assert {need.partition("/")[0] for need in found} <= allowed, name


def test_a_circle_is_found(tmp_path):
    for name, included in {"A.h": "B.h", "B.cpp": "C.h", "B.h": "string", "C.h": "A.h", "D.cpp": "A.h"}.items():
        path = tmp_path / "lib" / "Launcher" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#include "{included}"\n')
    assert {*circle(parts(tmp_path))} == {f"Launcher/{name}" for name in "ABC"}
