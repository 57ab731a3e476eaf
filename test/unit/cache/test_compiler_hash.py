# SPDX-License-Identifier: MIT
"""The hash of the backend, which names what compiles."""

import functools

import pytest
from support import make_vector_add, target, warm_up_vector_add
from triton.backends.graft import plugin
from triton.backends.graft.cache import inputs
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftWarning


def test_the_hash_names_the_compiler_and_the_tools_for_the_target():
    """In place of Triton's, which runs ptxas to ask for its version."""
    first = Backend(target(90)).hash()
    assert first == Backend(target(90)).hash()
    assert Backend(target(80)).hash() != first, "another ptxas"
    assert Backend(target(100)).hash() == first, "the target is a component of its own"


def test_the_hash_changes_with_the_compiler(monkeypatch):
    first = Backend(target(90)).hash()
    parts = inputs.identity.compiler()
    monkeypatch.setattr(inputs.identity, "compiler", lambda: {**parts, "passes": "source:other"})
    assert Backend(target(90)).hash() != first


def test_a_kernel_compiled_without_the_library_is_another_kernel(tmp_path, activate, monkeypatch):
    activate(Driver(target="cuda:90"))
    with monkeypatch.context() as patch:
        patch.setattr(plugin, "_load", functools.cache(plugin._load.__wrapped__))
        patch.setattr(plugin, "LIBRARY", tmp_path / "libgraft_passes.so")
        with pytest.warns(GraftWarning):
            without = warm_up_vector_add(make_vector_add())
    with_library = warm_up_vector_add(make_vector_add())
    assert "scf.if" in with_library.asm["ttir"]
    assert without.hash != with_library.hash
