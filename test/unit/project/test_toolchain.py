# SPDX-License-Identifier: MIT
"""Finding what the pass library is built with, and refusing what does not fit. No test here needs a network."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from support import ROOT


def load(name):
    """A script of cmake/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "cmake" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


toolchain, abi_check = load("toolchain"), load("abi_check")

REMEDY = (
    "to an LLVM 23 with MLIR headers (Debian: llvm-23-dev and libmlir-23-dev) or to the LLVM that Triton itself was built with, "
    "or unset it to have the headers fetched."
)


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """Nothing of this machine's is found and nothing is fetched."""
    monkeypatch.setattr(toolchain, "TOOLCHAIN", tmp_path / ".toolchain")
    monkeypatch.setattr(toolchain, "installed_include", lambda: None)

    def fetch(packages, suites, target, arrange):
        raise toolchain.ToolchainError(f"no network in tests for {' '.join(packages)}.")

    monkeypatch.setattr(toolchain, "fetch", fetch)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    real = Path.glob
    monkeypatch.setattr(Path, "glob", lambda path, pattern: [] if path == Path("/usr/lib") else real(path, pattern))


def make_llvm(prefix, version):
    """A folder that looks like an LLVM of *version* with MLIR headers."""
    (prefix / "include/llvm/Config").mkdir(parents=True)
    (prefix / "include/llvm/Config/llvm-config.h").write_text(f'#define LLVM_VERSION_STRING "{version}"\n')
    (prefix / "include/mlir/IR").mkdir(parents=True)
    (prefix / "include/mlir/IR/Operation.h").write_text("")
    (prefix / "lib/cmake/mlir").mkdir(parents=True)
    return prefix


