# SPDX-License-Identifier: MIT
"""Finds the LLVM/MLIR headers and the mlir-tblgen that the pass library is built with, or fetches them.

Order: what the user names (`LLVM_SYSPATH` or `MLIR_DIR`), an installed LLVM, what an earlier call fetched, and last
Debian's packages, downloaded from the archive that this machine's apt already uses and unpacked under `.toolchain/`.
Nothing is installed.

Run as a program it prints `include=<dir>` and `tblgen=<program>` for CMake, or one error and exits with status 1.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# The LLVM release whose headers fit the LLVM inside Triton 3.9.0 (see docs/abi.md); the ABI check has the last word.
LLVM_MAJOR = 23
# Triton's own pin calls itself 24.0.0git. It fits, other snapshots of 24 do not, so only the ABI check can tell.
LLVM_MAJOR_ON_TRIAL = 24
# mlir-tblgen only reads our descriptions of passes, which every release from here on understands.
TBLGEN_MAJOR = 22
# Debian suites that may carry the packages of `LLVM_MAJOR`, newest first.
SUITES = ("sid", "testing")

ROOT = Path(__file__).resolve().parent.parent
TOOLCHAIN = ROOT / ".toolchain"


class ToolchainError(Exception):
    """The headers or tools that a build needs are missing or do not fit."""


@dataclass(frozen=True)
class Toolchain:
    """The include directory of LLVM and MLIR and the path of mlir-tblgen, each with where it was found."""

    include: Path
    tblgen: Path


def version_of(include: Path) -> str | None:
    """The LLVM version that headers under *include* declare, such as '23.1.4', or None if there are no headers."""
    config = include / "llvm" / "Config" / "llvm-config.h"
    if not config.is_file() or not (include / "mlir" / "IR" / "Operation.h").is_file():
        return None
    match = re.search(r'#define LLVM_VERSION_STRING "([^"]+)"', config.read_text())
    return match.group(1) if match else None


def named_by_user(environ: dict[str, str]) -> tuple[str, Path] | None:
    """The variable by which the user names an LLVM, and the include directory it means."""
    if syspath := environ.get("LLVM_SYSPATH"):
        return "LLVM_SYSPATH", Path(syspath) / "include"
    if mlir_dir := environ.get("MLIR_DIR"):  # <prefix>/lib/cmake/mlir
        return "MLIR_DIR", Path(mlir_dir).parent.parent.parent / "include"
    return None


def check_named(variable: str, value: str, include: Path) -> Path:
    """*include* if the LLVM there can fit Triton 3.9; raises `ToolchainError` otherwise."""
    version = version_of(include)
    remedy = (
        f"Set {variable} to an LLVM {LLVM_MAJOR} with MLIR headers (Debian: llvm-{LLVM_MAJOR}-dev and "
        f"libmlir-{LLVM_MAJOR}-dev) or to the LLVM that Triton itself was built with, or unset it to have the headers "
        "fetched."
    )
    if version is None:
        raise ToolchainError(f"{variable}={value}: no LLVM and MLIR headers under {include}. {remedy}")
    if int(version.split(".")[0]) not in (LLVM_MAJOR, LLVM_MAJOR_ON_TRIAL):
        raise ToolchainError(f"{variable}={value}: found LLVM {version}, but Triton 3.9 needs {LLVM_MAJOR}. {remedy}")
    return include


def installed_include() -> Path | None:
    """The headers of an installed LLVM of the right release, if there are any."""
    candidates = [Path(f"/usr/lib/llvm-{LLVM_MAJOR}/include"), Path("/usr/local/include"), Path("/usr/include")]
    for include in candidates:
        version = version_of(include)
        if version and int(version.split(".")[0]) == LLVM_MAJOR:
            return include
    return None


def tblgen_version(program: str | Path) -> int | None:
    """The major version of an mlir-tblgen, or None if it does not run."""
    try:
        text = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"LLVM version (\d+)", text)
    return int(match.group(1)) if match else None


def installed_tblgen(include: Path) -> Path | None:
    """An mlir-tblgen that runs and is new enough: beside *include*, on PATH, or of an installed LLVM."""
    candidates = [include.parent / "bin" / "mlir-tblgen"]
    if on_path := shutil.which("mlir-tblgen"):
        candidates.append(Path(on_path))
    candidates += sorted(Path("/usr/lib").glob("llvm-*/bin/mlir-tblgen"), reverse=True)
    for program in candidates:
        if (tblgen_version(program) or 0) >= TBLGEN_MAJOR:
            return program
    return None


class Archive:
    """The Debian archive of this machine, read through lists and caches of our own: nothing of the system changes."""

    def __init__(self, work: Path, suite: str | None = None):
        """With *suite*, that suite's main section; without, everything that apt is configured to read here."""
        for name in ("lists/partial", "cache/archives/partial"):
            (work / "apt" / name).mkdir(parents=True, exist_ok=True)
        state = work / "apt"
        self.options = [f"-oDir::State::Lists={state}/lists", f"-oDir::Cache={state}/cache", "-oAPT::Sandbox::User=root"]
        if suite:
            sources = state / "sources.list"
            sources.write_text(f"deb [signed-by={self.keyring()}] {self.uri()} {suite} main\n")
            self.options += [f"-oDir::Etc::SourceList={sources}", "-oDir::Etc::SourceParts=-"]

    @staticmethod
    def keyring() -> str:
        """The key ring that vouches for Debian's archive."""
        return "/usr/share/keyrings/debian-archive-keyring.gpg"

    @staticmethod
    def uri() -> str:
        """The address from which apt reads Debian's main section here; raises `ToolchainError` if it reads none."""
        targets = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(ORIGIN)\t$(LABEL)\t$(COMPONENT)\t$(REPO_URI)", "Created-By: Packages"],
            capture_output=True, text=True,
        ).stdout  # fmt: skip
        for line in targets.splitlines():
            fields = line.split("\t")
            if fields[:3] == ["Debian", "Debian", "main"]:
                return fields[3]
        sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
        text = "\n".join(path.read_text() for path in sources if path.is_file())
        # `apt-get update` has not run here yet, so nothing is known but the configuration itself.
        for uri, suites in re.findall(r"^(?:deb\s+(?:\[[^]]*\]\s+)?|URIs:\s+)(\S+)(?:\nSuites:)?\s+(.*)$", text, re.M):
            if re.search(r"\b(bookworm|trixie|forky|sid|stable|testing)\b(?!-security)", suites) and "debian" in uri:
                return uri
        raise ToolchainError("apt on this machine reads no Debian archive.")

    def update(self) -> None:
        self._apt("update", "-q")

    def download(self, packages: list[str], folder: Path) -> list[Path]:
        """Downloads *packages* into *folder*; apt checks their signatures."""
        self._apt("download", "-q", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def _apt(self, *args: str, cwd: Path | None = None) -> None:
        done = subprocess.run(["apt-get", *self.options, *args], cwd=cwd, capture_output=True, text=True)
        if done.returncode != 0:
            raise ToolchainError(f"apt-get {' '.join(args)} failed:\n{done.stderr.strip()}")


def fetch(packages: list[str], suites: tuple[str | None, ...], target: Path, arrange: Callable[[Path, Path], None]) -> None:
    """Unpacks the Debian *packages* from the first of *suites* that has them and makes *target* out of them.

    *arrange* gets the unpacked root and the empty folder to fill, which becomes *target* at once and whole.
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise ToolchainError("there is no apt-get here to fetch them with.")
    TOOLCHAIN.mkdir(exist_ok=True)
    failures = []
    for suite in suites:
        with tempfile.TemporaryDirectory(dir=TOOLCHAIN) as folder:
            work = Path(folder)
            try:
                archive = Archive(work, suite)
                archive.update()
                (work / "debs").mkdir()
                debs = archive.download(packages, work / "debs")
            except ToolchainError as error:
                failures.append(f"{suite or 'as configured'}: {error}")
                continue
            for deb in debs:
                subprocess.run(["dpkg", "-x", str(deb), str(work / "root")], check=True)
            (work / "new").mkdir()
            arrange(work / "root", work / "new")
            shutil.rmtree(target, ignore_errors=True)
            (work / "new").rename(target)
            return
    raise ToolchainError("\n".join(failures))


def arrange_include(root: Path, new: Path) -> None:
    """Debian spreads the headers over three folders that link to each other; puts them under one `include`."""
    (new / "include").mkdir()
    (root / f"usr/include/llvm-{LLVM_MAJOR}/llvm").rename(new / "include" / "llvm")
    (root / f"usr/include/llvm-c-{LLVM_MAJOR}/llvm-c").rename(new / "include" / "llvm-c")
    (root / f"usr/lib/llvm-{LLVM_MAJOR}/include/mlir").rename(new / "include" / "mlir")


def arrange_tblgen(root: Path, new: Path) -> None:
    """mlir-tblgen, the one library it needs that a plain Debian lacks, and a wrapper that joins the two."""
    for folder in ("bin", "lib"):
        (new / folder).mkdir()
    (root / f"usr/lib/llvm-{TBLGEN_MAJOR}/bin/mlir-tblgen").rename(new / "lib" / "mlir-tblgen")
    for library in root.glob("usr/lib/*/libz3.so.*"):
        library.rename(new / "lib" / library.name)
    wrapper = new / "bin" / "mlir-tblgen"
    wrapper.write_text(
        '#!/bin/sh\nlib=$(dirname "$0")/../lib\n'
        'LD_LIBRARY_PATH=$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$lib/mlir-tblgen" "$@"\n'
    )
    wrapper.chmod(0o755)


def fetch_include(say) -> Path:
    """The LLVM headers from Debian's packages, under `.toolchain/`."""
    target = TOOLCHAIN / f"llvm-{LLVM_MAJOR}"
    if version_of(target / "include") is None:
        say(f"fetching the LLVM {LLVM_MAJOR} headers from Debian's packages (about 100 MB, once)")
        try:
            fetch([f"llvm-{LLVM_MAJOR}-dev", f"libmlir-{LLVM_MAJOR}-dev"], SUITES, target, arrange_include)
        except ToolchainError as error:
            raise ToolchainError(
                f"no LLVM {LLVM_MAJOR} headers on this machine (looked at LLVM_SYSPATH, MLIR_DIR, /usr/lib/llvm-{LLVM_MAJOR}, "
                f"/usr/include and {target}) and none could be fetched: {error}\n"
                f"Install llvm-{LLVM_MAJOR}-dev and libmlir-{LLVM_MAJOR}-dev, or set LLVM_SYSPATH to a folder with include/llvm and include/mlir."
            ) from None
    return target / "include"


def fetch_tblgen(say) -> Path:
    """mlir-tblgen from Debian's packages, under `.toolchain/`."""
    target = TOOLCHAIN / f"tblgen-{TBLGEN_MAJOR}"
    program = target / "bin" / "mlir-tblgen"
    if (tblgen_version(program) or 0) < TBLGEN_MAJOR:
        say(f"fetching mlir-tblgen {TBLGEN_MAJOR} from Debian's packages (once)")
        try:
            fetch([f"mlir-{TBLGEN_MAJOR}-tools", "libz3-4"], (None,), target, arrange_tblgen)
        except ToolchainError as error:
            raise ToolchainError(
                f"no mlir-tblgen {TBLGEN_MAJOR} or newer on this machine (looked beside the headers, on PATH and in "
                f"/usr/lib/llvm-*/bin) and none could be fetched: {error}\nInstall mlir-{TBLGEN_MAJOR}-tools or put mlir-tblgen on PATH."
            ) from None
    return program


def resolve(environ: dict[str, str], say=lambda text: None) -> Toolchain:
    """The headers and the mlir-tblgen to build with; raises `ToolchainError` if they are not to be had."""
    if named := named_by_user(environ):
        variable, include = named
        include = check_named(variable, environ[variable], include)
    else:
        include = installed_include() or fetch_include(say)
    if chosen := environ.get("MLIR_TBLGEN"):
        if (tblgen_version(chosen) or 0) < TBLGEN_MAJOR:
            raise ToolchainError(f"MLIR_TBLGEN={chosen}: expected an mlir-tblgen {TBLGEN_MAJOR} or newer that runs here.")
        return Toolchain(include, Path(chosen))
    return Toolchain(include, installed_tblgen(include) or fetch_tblgen(say))


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        found = resolve(dict(os.environ), say=lambda text: print(f"toolchain: {text}", file=sys.stderr, flush=True))
    except ToolchainError as error:
        print(f"toolchain: {error}", file=sys.stderr)
        return 1
    print(f"include={found.include}\ntblgen={found.tblgen}")
    print(f"toolchain: LLVM {version_of(found.include)} headers in {found.include}, {found.tblgen}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
