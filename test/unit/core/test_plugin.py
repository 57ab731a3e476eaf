# SPDX-License-Identifier: MIT
"""The door to the C++ passes: what goes through it, and what happens where there is no library or a wrong one."""

import functools
import re
import shutil
import subprocess
import warnings

import pytest
import triton
from sample import OFF, PASS, make_double, needs_pass, warm_up_double
from support import make_vector_add, warm_up_vector_add
from triton._C.libtriton import ir
from triton.backends.graft import plugin
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftWarning, PassLibraryError

REMEDY = "Reinstall triton-graft beside this Triton (pip install --force-reinstall .)."

#: PluginInfo of triton/Tools/PluginUtils.h in C, so that a library for another Triton takes no Triton to build.
PLUGIN = """
#include <stddef.h>
#include <stdint.h>
struct info {
  uint32_t api_version;
  const char *name, *version;
  void *passes; size_t num_passes;
  void *dialects; size_t num_dialects;
  void *ops; size_t num_ops;
  const char *triton_version;
};
struct info *tritonGetPluginInfo(void) {
  static struct info info = {API, "graft", "0", NULL, 0, NULL, 0, NULL, 0, TRITON};
  return &info;
}
"""

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


@pytest.fixture
def new_process(monkeypatch):
    """Forgets that the library was looked for, until the test ends."""
    monkeypatch.setattr(plugin, "_load", functools.cache(plugin._load.__wrapped__))


@pytest.fixture
def missing(tmp_path, monkeypatch, new_process):
    """Makes the library one that does not exist; its path."""
    path = tmp_path / "libgraft_passes.so"
    monkeypatch.setattr(plugin, "LIBRARY", path)
    return path


@pytest.fixture
def build(tmp_path):
    """Builds a library from C."""

    def build(source, *flags):
        path = tmp_path / "libgraft_passes.so"
        (tmp_path / "plugin.c").write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", *flags, "-o", path, tmp_path / "plugin.c"], check=True)
        return path

    return build


@pytest.fixture
def pm():
    context = ir.context()
    ir.load_dialects(context)
    return ir.pass_manager(context)


def message_of(path):
    with pytest.raises(PassLibraryError) as caught:
        plugin.check_library(path)
    return str(caught.value)


# -- Adding passes


def test_options_are_written_as_mlir_reads_them():
    assert plugin.text("graft-some-pass") == "graft-some-pass"
    text = plugin.text("graft-some-pass", max_ops=3, exact=True, loud=False, skip_sites=(2, 5))
    assert text == "graft-some-pass{max-ops=3 exact=true loud=false skip-sites=2,5}"


@needs_pass
def test_a_pass_is_added_with_its_options(pm):
    assert plugin.add(pm, PASS, skip_sites=(2, 5)) is True
    assert re.fullmatch(rf"any\({PASS}\{{.*skip-sites=\{{2,5\}}.*\}}\)", pm.get_pipeline_str())


@needs_pass
def test_a_pass_is_added_without_options(pm):
    assert plugin.add(pm, PASS) is True
    assert pm.get_pipeline_str().startswith(f"any({PASS}") and "skip-sites" not in pm.get_pipeline_str()


@needs_pass
def test_passes_are_added_as_text(pm):
    assert plugin.add_text(pm, f"{PASS}{{skip-sites=1}},{PASS}") is True
    assert pm.get_pipeline_str().count(PASS) == 2


UNKNOWN_PASS = (
    "cannot add graft-nope: MLIR Textual PassPipeline Parser:1:1: error: 'graft-nope' does not refer to a registered pass or "
    "pass pipeline\ngraft-nope\n^\n"
)
UNKNOWN_OPTION = (
    f"cannot add {PASS}{{nope=1}}: <Pass-Options-Parser>: no such option nope\n\nfailed to add `{PASS}` with options `nope=1`\n"
)


@needs_pass
@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda pm: plugin.add(pm, "graft-nope"), UNKNOWN_PASS),
        (lambda pm: plugin.add_text(pm, "graft-nope"), UNKNOWN_PASS),
        (lambda pm: plugin.add(pm, PASS, nope=1), UNKNOWN_OPTION),
        (lambda pm: plugin.add_text(pm, f"{PASS}{{nope=1}}"), UNKNOWN_OPTION),
    ],
    ids=["pass", "pass as text", "option", "option as text"],
)
def test_what_the_library_does_not_know_is_refused_and_the_manager_left_alone(pm, add, message):
    plugin.add(pm, PASS)
    before = pm.get_pipeline_str()
    with pytest.raises(PassLibraryError) as caught:
        add(pm)
    assert str(caught.value) == message
    assert pm.get_pipeline_str() == before


