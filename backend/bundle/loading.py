# SPDX-License-Identifier: MIT
"""Using bundles: every kernel in one that is loaded is a hit, and what autotuners found out is known.

A bundle that is loaded is a place where `key` looks before the cache. A kernel is found there by the same key as in a cache,
so one that has changed since is not found. Who wants its files, as Triton does where somebody listens to compilations, gets them
in a temporary folder; the cache folder gets none.
"""

from __future__ import annotations

import functools
import json
import os
import threading
from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import triton
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import compiler
from triton.compiler.compiler import AsmDict, CompiledKernel, make_backend
from triton.runtime.autotuner import Autotuner, Config
from triton.runtime.cache import _base32

from ..cache import explain, inputs, key, showing, store
from ..cache.encoding import digest
from ..cache.manifest import Alternative, Manifest, alternative_of
from ..launch import tuning
from ..runtime import container, format, reading, values
from ..runtime.cubin import check_parameters
from ..runtime.errors import BundleError
from .importing import module_name
from .recording import active_target, function_of, keywords_of

#: Whose kernels to take: those of this very compiler, or whatever the bundle has for this target.
Identity = Literal["same", "any"]


class Loaded:
    """A loaded bundle, with its kernels for one target. After `unload`, kernels that were launched from it stay."""

    def __init__(self, bundle: format.Bundle, address: str, target: str):
        self.address, self.target = address, target
        self._bundle = bundle
        self._variants = {variant["key"]: variant for variant in bundle.content["variants"] if variant["target"] == target}
        self._winners = {
            _place(tuner): dict(_winners(tuner)) for tuner in bundle.content["tuners"] if tuner["target"] == target
        }
        self._places: list[key.Place] = []
        self._lock = threading.Lock()
        #: The paths of files that were written, by process, as forked children inherit them, and variant.
        self._unpacked: dict[tuple[int, str], dict[str, str]] = {}

    def __repr__(self) -> str:
        return f"<{len(self)} kernels for {self.target} from {self.address}>"

    def __len__(self) -> int:
        return len(self._variants)

    @property
    def producers(self) -> list[dict[str, Any]]:
        """What compiled these kernels: versions of Triton, of this backend and of ptxas."""
        names = sorted({variant["producer"] for variant in self._variants.values()})
        return [self._bundle.content["producers"][name] for name in names]

    def use(self, identity: Identity) -> None:
        """Has kernels looked for here. Raises `BundleError` for those of another compiler, unless *identity* is "any"."""
        if identity == "same" and all(self._differences(producer) for producer in self.producers):
            raise BundleError("identity", f"{self.address}: {self._explain_identity()}")
        self._places = [_Place(self, None)] if identity == "same" else [_Place(self, producer) for producer in self.producers]
        key.places.extend(self._places)
        tuning.advisers.append(self.winner)

    def unload(self) -> None:
        """No longer looks for kernels in this bundle."""
        if self._places:
            key.places[:] = [place for place in key.places if place not in self._places]
            tuning.advisers.remove(self.winner)
            self._places = []

    def variant(self, variant_key: str) -> dict[str, Any] | None:
        """The variant with the cache key *variant_key*."""
        return self._variants.get(variant_key)

    def alternatives(self, manifest: str) -> list[Alternative]:
        """What the read-sets under the key *manifest* say."""
        found = self._bundle.content["manifests"].get(manifest)
        return [alternative_of(*item) for item in found["alternatives"]] if found else []

    def entries(self, name: str) -> Iterable[store.Entry]:
        """The kernels of this name, as entries of a cache."""
        for variant in self._variants.values():
            if variant["name"] == name[:150]:
                yield store.Entry(self.address, _components(self._bundle.content, variant))

    def found(self, variant: dict[str, Any], entry: str, asked: Any) -> key.Found:
        """*variant*, the entry *entry*, for the source *asked*. Its files are written when somebody wants them.

        Raises `BundleError` if its cubin takes other parameters than a launch of *asked* passes, whatever the bundle says of them.
        """
        check_parameters(variant, self._bundle.artifacts[variant["files"]["cubin"]], asked.signature.values())
        files = _Files(self, variant)
        return key.Found(store.get_cache_manager(entry), files, lambda source, name: self._make(variant, files, source, name))

    def _make(self, variant: dict[str, Any], files: _Files, source: Any, entry: str) -> CompiledKernel:
        """What `CompiledKernel(source, files, entry)` makes; without files, unless somebody has put a function in place of it.

        Raises `BundleError` if a text is none.
        """
        stages = self._stages(variant)
        if _makes_kernels(CompiledKernel.__init__):
            kernel = CompiledKernel.__new__(CompiledKernel)
            kernel.asm = AsmDict(stages)
            self._fill(kernel, variant, files, source, entry)
        else:
            kernel = CompiledKernel(source, dict(files), entry)
        if "ptx" not in kernel.asm:
            kernel.asm = _Texts(kernel.asm, self.address)
        return kernel

    def _stages(self, variant: dict[str, Any]) -> dict[str, str | bytes]:
        """The binary of *variant*, and its texts, by stage. Raises `BundleError` if one is no text."""
        stages: dict[str, str | bytes] = {}
        for stage, name in variant["files"].items():
            data = self._bundle.artifacts[name]
            try:
                stages[stage] = data if stage == "cubin" else data.decode()
            except UnicodeDecodeError as error:
                raise BundleError(
                    "text", f"{self.address}: the {stage} of {variant['name']!r} is not UTF-8 text ({error.reason})"
                ) from None
        return stages

    def _fill(self, kernel: CompiledKernel, variant: dict[str, Any], files: _Files, source: Any, entry: str) -> None:
        """Does what `CompiledKernel.__init__` does, without reading files, but for *kernel*'s stages, which it has."""
        target = GPUTarget(**variant["metadata"]["target"])
        names = tuple(sorted(variant["metadata"]))
        kernel.metadata = _metadata_class(names)(**{**variant["metadata"], "target": target})
        kernel.packed_metadata = make_backend(target).pack_metadata(kernel.metadata)
        kernel.src, kernel.hash, kernel.name = source, entry, kernel.metadata.name
        kernel.metadata_group, kernel.kernel = files, kernel.asm["cubin"]
        kernel.module = kernel._module_pid = kernel.function = kernel._run = None

    def unpack(self, variant: dict[str, Any]) -> dict[str, str]:
        """Writes the files of *variant* to a temporary folder of this process; their paths by name.

        Raises `BundleError` if there is none that can be written.
        """
        place = os.getpid(), variant["key"]
        with self._lock:
            if place not in self._unpacked:
                self._unpacked[place] = self._write(variant)
            return self._unpacked[place]

    def _write(self, variant: dict[str, Any]) -> dict[str, str]:
        paths = {}
        try:
            head = os.path.join(store.private_root(in_memory=True), variant["key"])
            for name, data in _files(self._bundle, variant).items():
                paths[name] = head + os.path.splitext(name)[1]
                with open(paths[name], "wb") as stream:
                    stream.write(data)
        except OSError as error:
            raise BundleError(
                "address",
                f"{self.address}: the files of its kernels are asked for, and neither /dev/shm nor a temporary folder can be written "
                f"({error.strerror}); set TMPDIR to a folder that can",
            ) from error
        return paths

    def winner(self, tuner: Autotuner, tuning_key: tuple) -> Config | None:
        """The configuration that *tuner* found to be the best for *tuning_key*, if it is still one of its own."""
        function = function_of(tuner).fn
        winners = self._winners.get((module_name(function), function.__qualname__, *tuner.arg_names, *tuner.keys), {})
        keywords = winners.get(format.canonical([values.encode(value) for value in tuning_key]))
        if keywords is None or active_target() != self.target:
            return None
        return next((config for config in tuner.configs if keywords_of(config) == keywords), None)

    def _differences(self, producer: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
        ours = {**inputs.compiler().components, **inputs.tools(triton.runtime.driver.active.get_current_target())}
        return explain.differences({**producer["compiler"], **producer["tools"].get(self.target, {})}, ours)

    def _explain_identity(self) -> str:
        lines = showing.lines(self._differences(self.producers[0]), now="here")
        return "\n".join(
            [
                "its kernels were compiled by another compiler than this one, which differs in what follows; build it anew, or "
                'take them all the same with identity="any"',
                *lines,
            ]
        )


def _makes_kernels(function: Any) -> bool:
    """Whether *function* is Triton's own `CompiledKernel.__init__`."""
    code = getattr(function, "__code__", None)
    return code is not None and (code.co_filename, code.co_qualname) == (compiler.__file__, "CompiledKernel.__init__")


class _Texts(AsmDict):
    """What there is of the stages of a kernel from the bundle at *address*."""

    def __init__(self, stages: dict[str, Any], address: str):
        super().__init__(stages)
        self._address = address

    def __missing__(self, stage: str) -> Any:
        if stage in ("ttir", "ttgir", "llir", "ptx", "source"):
            raise KeyError(
                f"{self._address} has no {stage} of this kernel: the bundle was built without texts; build it with --texts"
            )
        return super().__missing__(stage)


class _Files(Mapping):
    """The paths of the files of *variant* by name; they are written when a path is asked for."""

    def __init__(self, loaded: Loaded, variant: dict[str, Any]):
        self._loaded, self._variant = loaded, variant

    def __getitem__(self, name: str) -> str:
        return self._loaded.unpack(self._variant)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(file_names(self._variant))

    def __len__(self) -> int:
        return len(file_names(self._variant))


@functools.lru_cache(maxsize=64)
def _metadata_class(names: tuple[str, ...]) -> Any:
    """The class of a kernel's metadata with these fields, as Triton makes one for each kernel, which takes 0.25 ms."""
    return namedtuple("KernelMetadata", names)


class _Place:
    """The kernels of *loaded* where `key` looks: those that this compiler has made or, if given, that *producer* has."""

    def __init__(self, loaded: Loaded, producer: dict[str, Any] | None):
        self._loaded, self._producer = loaded, producer
        #: What keys have in common, by what they have in common here.
        self._common: dict[str, key.Common] = {}

    def common(self, common: key.Common, target: Any) -> key.Common:
        if self._producer is None:
            return common
        if common.code.digest not in self._common:
            code = {name: text for name, text in common.code.components.items() if not name.startswith("tool.")}
            tools = self._producer["tools"].get(self._loaded.target, {})
            self._common[common.code.digest] = key.Common(
                inputs.part(self._producer["compiler"]), inputs.part({**code, **tools})
            )
        return self._common[common.code.digest]

    def alternatives(self, manifest: str, name: str) -> Iterable[Alternative]:
        return self._loaded.alternatives(manifest)

    def find(self, lookup: key.Lookup, source: Any) -> key.Found | None:
        variant = self._loaded.variant(lookup.key)
        if variant is None:
            return None
        return self._loaded.found(variant, key.entry_of(lookup), source)

    def entries(self, name: str) -> Iterable[store.Entry]:
        return self._loaded.entries(name)


def load(address: Any, *, trusted_keys: Iterable[Any] | None = None, identity: Identity = "same") -> Loaded:
    """Loads the bundle at *address*, a path or a URL. Its kernels are then launched without compiling, and the cache is not needed.

    Kernels for other targets than that of the active driver are skipped. Autotuned kernels launch with the best configuration that
    was found. A kernel whose source or options have changed is compiled; with `GRAFT_CACHE=require` that is an error.

    *trusted_keys*: public Ed25519 keys, one of which must have signed the file. *identity*: "any" also takes kernels that were
    compiled by another version of Triton, of this backend or of ptxas.

    Raises `BundleError` if the file is not a bundle, is not signed as it must be, or has no kernels for this target or by this compiler.
    """
    if identity not in ("same", "any"):
        raise BundleError("identity", f'identity={identity!r}: expected "same" or "any"')
    bundle = reading.read(address, trusted_keys)
    target = active_target()
    loaded = Loaded(bundle, str(address), target)
    if not len(loaded):
        there = ", ".join(sorted(bundle.content["targets"])) or "none"
        raise BundleError("target", f"{address}: it has no kernels for {target}; it has some for {there}")
    loaded.use(identity)
    return loaded


class Unpacked(NamedTuple):
    """What happened to one kernel: "written", "kept" (there was an intact entry) or "replaced" (there was a damaged one)."""

    name: str
    target: str
    outcome: str


def unpack(address: Any, cache_dir: Any = None, *, trusted_keys: Iterable[Any] | None = None) -> list[Unpacked]:
    """Writes the kernels of the bundle at *address* into the cache folder *cache_dir* (`TRITON_CACHE_DIR`), for all its targets.

    Each kernel's folder appears in one step. Raises `BundleError` as `load` does, and if the folder cannot be written. Kernels that
    were written before that stay, and are whole.
    """
    bundle = reading.read(address, trusted_keys)
    _check_unpacked(bundle, address)
    root = os.path.abspath(cache_dir or knobs.cache.dir)
    try:
        outcomes = [_store(root, bundle, variant) for variant in bundle.content["variants"]]
    except OSError as error:
        raise BundleError("address", f"{address}: it cannot be unpacked to {root} ({error.strerror})") from None
    for manifest_key, manifest in bundle.content["manifests"].items():
        alternatives = [alternative_of(*item) for item in reversed(manifest["alternatives"])]
        Manifest(manifest_key, manifest["name"], root).add(*alternatives)
    return outcomes


def _check_unpacked(bundle: format.Bundle, address: Any) -> None:
    """Raises `BundleError` if a cubin is none, or if all files together have more bytes than a bundle may have.

    What many variants share is in the file once, looked at once, and written for each.
    """
    looked_at, total = set(), 0
    for variant in bundle.content["variants"]:
        special, files = variant["specialisation"], variant["files"]
        what = (
            files["cubin"],
            variant["metadata"]["name"],
            format.canonical([special and special["signature"], variant["metadata"].get("tensordesc_meta")]),
        )
        if what not in looked_at:
            check_parameters(variant, bundle.artifacts[files["cubin"]])
            looked_at.add(what)
        total += sum(len(bundle.artifacts[name]) for name in files.values())
        if total > container.MAX_TOTAL:
            raise BundleError(
                "total", f"{address}: its kernels have more than {container.MAX_TOTAL} bytes when each has files of its own"
            )


def _store(root: str, bundle: format.Bundle, variant: dict[str, Any]) -> Unpacked:
    described = {"kernel": bundle.content["kernels"][variant["kernel"]]}
    described |= {"specialisation": _absolute(bundle.content, variant), "static": variant["static"]}
    entry = store.Stored(entry_name(variant), _components(bundle.content, variant), described, _files(bundle, variant))
    return Unpacked(variant["name"], variant["target"], store.store(root, entry, f"{variant['name']}.json"))


def entry_name(variant: dict[str, Any]) -> str:
    """What the cache calls the entry of *variant*."""
    return _base32(digest(variant["key"]))


def file_names(variant: dict[str, Any]) -> list[str]:
    """The names of the files of *variant*, as the cache has them; that of its metadata is the last."""
    return [*(f"{variant['name']}.{stage}" for stage in variant["files"]), f"{variant['name']}.json"]


def _files(bundle: format.Bundle, variant: dict[str, Any]) -> dict[str, bytes]:
    """The files of *variant*, by name."""
    contents = [*(bundle.artifacts[name] for name in variant["files"].values()), json.dumps(variant["metadata"]).encode()]
    return dict(zip(file_names(variant), contents, strict=True))


def _absolute(content: format.Content, variant: dict[str, Any]) -> dict[str, Any] | None:
    """The specialisation of *variant* with all options, as the cache keeps it."""
    special = variant["specialisation"]
    defaults = content["targets"][variant["target"]]["options"]
    return None if special is None else {**special, "options": {**defaults, **special["options"]}}


def _components(content: format.Content, variant: dict[str, Any]) -> dict[str, str]:
    """The components of the key of *variant*."""
    return {**content["producers"][variant["producer"]]["compiler"], **content["code"][variant["code"]], **variant["own"]}


def _place(tuner: dict[str, Any]) -> tuple:
    return tuner["module"], tuner["name"], *tuner["arg_names"], *tuner["keys"]


def _winners(tuner: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((format.canonical(tuning_key), keywords) for tuning_key, keywords in tuner["winners"])
