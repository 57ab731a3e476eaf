# SPDX-License-Identifier: MIT
"""Making bundles: of what a program compiles or finds in the cache, or of a cache folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import triton
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from ..cache import key, manifest, store
from ..launch import tuning
from ..runtime import format, values
from ..runtime.errors import BundleError
from . import variants, writing
from .importing import module_name
from .variants import Compiled


class Recording:
    """The kernels that were compiled, or found in the cache or in a bundle, in the block of `record`.

    *save* may be called in the block or after it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._compiled: dict[str, Compiled] = {}
        self._proofs: dict[tuple[str, str], tuple[str, manifest.Alternative]] = {}
        self._tuners: dict[int, tuple[Autotuner, str]] = {}

    def __enter__(self) -> Self:
        if not _is_active():
            raise BundleError(
                "driver", "recording a bundle needs the backend: make a graft Driver() the active one before (set_active)"
            )
        key.observers.append(self._note)
        tuning.observers.append(self._note_tuner)
        return self

    def __exit__(self, *exception: object) -> None:
        key.observers.remove(self._note)
        tuning.observers.remove(self._note_tuner)

    def __len__(self) -> int:
        return len(self._compiled)

    def bundle(self, texts: bool = False) -> format.Bundle:
        """What was recorded, as a bundle in memory. *texts*: with the texts of all stages, not only the cubins."""
        with self._lock:
            compiled, proofs = [*self._compiled.values()], [*self._proofs.items()]
            tuners = [*self._tuners.values()]
        whole = format.merge(variants.bundle_of(one, texts) for one in compiled)
        for (manifest_key, _), (name, alternative) in proofs:
            _add_alternatives(whole.content["manifests"], manifest_key, name, [alternative])
        whole.content["tuners"] += _tuner_records(tuners)
        return format.merge([whole])

    def save(self, address: Any, texts: bool = False) -> None:
        """Writes what was recorded to *address*, a path or a URL. It replaces an old file in one step.

        Raises `BundleError` if nothing was recorded or it cannot be written.
        """
        bundle = self.bundle(texts)
        if not bundle.content["variants"]:
            raise BundleError(
                "empty",
                f"{address}: no kernel was compiled or looked up while recording, so there is nothing to save; kernels that the "
                "process had loaded before do not count: record from its start",
            )
        writing.write(address, bundle)

    def _note(self, request: key.Request, lookup: key.Lookup, group: dict[str, str]) -> None:
        """Notes a compilation. Its files are read now: an entry may be evicted, a temporary folder goes."""
        files = {name: Path(path).read_bytes() for name, path in group.items()}
        described = variants.described(request.source, request.options)
        with self._lock:
            self._compiled[lookup.key] = Compiled(lookup.components, described, files)
            if lookup.proof is not None:
                place = lookup.proof.manifest, lookup.proof.alternative.ttir
                self._proofs[place] = lookup.name, lookup.proof.alternative

    def _note_tuner(self, tuner: Autotuner) -> None:
        with self._lock:
            self._tuners[id(tuner)] = tuner, active_target()


def record() -> Recording:
    """Records every kernel that is compiled, or looked up in the cache, in a block, and what autotuners find.

        with bundle.record() as recording:
            model(example)
        recording.save("kernels.graft")

    It works in the compile-only mode, too. Kernels that the process loaded before the block are not looked up again, so record from
    the start. Raises `BundleError` if the graft driver is not the active one.
    """
    return Recording()


def from_cache(folder: Any, texts: bool = False) -> format.Bundle:
    """A bundle of all kernels in the cache folder *folder*, also of another machine. Raises `BundleError` if there are none.

    Damaged entries are left out with a `GraftWarning`. So are those of a version that had no bundles.
    """
    bundles = []
    try:
        for entry in store.stored(str(folder)):
            if _is_described(entry.variant):
                bundles.append(variants.bundle_of(Compiled(entry.components, entry.variant, entry.files), texts))
    except OSError as error:
        raise BundleError("address", f"{folder}: it cannot be read as a cache folder ({error.strerror})") from None
    if not bundles:
        raise BundleError("empty", f"{folder}: the folder has no kernels that this backend has compiled; compile some first")
    whole = format.merge(bundles)
    for manifest_key, name, alternatives in manifest.read_stored(str(folder)):
        _add_alternatives(whole.content["manifests"], manifest_key, name, alternatives)
    return format.merge([whole])


def active_target() -> str:
    """The target of the active driver, such as cuda:90."""
    target = triton.runtime.driver.active.get_current_target()
    return f"{target.backend}:{target.arch}"


def _is_active() -> bool:
    from .. import hooks

    return hooks.active_driver() is not None


def _is_described(variant: Any) -> bool:
    return isinstance(variant, dict) and variant.keys() == {"kernel", "specialisation", "static"}


def _add_alternatives(manifests: dict[str, Any], manifest_key: str, name: str, more: Iterable[manifest.Alternative]) -> None:
    alternatives = manifests.setdefault(manifest_key, {"name": name[:150], "alternatives": []})["alternatives"]
    for ttir, reads, used_globals in more:
        alternatives.append([ttir, [list(read) for read in reads], [list(used) for used in used_globals]])


def _tuner_records(tuners: Iterable[tuple[Autotuner, str]]) -> list[dict[str, Any]]:
    """What the autotuners know of their targets, as bundles have it."""
    records: dict[str, dict[str, Any]] = {}
    for tuner, target in tuners:
        one = _tuner_record(tuner, target)
        place = format.canonical(format.tuner_order(one))
        records[place] = format.merge_tuners(records[place], one) if place in records else one
    return [*records.values()]


def _tuner_record(tuner: Autotuner, target: str) -> dict[str, Any]:
    function = function_of(tuner)
    found = [((), tuner.configs[0])] if len(tuner.configs) == 1 else list(tuner.cache.items())
    winners = [[[values.encode(value) for value in tuning_key], keywords_of(config)] for tuning_key, config in found]
    return {
        "module": module_name(function.fn),
        "name": function.fn.__qualname__,
        "target": target,
        "arg_names": list(tuner.arg_names),
        "keys": list(tuner.keys),
        "pre_hook": any(config.pre_hook is not None for config in tuner.configs),
        "winners": sorted(winners, key=lambda winner: format.canonical(winner[0])),
    }


def function_of(kernel: Any) -> JITFunction:
    """The jitted function inside autotuners and heuristics."""
    while not isinstance(kernel, JITFunction):
        kernel = kernel.fn
    return kernel


def keywords_of(config: Any) -> dict[str, Any]:
    """What an autotuner's configuration passes to its kernel, as values of a bundle."""
    return {name: values.encode(value) for name, value in config.all_kwargs().items()}