@needs_pass
def test_a_pipeline_that_is_wrong_at_its_end_adds_nothing(pm):
    with pytest.raises(PassLibraryError, match=rf"^cannot add {PASS},graft-nope: "):
        plugin.add_text(pm, f"{PASS},graft-nope")
    assert pm.get_pipeline_str() == "any()"


# -- No library


def test_a_missing_library_is_said_once(missing, pm):
    with pytest.warns(GraftWarning) as caught:
        assert plugin.available() is False
        assert plugin.available() is False
        assert plugin.add(pm, "graft-any") is False
        assert plugin.add_text(pm, "graft-any") is False
        assert plugin.failed() is True
    assert [str(warning.message) for warning in caught] == [
        f"triton-graft compiles without its own passes: there is no pass library at {missing}. {REMEDY}"
    ]
    assert pm.get_pipeline_str() == "any()"


@needs_pass
def test_a_kernel_compiles_without_the_library(missing, activate):
    activate(Driver(target="cuda:90"))
    with pytest.warns(GraftWarning) as caught:
        first = warm_up_double(make_double())
        off = warm_up_double(make_double(), **OFF)
    assert len(caught) == 1
    assert first.asm["ttir"] == off.asm["ttir"]
    assert first.asm["cubin"].startswith(b"\x7fELF")


def test_a_kernel_that_wants_no_pass_still_compiles_without_the_library(missing, activate):
    activate(Driver(target="cuda:90"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GraftWarning)
        compiled = warm_up_vector_add(make_vector_add(), **OFF)
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


# -- A library that does not fit


def test_the_library_that_is_installed_fits():
    plugin.check_library(plugin.LIBRARY)


def test_a_file_that_is_no_library_does_not_fit(tmp_path):
    path = tmp_path / "libgraft_passes.so"
    path.write_text("not a library, but long enough to have an ELF header if it were one, which it is not " * 4)
    assert message_of(path) == (
        f"the pass library {path} does not fit Triton {triton.__version__}: {path}: invalid ELF header. {REMEDY}"
    )


@needs_compiler
def test_a_library_with_another_entry_point_does_not_fit(build):
    path = build("int something_else;")
    assert message_of(path) == (
        f"the pass library {path} does not fit Triton {triton.__version__}: {path}: undefined symbol: tritonGetPluginInfo. {REMEDY}"
    )


@needs_compiler
def test_a_library_that_needs_an_unknown_symbol_does_not_fit(build):
    path = build("extern int mlir_of_another_llvm(void); int tritonGetPluginInfo(void) { return mlir_of_another_llvm(); }")
    assert message_of(path) == (
        f"the pass library {path} does not fit Triton {triton.__version__}: {path}: undefined symbol: mlir_of_another_llvm. {REMEDY}"
    )


@needs_compiler
def test_a_library_for_another_triton_does_not_fit(build):
    path = build(PLUGIN, "-DAPI=2", '-DTRITON="3.8.0"')
    assert message_of(path) == (f"the pass library {path} was made for Triton 3.8.0, this is {triton.__version__}. {REMEDY}")


@needs_compiler
def test_a_library_for_another_plugin_interface_does_not_fit(build):
    path = build(PLUGIN, "-DAPI=1", '-DTRITON="3.9.0"')
    assert message_of(path) == (f"the pass library {path} has version 1 of Triton's plugin interface, not 2. {REMEDY}")


@needs_pass
@needs_compiler
def test_a_library_that_does_not_fit_is_said_once_and_not_used(missing, build, activate):
    assert build(PLUGIN, "-DAPI=2", '-DTRITON="3.8.0"') == missing
    activate(Driver(target="cuda:90"))
    with pytest.warns(GraftWarning) as caught:
        compiled = warm_up_double(make_double())
    assert [str(warning.message) for warning in caught] == [
        f"triton-graft compiles without its own passes: the pass library {missing} was made for Triton 3.8.0, this is "
        f"{triton.__version__}. {REMEDY}"
    ]
    assert compiled.asm["ttir"] == warm_up_double(make_double(), **OFF).asm["ttir"]
    assert plugin.failed() is True
