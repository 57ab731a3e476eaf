# SPDX-License-Identifier: MIT
"""Builds the C++ part with CMake and puts it into the package, which has the folders that are there; the rest is in pyproject.toml."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent.resolve()
BUILD = ROOT / "build" / "cmake"
sys.path.insert(0, str(ROOT / "cmake"))
import names  # noqa: E402

try:
    NAME = names.check()
except names.NamesError as error:
    sys.exit(f"triton-host: {error}")
PACKAGE = f"triton.backends.{NAME}"
#: The passes, and what runs kernels.
LIBRARIES = (f"lib{NAME}_passes", f"lib{NAME}_runtime")


def packages() -> dict[str, str]:
    """The packages, each with its folder."""
    folders = sorted({path.parent for path in (ROOT / "backend").rglob("*.py")})
    inner = [folder.relative_to(ROOT / "backend").parts for folder in folders]
    return {".".join((PACKAGE, *parts)): "/".join(("backend", *parts)) for parts in inner}


def program(name: str) -> str:
    """The path of a build tool; an error that says how to get it if there is none."""
    beside_python = Path(sys.executable).parent / name
    found = str(beside_python) if beside_python.exists() else shutil.which(name)
    if found is None:
        sys.exit(f"triton-host: {name} is needed for the build and is not here; install it (pip install {name}).")
    return found


class BuildWithCMake(build_ext):
    """Runs CMake once and takes the libraries from its build folder."""

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split(".")).with_suffix(".so"))  # no extension module, so it does without Python's suffix

    def build_extensions(self) -> None:
        compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            sys.exit("triton-host: the build needs a C++ compiler, none was found; install g++ or clang, or set CXX.")
        configure = [
            program("cmake"), "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={program('ninja')}",
            f"-DCMAKE_CXX_COMPILER={compiler}", f"-DPython3_EXECUTABLE={sys.executable}",
        ]  # fmt: skip
        for command in (configure, [program("cmake"), "--build", str(BUILD)]):
            if subprocess.run(command).returncode != 0:
                sys.exit("triton-host: the build of the C++ part failed; the first error above says why.")
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        # A running program may have the old library mapped: writing into it would end that program.
        fresh = target.with_suffix(".tmp")
        shutil.copy2(BUILD / target.name, fresh)
        fresh.replace(target)


COMMANDS = {"build_ext": BuildWithCMake}
setup(
    packages=list(packages()),
    package_dir=packages(),
    ext_modules=[Extension(f"{PACKAGE}.{library}", sources=[]) for library in LIBRARIES],
    cmdclass=COMMANDS,
)
