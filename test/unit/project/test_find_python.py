# SPDX-License-Identifier: MIT
"""What cmake/find_python.py tells CMake about the Python that the launcher is built for."""

import subprocess
import sys
import sysconfig

import pytest
from support import ROOT

SCRIPT = ROOT / "cmake" / "find_python.py"
# Runs the script as if the Python were another: {include} is where its headers are, {version} its version.
AS_IF = """
import runpy, sys, sysconfig
paths, variables = dict(sysconfig.get_paths()), dict(sysconfig.get_config_vars())
paths["include"] = {include!r} or paths["include"]
sysconfig.get_paths = lambda: paths
sysconfig.get_config_var = lambda name: {gil_disabled} if name == "Py_GIL_DISABLED" else variables[name]
sys.version_info, sys.argv = {version}, sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def find_python(*args, include="", version=(3, 11, 2), gil_disabled=0):
    script = AS_IF.format(include=str(include), version=version, gil_disabled=gil_disabled)
    return subprocess.run([sys.executable, "-c", script, SCRIPT, *args], capture_output=True, text=True)


@pytest.fixture
def headers(tmp_path):
    """A folder that looks like one with Python's headers."""
    (tmp_path / "Python.h").touch()
    return tmp_path


def answer(done):
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_the_full_interface_is_used_unless_something_else_is_asked_for(headers):
    for version in ((3, 11, 9), (3, 12, 0), (3, 14, 1)):
        found = answer(find_python(include=headers, version=version))
        assert (found["python_api"], found["python_suffix"]) == ("", sysconfig.get_config_var("EXT_SUFFIX")), version
        assert found["python_include"] == str(headers)


def test_the_stable_abi_is_used_where_asked_for_and_there_is_one(headers):
    for version, disabled, api in (((3, 11, 9), 0, ""), ((3, 12, 0), 0, "0x030c0000"), ((3, 14, 0), 1, "")):
        found = answer(find_python("--stable-abi", include=headers, version=version, gil_disabled=disabled))
        assert found["python_api"] == api, version
        assert found["python_suffix"] == (".abi3.so" if api else sysconfig.get_config_var("EXT_SUFFIX")), version


def test_missing_headers_are_one_message_that_says_what_to_install(tmp_path):
    done = find_python(include=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"find_python: {sys.executable} has no C headers (no Python.h in {tmp_path}), and the launcher is a C++ extension. "
        "Install them: python3-dev on Debian and Ubuntu, python3-devel on Fedora.\n"
    )
