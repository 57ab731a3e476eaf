# SPDX-License-Identifier: MIT
"""Under a Triton that we do not support the backend is inert, says so once, and `import triton` stays whole."""

import pytest
from support import run_python

#: Makes `triton` say it has another version; its discovery of backends is the real one.
PRETEND = """
import importlib.util, sys
from importlib.machinery import PathFinder, SourceFileLoader

class Pretend(SourceFileLoader):
    def source_to_code(self, data, path, **options):
        text = bytes(data).decode()
        assert "__version__ = '3.9.0'" in text
        return super().source_to_code(text.replace("__version__ = '3.9.0'", {line!r}), path, **options)
    def get_code(self, name):  # not from the cache of compiled files
        return self.source_to_code(self.get_data(self.path), self.path)

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "triton":
            origin = PathFinder.find_spec(name).origin
            return importlib.util.spec_from_file_location(name, origin, loader=Pretend(name, origin),
                                                          submodule_search_locations=[origin.rpartition("/")[0]])

sys.meta_path.insert(0, Finder)
import triton
from support import *
from triton.backends import backends
from triton.compiler import make_backend
"""


def run_under(line, code, tmp_path, **extra):
    """Runs *code* under a Triton whose line with the version is *line*."""
    return run_python(PRETEND.replace("{line!r}", repr(line)) + code, tmp_path, **extra)


def under(version, code, tmp_path, **extra):
    return run_under(f"__version__ = {version!r}", code, tmp_path, **extra)


@pytest.mark.parametrize("version", ["3.10.0", "3.8.1", "4.0.0+git1234"])
def test_another_triton_gets_one_warning_and_an_inert_backend(tmp_path, version):
    code = """
ours = backends["graft"]
print(triton.__version__, {"amd", "nvidia"} <= backends.keys(), ours.compiler.supports_target(target(90)), ours.driver.is_active())
print(type(make_backend(target(90))).__module__)
"""
    done = under(version, code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{version} True False False",
        "triton.backends.nvidia.compiler",
    ]
    warnings = [line.partition("RuntimeWarning: ")[2] for line in done.stderr.splitlines() if "Warning: triton-graft " in line]
    assert warnings == [
        f"triton-graft 0.1.0 is made for Triton 3.9 and does nothing under Triton {version}: install triton==3.9.* or remove "
        "triton-graft."
    ]


def test_the_in_tree_backend_works_under_another_triton(tmp_path):
    code = """
triton.runtime.driver.set_active(OtherDriver(90))
print(warm_up_vector_add(make_vector_add()).asm["cubin"][:4])
print(state_of_triton() == UNTOUCHED)
"""
    done = under("3.10.0", code, tmp_path, PYTHONWARNINGS="ignore")
    assert done.stdout.splitlines() == [r"b'\x7fELF'", "True"], done.stderr


def test_the_driver_says_why_it_cannot_be_used(tmp_path):
    code = """
from triton.backends.graft.driver import Driver
for arguments in ({}, {"target": "cuda:90"}):
    try:
        Driver(**arguments)
    except RuntimeError as error:
        print(error)
"""
    done = under("3.10.0", code, tmp_path)
    assert (
        done.stdout.splitlines()
        == [
            "triton-graft is not made for Triton 3.10.0, so its driver cannot be used; see the warning given when Triton was imported."
        ]
        * 2
    )


def test_asking_for_the_inert_backend_by_name_gets_tritons_error(tmp_path):
    done = under("3.10.0", "triton.runtime.driver.active", tmp_path, TRITON_DEFAULT_BACKEND="graft")
    assert done.stderr.splitlines()[-1] == "RuntimeError: Backend device 'graft' is not active."


@pytest.mark.parametrize(
    "line",
    ["__version__ = '3.9.1'", "__version__ = '3.9.0+git1234'",
     "__version__ = '3.10.0'\nimport triton._C.libtriton as lib\nlib.graft = lib.passes"],
    ids=["another patch release", "a build of 3.9", "a source build with our passes in it"],
)  # fmt: skip
def test_a_triton_that_we_support_gets_the_backend_without_a_warning(tmp_path, line):
    code = """
from triton.backends.graft.driver import Driver
triton.runtime.driver.set_active(Driver(target="cuda:90"))
print(type(make_backend(target(90))).__module__)
"""
    done = run_under(line, code, tmp_path)
    assert done.stdout == "triton.backends.graft.compiler\n", done.stderr
    assert "triton-graft" not in done.stderr  # another backend that is installed may say that it does nothing
