# SPDX-License-Identifier: MIT
"""Mutated cache entries and manifests are misses, or what was stored; `cache_mutations.py --count` takes many more."""

import os

import pytest
from cache_mutations import run
from triton.backends.graft.cache import manifest, store


@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_is_what_was_stored(seed):
    assert run(seed, range(40)) == {}


# -- What would be wrong is found


def found_without(monkeypatch, module, name, replacement):
    monkeypatch.setattr(module, name, replacement)
    return "\n".join(run(0, range(150)).values())


def test_a_binary_that_is_not_checked_is_found(monkeypatch):
    assert "k.cubin of" in found_without(monkeypatch, store, "_check", lambda name, folder, file: os.stat(name, dir_fd=folder))


def test_an_entry_in_the_place_of_another_is_found(monkeypatch):
    whole = store.digest_of
    assert "is not what was stored" in found_without(monkeypatch, store, "digest_of", lambda rest, key: whole(rest, ""))


def test_a_manifest_in_the_place_of_another_is_found(monkeypatch):
    whole = manifest.digest_of
    assert "the manifest of" in found_without(monkeypatch, manifest, "digest_of", lambda text, key: whole(text, ""))


def test_an_error_that_comes_through_is_found(monkeypatch):
    assert "Error: " in found_without(monkeypatch, manifest, "_are_reads", lambda reads: [read[9] for read in reads])