def make_tblgen(path, version="22.1.0", status=0):
    """A program that calls itself an mlir-tblgen of *version*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'Debian LLVM version {version}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def error_of(environ):
    with pytest.raises(toolchain.ToolchainError) as caught:
        toolchain.resolve({name: str(value) for name, value in environ.items()})
    return str(caught.value)


# -- Headers that the user names


@pytest.mark.parametrize("version", ["23.1.4", "23.1.0", "24.0.0git"])
def test_headers_that_may_fit_are_taken(tmp_path, version):
    llvm = make_llvm(tmp_path / "llvm", version)
    tblgen = make_tblgen(llvm / "bin/mlir-tblgen")
    assert toolchain.resolve({"LLVM_SYSPATH": str(llvm)}) == toolchain.Toolchain(llvm / "include", tblgen)
    assert toolchain.resolve({"MLIR_DIR": str(llvm / "lib/cmake/mlir")}) == toolchain.Toolchain(llvm / "include", tblgen)


@pytest.mark.parametrize("version", ["22.1.8", "25.0.0git", "9.0.1"])
def test_headers_of_another_release_are_refused(tmp_path, version):
    llvm = make_llvm(tmp_path / "llvm", version)
    assert error_of({"LLVM_SYSPATH": llvm}) == (
        f"LLVM_SYSPATH={llvm}: found LLVM {version}, but Triton 3.9 needs 23. Set LLVM_SYSPATH {REMEDY}"
    )


def test_headers_of_another_release_are_refused_by_the_variable_that_named_them(tmp_path):
    mlir_dir = make_llvm(tmp_path / "llvm", "22.1.8") / "lib/cmake/mlir"
    assert error_of({"MLIR_DIR": mlir_dir}) == (
        f"MLIR_DIR={mlir_dir}: found LLVM 22.1.8, but Triton 3.9 needs 23. Set MLIR_DIR {REMEDY}"
    )


def test_a_folder_without_headers_is_refused(tmp_path):
    assert error_of({"LLVM_SYSPATH": tmp_path}) == (
        f"LLVM_SYSPATH={tmp_path}: no LLVM and MLIR headers under {tmp_path}/include. Set LLVM_SYSPATH {REMEDY}"
    )


def test_an_llvm_without_mlir_is_refused(tmp_path):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    shutil.rmtree(llvm / "include/mlir")
    assert error_of({"LLVM_SYSPATH": llvm}) == (
        f"LLVM_SYSPATH={llvm}: no LLVM and MLIR headers under {llvm}/include. Set LLVM_SYSPATH {REMEDY}"
    )


def test_headers_that_do_not_say_their_version_are_refused(tmp_path):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    (llvm / "include/llvm/Config/llvm-config.h").write_text("/* nothing */\n")
    assert error_of({"LLVM_SYSPATH": llvm}).startswith(f"LLVM_SYSPATH={llvm}: ")


# -- Precedence


def test_llvm_syspath_wins_over_mlir_dir(tmp_path):
    first, second = make_llvm(tmp_path / "first", "23.1.4"), make_llvm(tmp_path / "second", "23.1.4")
    make_tblgen(first / "bin/mlir-tblgen")
    found = toolchain.resolve({"LLVM_SYSPATH": str(first), "MLIR_DIR": str(second / "lib/cmake/mlir")})
    assert found.include == first / "include"


def test_what_the_user_names_wins_over_what_is_installed(tmp_path, monkeypatch):
    named, installed = make_llvm(tmp_path / "named", "23.1.4"), make_llvm(tmp_path / "installed", "23.1.4")
    monkeypatch.setattr(toolchain, "installed_include", lambda: installed / "include")
    make_tblgen(named / "bin/mlir-tblgen")
    make_tblgen(installed / "bin/mlir-tblgen")
    assert toolchain.resolve({"LLVM_SYSPATH": str(named)}).include == named / "include"
    assert toolchain.resolve({}).include == installed / "include"


def test_what_is_installed_wins_over_what_was_fetched(tmp_path, monkeypatch):
    installed = make_llvm(tmp_path / "installed", "23.1.4")
    make_llvm(tmp_path / ".toolchain/llvm-23", "23.1.0")
    make_tblgen(installed / "bin/mlir-tblgen")
    monkeypatch.setattr(toolchain, "installed_include", lambda: installed / "include")
    assert toolchain.resolve({}).include == installed / "include"


def test_what_was_fetched_is_not_fetched_again(tmp_path):
    fetched = make_llvm(tmp_path / ".toolchain/llvm-23", "23.1.0")
    tblgen = make_tblgen(tmp_path / ".toolchain/tblgen-22/bin/mlir-tblgen")
    said = []
    assert toolchain.resolve({}, said.append) == toolchain.Toolchain(fetched / "include", tblgen)
    assert said == []


def test_empty_variables_are_as_good_as_none(tmp_path):
    make_llvm(tmp_path / ".toolchain/llvm-23", "23.1.0")
    make_tblgen(tmp_path / ".toolchain/tblgen-22/bin/mlir-tblgen")
    toolchain.resolve({"LLVM_SYSPATH": "", "MLIR_DIR": "", "MLIR_TBLGEN": ""})


# -- mlir-tblgen


def test_a_tblgen_that_the_user_names_wins(tmp_path):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    make_tblgen(llvm / "bin/mlir-tblgen")
    mine = make_tblgen(tmp_path / "mine/mlir-tblgen", "24.0.0git")
    assert toolchain.resolve({"LLVM_SYSPATH": str(llvm), "MLIR_TBLGEN": str(mine)}).tblgen == mine


def test_a_tblgen_on_the_path_is_found(tmp_path, monkeypatch):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    tblgen = make_tblgen(tmp_path / "tools/mlir-tblgen")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    assert toolchain.resolve({"LLVM_SYSPATH": str(llvm)}).tblgen == tblgen


def test_a_tblgen_that_is_too_old_is_passed_over(tmp_path, monkeypatch):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    make_tblgen(llvm / "bin/mlir-tblgen", "21.1.8")
    newer = make_tblgen(tmp_path / "tools/mlir-tblgen", "22.1.0")
    monkeypatch.setenv("PATH", str(tmp_path / "tools"))
    assert toolchain.resolve({"LLVM_SYSPATH": str(llvm)}).tblgen == newer


@pytest.mark.parametrize("kind", ["too old", "not there", "not to be run", "another program"])
def test_a_tblgen_that_the_user_names_must_be_one(tmp_path, kind):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    program = tmp_path / "mlir-tblgen"
    if kind == "too old":
        make_tblgen(program, "21.1.8")
    elif kind == "not to be run":
        make_tblgen(program).chmod(0o644)
    elif kind == "another program":
        program.write_text("#!/bin/sh\necho hello\n")
        program.chmod(0o755)
    assert error_of({"LLVM_SYSPATH": llvm, "MLIR_TBLGEN": program}) == (
        f"MLIR_TBLGEN={program}: expected an mlir-tblgen 22 or newer that runs here."
    )


# -- Nothing found and nothing to be fetched


def test_no_headers_anywhere_says_where_was_looked_and_what_to_install(tmp_path):
    assert error_of({}) == (
        "no LLVM 23 headers on this machine (looked at LLVM_SYSPATH, MLIR_DIR, /usr/lib/llvm-23, /usr/include and "
        f"{tmp_path}/.toolchain/llvm-23) and none could be fetched: no network in tests for llvm-23-dev libmlir-23-dev.\n"
        "Install llvm-23-dev and libmlir-23-dev, or set LLVM_SYSPATH to a folder with include/llvm and include/mlir."
    )


def test_no_tblgen_anywhere_says_where_was_looked_and_what_to_install(tmp_path):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    assert error_of({"LLVM_SYSPATH": llvm}) == (
        "no mlir-tblgen 22 or newer on this machine (looked beside the headers, on PATH and in /usr/lib/llvm-*/bin) and none "
        "could be fetched: no network in tests for mlir-22-tools libz3-4.\nInstall mlir-22-tools or put mlir-tblgen on PATH."
    )


def run_script(name, env, *flags):
    """Runs a script of cmake/ in a Python without site-packages."""
    return subprocess.run([sys.executable, "-S", *flags, str(ROOT / "cmake" / name)], env=env, capture_output=True, text=True)


def test_the_program_prints_one_error_and_nothing_for_cmake(tmp_path):
    done = run_script("toolchain.py", {"LLVM_SYSPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"toolchain: LLVM_SYSPATH={tmp_path}: no LLVM and MLIR headers under {tmp_path}/include. Set LLVM_SYSPATH {REMEDY}\n"
    )


def test_the_program_prints_what_cmake_reads(tmp_path):
    llvm = make_llvm(tmp_path / "llvm", "23.1.4")
    make_tblgen(llvm / "bin/mlir-tblgen")
    done = run_script("toolchain.py", {"LLVM_SYSPATH": str(llvm), "PATH": "/bin"})
    assert (done.returncode, done.stdout) == (0, f"include={llvm}/include\ntblgen={llvm}/bin/mlir-tblgen\n")
    assert done.stderr == f"toolchain: LLVM 23.1.4 headers in {llvm}/include, {llvm}/bin/mlir-tblgen\n"


# -- Triton to build beside

INSTALL = "Install it (pip install 'triton==3.9.*') or let pip build in isolation, which brings its own."


def make_triton(folder, version):
    (folder / "triton/include/triton").mkdir(parents=True)
    (folder / "triton/__init__.py").write_text("raise ImportError('must not be imported')\n")
    (folder / "triton/include/triton/Version.h").write_text(f'#define TRITON_VERSION "{version}"\n')


def test_triton_is_found_without_importing_it(tmp_path):
    make_triton(tmp_path, "3.9.0")
    done = run_script("find_triton.py", {"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"triton={tmp_path}/triton\ntriton_version=3.9.0\n", "")


def test_no_triton_to_build_beside_is_an_error():
    done = run_script("find_triton.py", {})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"find_triton: no Triton for {sys.executable}; triton-graft builds beside Triton 3.9. {INSTALL}\n"


@pytest.mark.parametrize("version", ["3.8.0", "3.10.0", "4.0.0"])
def test_another_triton_to_build_beside_is_an_error(tmp_path, version):
    make_triton(tmp_path, version)
    done = run_script("find_triton.py", {"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"find_triton: found Triton {version} in {tmp_path}/triton, but triton-graft needs 3.9. {INSTALL}\n"


def test_a_triton_without_headers_is_an_error(tmp_path):
    make_triton(tmp_path, "3.9.0")
    shutil.rmtree(tmp_path / "triton/include")
    done = run_script("find_triton.py", {"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"find_triton: {tmp_path}/triton has no C++ headers (include/triton); Triton 3.9 ships them. {INSTALL}\n"
    )


# -- setup.py


@pytest.fixture
def build(tmp_path):
    """Builds the extension of a copy of the project, with only the named programs to be found; returns process and new files."""
    project = tmp_path / "project"
    names = ["setup.py", "README.md", "LICENSE", "backend/__init__.py", "backend/name.conf", "cmake/names.py"]
    names += [path.relative_to(ROOT) for path in (ROOT / "tools").glob("*.py")]
    for name in {*names, *(rule.file for rule in load("names").rules("graft"))}:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, project / name)
    programs = tmp_path / "programs"
    programs.mkdir()
    python = programs / "python"  # not beside the tools of the environment that runs the tests
    python.symlink_to(os.path.realpath(sys.executable))

    def build(**scripts):
        for name, text in scripts.items():
            (programs / name.replace("cxx", "c++")).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name.replace("cxx", "c++")).chmod(0o755)
        before = set(project.rglob("*"))
        done = subprocess.run(
            [str(python), "setup.py", "-q", "build_ext", "--build-temp", str(tmp_path / "temp"), "--build-lib", str(tmp_path / "lib")],
            env={"PATH": str(programs), "PYTHONPATH": sysconfig.get_path("purelib"), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=project, capture_output=True, text=True,
        )  # fmt: skip
        return done, set(project.rglob("*")) - before

    return build


def last_line(done):
    assert done.returncode == 1
    return done.stderr.splitlines()[-1]


def test_building_without_a_compiler_says_so_and_leaves_nothing_behind(build):
    done, files = build(cmake="", ninja="")
    assert last_line(done) == (
        "triton-graft: the build needs a C++ compiler, none was found; install g++ or clang, or set CXX."
    )
    assert files == set()


@pytest.mark.parametrize(("there", "missing"), [("ninja", "cmake"), ("cmake", "ninja")])
def test_building_without_a_build_tool_says_so_and_leaves_nothing_behind(build, there, missing):
    done, files = build(cxx="", **{there: ""})
    assert last_line(done) == (
        f"triton-graft: {missing} is needed for the build and is not here; install it (pip install {missing})."
    )
    assert files == set()


def test_a_build_that_fails_ends_with_one_line_after_the_reason(build):
    done, files = build(cxx="", ninja="", cmake="echo 'the reason' >&2; exit 1")
    assert done.stderr.splitlines()[-2:] == [
        "the reason",
        "triton-graft: the build of the C++ part failed; the first error above says why.",
    ]
    assert files == set()


# -- The ABI check

#: libtriton.so knows Shape with one virtual function besides the destructors.
SHAPE = "struct Shape { virtual ~Shape(); virtual int area(); %s }; Shape::~Shape() {} int Shape::area() { return 1; }\n"
PROBE = 'extern "C" int graft_abi_probe() { %s }\n'

needs_compiler = pytest.mark.skipif(
    shutil.which("c++") is None or shutil.which("nm") is None, reason="needs a C++ compiler and nm"
)


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """Libraries by name: libtriton, and what one may try to use beside it."""
    folder = tmp_path_factory.mktemp("abi")
    sources = {
        "libtriton": SHAPE % "",
        "fits": SHAPE % "" + PROBE % "return 0;",
        "grown": SHAPE % "virtual void grown() {}" + PROBE % "return 0;",
        "stranger": PROBE % "return 0;",
        "unresolved": SHAPE % "" + "int from_another_llvm(); int use = from_another_llvm();",
        "crashes": SHAPE % "" + PROBE % "__builtin_trap();",
        "complains": "#include <cstdio>\n"
        + SHAPE % ""
        + PROBE % 'std::fputs("abi probe: the pass fails\\n", stderr); return 1;',
    }
    for name, source in sources.items():
        (folder / f"{name}.cpp").write_text(source)
        subprocess.run(["c++", "-shared", "-fPIC", "-o", folder / f"{name}.so", folder / f"{name}.cpp"], check=True)
    return {name: folder / f"{name}.so" for name in sources}


@pytest.fixture
def tools(monkeypatch):
    """The ABI check uses nm."""
    monkeypatch.setenv("PATH", os.defpath)


@needs_compiler
def test_a_library_with_the_same_classes_fits(libraries, tools):
    assert abi_check.compare_vtables(libraries["libtriton"], [libraries["fits"]]) == 1
    abi_check.run_child(libraries["libtriton"], libraries["fits"], "probe")


@needs_compiler
def test_a_library_with_a_larger_virtual_table_is_a_misfit(libraries, tools):
    with pytest.raises(abi_check.MisfitError, match=r"^vtable for Shape has 48 bytes by the headers, 40 in libtriton\.so$"):
        abi_check.compare_vtables(libraries["libtriton"], [libraries["grown"]])


@needs_compiler
def test_a_library_that_shares_no_class_proves_nothing(libraries, tools):
    with pytest.raises(abi_check.MisfitError, match=r"^no virtual table is known to both sides$"):
        abi_check.compare_vtables(libraries["libtriton"], [libraries["stranger"]])


@needs_compiler
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("crashes", r"crashes\.so dies with signal (4|5) beside libtriton\.so"),
        ("complains", r"complains\.so fails beside libtriton\.so: abi probe: the pass fails"),
        ("unresolved", r"unresolved\.so fails beside libtriton\.so: OSError: .*undefined symbol: _Z17from_another_llvmv"),
    ],
)
def test_a_library_that_does_not_run_is_a_misfit(libraries, tools, name, reason):
    with pytest.raises(abi_check.MisfitError, match=rf"^{reason}$"):
        abi_check.run_child(libraries["libtriton"], libraries[name], "probe")


@pytest.fixture
def check(libraries, tools, tmp_path, monkeypatch, capsys):
    """Runs the check as the build does, on a copy of a library; returns status, output, error and the copy."""

    def check(probe, library):
        copy = Path(shutil.copy(libraries[library], tmp_path / "libgraft_passes.so"))
        llvm = make_llvm(tmp_path / "llvm", "24.0.0git") / "include"
        arguments = ["--libtriton", str(libraries["libtriton"]), "--llvm", str(llvm), str(libraries[probe]), str(copy)]
        monkeypatch.setattr(sys, "argv", ["abi_check.py", *arguments])
        status = abi_check.main()
        output = capsys.readouterr()
        return status, output.out, output.err, copy

    return check


@needs_compiler
def test_a_misfit_fails_the_build_with_one_message_and_removes_the_library(check, libraries, tmp_path):
    status, output, error, copy = check(probe="grown", library="fits")
    assert (status, output) == (1, "")
    assert error == (
        f"abi_check: the LLVM 24.0.0git headers in {tmp_path}/llvm/include do not fit {libraries['libtriton']}: vtable for Shape "
        "has 48 bytes by the headers, 40 in libtriton.so.\n"
        "abi_check: Triton 3.9 needs the headers of LLVM 23.1, or of the LLVM that it was itself built with; set LLVM_SYSPATH to "
        "one of these, or unset it and run `make toolchain`.\n"
    )
    assert not copy.exists()


@needs_compiler
def test_a_library_that_fits_passes_the_check(check):
    status, output, error, copy = check(probe="fits", library="fits")
    assert (status, error) == (0, "")
    assert output == "abi_check: LLVM 24.0.0git headers fit libtriton.so (2 virtual tables, probe passed)\n"
    assert copy.exists()


@needs_compiler
def test_a_probe_that_crashes_removes_the_library(check):
    status, _, error, copy = check(probe="crashes", library="fits")
    assert status == 1 and re.search(r": crashes\.so dies with signal \d+ beside libtriton\.so\.\n", error)
    assert not copy.exists()
