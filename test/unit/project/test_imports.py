# SPDX-License-Identifier: MIT
"""What imports what: the picture in docs/architecture.md, held by import-linter and by the graph of imports."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from support import ROOT
from triton.backends.graft import wings
from triton.backends.graft.cache import identity

PACKAGE = "backend"


@pytest.fixture(scope="module")
def graph():
    sys.path.insert(0, str(ROOT))
    try:
        return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    finally:
        sys.path.remove(str(ROOT))


def wing_of(module):
    name = module.split(".")[1] if "." in module else ""
    return name if name in wings.STANDS_ON else ""


def test_the_contracts_of_imports_are_kept():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def standing_on(wing):
    """All that *wing* stands on."""
    below = wings.STANDS_ON[wing]
    return {*below, *(name for each in below for name in standing_on(each))}


@pytest.mark.parametrize("wing", wings.STANDS_ON)
def test_a_wing_imports_only_those_that_it_stands_on(wing, graph):
    modules = [module for module in graph.modules if wing_of(module) == wing]
    imported = {wing_of(other) for module in modules for other in graph.find_modules_directly_imported_by(module)}
    assert imported - {"", wing} <= standing_on(wing)


def test_nothing_that_the_stages_import_is_a_bystander_of_the_compilers_identity(graph):
    """The stages of the core and of the guard decide on what comes out."""
    stages = {f"{PACKAGE}.compiler", f"{PACKAGE}.guard.wing", f"{PACKAGE}.passes.wing", f"{PACKAGE}.guard.crash_child"}
    deciding = stages | {other for stage in stages for other in graph.find_upstream_modules(stage)}
    names = {
        "/".join(module.split(".")[1:]) + ".py" for module in deciding if wing_of(module) in ("", "guard", "passes", "runtime")
    }
    # Only to say what is wrong, and to be run by hand.
    assert {name for name in names if identity._is_bystander(f"graft/{name}")} <= {"opt.py"}
    for wing, file in (("guard", "runtime/cubin.py"), ("passes", "passes/steps.py")):
        assert (file in names) == (wing in wings.present())
