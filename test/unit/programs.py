# SPDX-License-Identifier: MIT
"""Small programs with kernels, run one after another as if each were a process of its own, under our key or Triton's."""

import contextlib
import importlib
import itertools
import linecache
import sys
import tempfile
import textwrap

import triton
from support import OtherDriver
from triton.backends.graft.driver import Driver
from triton.runtime.jit import MockTensor

HEADER = "import triton\nimport triton.language as tl\n"
#: A kernel that stores what is put in its braces.
STORE = "@triton.jit\ndef kernel(p):\n    tl.store(p, {})\n"

_numbers = itertools.count()


class Pointer(MockTensor):
    """An argument that is a pointer, to elements of Triton's type *dtype*."""

    def __init__(self, dtype):
        super().__init__(getattr(triton.language, dtype))


I32, F32 = Pointer("int32"), Pointer("float32")


class Program:
    """Python files in *folder*; `compile` imports them anew and compiles one of their kernels."""

    def __init__(self, folder, monkeypatch, key="graft"):
        self.folder, self._monkeypatch, self._key = folder, monkeypatch, key
        self._name = f"program_{next(_numbers)}"
        monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions within a second would share one
        monkeypatch.syspath_prepend(str(folder))

    def write(self, source="", **modules):
        """Writes the main file and others, by name; the same text of *source* is a kernel file of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in {self._name: HEADER + textwrap.dedent(source), **modules}.items():
            if text.strip() != HEADER.strip():
                (self.folder / f"{name}.py").write_text(textwrap.dedent(text))
        return self

    def load(self):
        """The main module, imported anew with all that lies in the folder."""
        for path in self.folder.glob("*.py"):
            sys.modules.pop(path.stem, None)
        importlib.invalidate_caches()
        linecache.checkcache()
        return importlib.import_module(self._name)

    def compile(self, *args, kernel="kernel", module=None, **kwargs):
        """What the kernel is compiled to, or found in the cache as."""
        with active(self._key):
            return getattr(module or self.load(), kernel).warmup(*args, grid=(1,), **kwargs)

    def compile_afresh(self, *args, **kwargs):
        """The same with an empty cache: what is right."""
        with tempfile.TemporaryDirectory() as folder, self._monkeypatch.context() as patch:
            patch.setenv("TRITON_CACHE_DIR", folder)
            return self.compile(*args, **kwargs)


@contextlib.contextmanager
def active(key):
    """Has kernels compiled under our key or, with the same target, under Triton's."""
    driver = Driver(target="cuda:90") if key == "graft" else OtherDriver()
    triton.runtime.driver.set_active(driver)
    try:
        yield driver
    finally:
        triton.runtime.driver._active = None
