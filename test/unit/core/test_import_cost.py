# SPDX-License-Identifier: MIT
"""`import triton` is everybody's: what we add to it is a handful of small modules and nothing else."""

import json

import pytest
from support import output_of
from triton.backends.graft import wings

#: The modules of ours that Triton's discovery imports.
CORE = {"", ".compiler", ".driver", ".errors", ".forks", ".hooks", ".settings", ".steps", ".wings"}
#: And what tells which parts there are, with what it needs at once.
OF_WINGS = {"guard": {".guard.skips"}, "cache": {".cache.started", ".replacing"}, "launch": {".replacing"}}
WINGS = {module for name in wings.present() for module in (f".{name}", f".{name}.wing", *OF_WINGS.get(name, ()))}

#: Prints what `import triton` brings in, with every backend or with all but those of WITHOUT.
REPORT = """
import importlib.metadata, json, sys
original = importlib.metadata.entry_points
class Others:
    def select(self, **arguments):
        return [point for point in original().select(**arguments) if point.name not in WITHOUT]
importlib.metadata.entry_points = Others
import triton
maps = open("/proc/self/maps").read()
plugin = sys.modules.get("triton.backends.graft.plugin")
print(json.dumps({"modules": sorted(sys.modules), "graft": "libgraft" in maps, "cuda": "libcuda" in maps,
                  "looked": plugin is not None and plugin._load.cache_info().misses}))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """What a process has after `import triton`, without us and with us."""
    reports = []
    for without in ({"graft"}, set()):
        code = REPORT.replace("WITHOUT", repr(without))
        reports.append(json.loads(output_of(code, tmp_path_factory.mktemp("import"))))
    return reports


def test_import_triton_imports_only_what_discovery_needs_of_ours(imported):
    without, with_us = (set(report["modules"]) for report in imported)
    ours = {name for name in with_us - without if name.startswith("triton.backends.graft")}
    assert ours == {f"triton.backends.graft{name}" for name in CORE | WINGS}


def test_import_triton_imports_nothing_else_for_us(imported):
    without, with_us = (set(report["modules"]) for report in imported)
    assert {name for name in with_us - without if not name.startswith("triton.backends.graft")} <= {
        "difflib",
        "heapq",
        "_heapq",
    }


def test_import_triton_does_not_import_torch(imported):
    assert "torch" not in imported[1]["modules"]


def test_import_triton_loads_neither_the_pass_library_nor_libcuda(imported):
    assert (imported[1]["graft"], imported[1]["cuda"]) == (False, False)
    assert imported[1]["looked"] == 0
