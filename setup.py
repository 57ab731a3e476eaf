# SPDX-License-Identifier: MIT
"""Builds the pass library with CMake and puts it into the package; everything else stands in pyproject.toml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()


def program(name: str) -> str:
    """The path of a build tool; an error that says how to get it if there is none."""
    beside_python = Path(sys.executable).parent / name
    found = str(beside_python) if beside_python.exists() else shutil.which(name)
    if found is None:
        sys.exit(f"triton-graft: {name} is needed to build the passes and is not here; install it (pip install {name}).")
    return found


class BuildPasses(build_ext):
    """Runs CMake and takes the library from its build folder."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def build_extension(self, ext: Extension) -> None:
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            sys.exit(
                "triton-graft: building the passes needs a C++ compiler, none was found; install g++ or clang, or set CXX."
            )
        build = ROOT / "build" / "cmake"
        configure = [
            program("cmake"), "-S", str(ROOT), "-B", str(build), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={program('ninja')}",
            f"-DCMAKE_CXX_COMPILER={compiler}", f"-DPython3_EXECUTABLE={sys.executable}",
        ]  # fmt: skip
        for command in (configure, [program("cmake"), "--build", str(build)]):
            if subprocess.run(command).returncode != 0:
                sys.exit("triton-graft: building the passes failed; the first error above says why.")
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        # A running program may have the old library mapped: writing into it would end that program.
        fresh = target.with_suffix(".tmp")
        shutil.copy2(build / target.name, fresh)
        fresh.replace(target)


class TagWithoutPython(bdist_wheel):
    """The library has no Python in it, so one wheel serves every Python on the platform."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[Extension("triton.backends.graft.libgraft_passes", sources=[])],
    cmdclass={"build_ext": BuildPasses, "bdist_wheel": TagWithoutPython},
)
