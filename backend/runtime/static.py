# SPDX-License-Identifier: MIT
"""Bundles as a program uses them without Triton: `Bundle("kernels.graft")["softmax"][grid](x, out, n, BLOCK=1024)`."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from . import dispatch, format, native, values
from .dispatch import Variants
from .dtypes import dtype_name
from .errors import VariantError
from .native import LoadedKernel
from .reading import read


class Bundle:
    """The kernels of a bundle. *path* may be a URL; with *trusted_keys*, the bundle has to be signed by one of them.

        bundle = Bundle("kernels.graft")
        bundle["softmax"][grid](x, out, n, BLOCK=1024, num_warps=8)

    Launch as with Triton. A launch takes the variant that Triton would compile for these arguments. Arrays are objects with
    `data_ptr()` and `dtype`, or with DLPack's C interface. Name a kernel by its name, its qualified name, or as
    "module:qualified name".

    Raises `BundleError` for a file that is not a bundle, or not signed with a trusted key. Look-up and launch raise `VariantError` for
    a kernel or variant that the bundle does not have.
    """

    def __init__(self, path: str | os.PathLike[str], trusted_keys: Iterable[str | os.PathLike[str]] | None = None):
        self._path = os.fspath(path)
        self._bundle = read(path, trusted_keys)
        self._digests = _named(self._bundle.content["kernels"])
        self._made: dict[str, StaticKernel | TunedKernel] = {}
        for cls in (StaticKernel, TunedKernel):
            native.launches_natively(cls)

    @property
    def kernels(self) -> tuple[str, ...]:
        """The names of the kernels, as "module:qualified name", sorted."""
        return tuple(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and len(self._find(name)) == 1

    def __getitem__(self, name: str) -> StaticKernel | TunedKernel:
        found = self._find(name)
        if len(found) != 1:
            what = "no kernel" if not found else "several kernels"
            listed = dispatch.listed(found or self.kernels)
            raise VariantError(f"{self._path} has {what} {name!r}; name one of these:{listed}")
        digest = self._digests[found[0]]
        if digest not in self._made:
            self._made.setdefault(digest, _make(self._bundle, digest))
        return self._made[digest]

    def __repr__(self) -> str:
        content = self._bundle.content
        targets = ", ".join(sorted(content["targets"]))
        return f"Bundle({self._path!r}: {len(self)} kernels, {len(content['variants'])} variants for {targets})"

    def _find(self, name: str) -> list[str]:
        """The full names of the kernels that *name* can mean: those that it names the most exactly."""
        for shorten in (str, _qualified, _plain):
            found = [full for full in self._digests if shorten(full) == name]
            if found:
                return found
        return []


def _named(kernels: dict[str, Any]) -> dict[str, str]:
    """The digests of *kernels* by full name. Two of one name, made at different times, have part of the digest in it."""
    names = {digest: f"{kernel['module']}:{kernel['name']}" for digest, kernel in kernels.items()}
    number = Counter(names.values())
    return dict(sorted((name if number[name] == 1 else f"{name}@{digest[:12]}", digest) for digest, name in names.items()))


def _qualified(full: str) -> str:
    return full.partition(":")[2]


def _plain(full: str) -> str:
    return _qualified(full).partition("@")[0].rpartition(".")[2]


def _make(bundle: format.Bundle, digest: str) -> StaticKernel | TunedKernel:
    kernel = StaticKernel(bundle, digest)
    place = kernel.record["module"], kernel.record["name"]
    tuners = [tuner for tuner in bundle.content["tuners"] if (tuner["module"], tuner["name"]) == place]
    return TunedKernel(kernel, tuners) if tuners else kernel


# -- Kernels


class StaticKernel:
    """A kernel of a bundle, launched as `kernel[grid](...)`; that returns the `LoadedKernel`."""

    if TYPE_CHECKING:

        def __getitem__(self, grid: Any) -> Callable[..., LoadedKernel]: ...

    def __init__(self, bundle: format.Bundle, digest: str):
        content = bundle.content
        #: The function and its parameters, as docs/bundle-format.md has it.
        self.record: dict[str, Any] = content["kernels"][digest]
        self._artifacts = bundle.artifacts
        self._variants = [variant for variant in content["variants"] if variant["kernel"] == digest]
        self._by_target: dict[str, Variants | None] = {}
        self._defaults = {name: target["options"] for name, target in content["targets"].items()}
        # What the native launcher looks at, as it does at a JITFunction's.
        self.debug = self.record["debug"] or None
        self.pre_run_hooks: list = []
        self.used_global_vals: dict = {}
        #: What is loaded on each device, by the variant's key.
        self.device_caches: dict[int, dict[str, LoadedKernel]] = {}

    @property
    def name(self) -> str:
        """The qualified name of the function."""
        return self.record["name"]

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that it was compiled for, sorted."""
        return tuple(sorted({variant["target"] for variant in self._variants}))

    @property
    def variants(self) -> tuple[str, ...]:
        """What its variants are for, each as a text such as `cuda:90 x: *fp16:16, n: i32, BLOCK=1024`."""
        return tuple(f"{variant['target']} {self._describe(variant)}" for variant in self._variants)

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        number = len(self._variants)
        return f"kernel {self.name}: {number} variant{'s' * (number != 1)} for {', '.join(self.targets)}"

    def make_target(self) -> Any:
        """What launches this natively, kept in its attributes; None if every launch is to come here."""
        params = native.parameters(self.record)
        self._target = params and native.start().Dispatcher(native.own_run(self), self.device_caches, params)
        return self._target

    def run(self, grid: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[LoadedKernel, tuple]:
        """Launches; returns what was launched, and what the native launcher may remember of it."""
        device, stream = native.surroundings()
        bound = dispatch.bind(self.record, args, kwargs)
        arguments = bound.values
        loaded = self._load(self._find(bound, device), device)
        if callable(grid):
            named = dict(zip([param["name"] for param in self.record["params"]], arguments, strict=True))
            grid = grid(named)
            arguments = tuple(named.values())
        loaded.launch(grid, stream, arguments)
        return loaded, loaded.facts(self.device_caches[device])

    def _find(self, bound: dispatch.Bound, device: int) -> dict[str, Any]:
        """The variant for the arguments *bound*."""
        target = native.target_of(device)
        variants = self._variants_for(target)
        if variants is None:
            raise VariantError(
                f"the bundle has kernel {self.name!r} for {', '.join(self.targets)}, and device {device} is {target}; compile it for "
                f"{target} into the bundle"
            )
        if variants.static:
            raise VariantError(dispatch.needs_triton(self.record, variants.static))
        describe = native.start().describe_foreign_array
        return variants.find(dispatch.specialise(self.record, bound, self._defaults[target], describe))

    def _variants_for(self, target: str) -> Variants | None:
        if target not in self._by_target:
            variants = [variant for variant in self._variants if variant["target"] == target]
            self._by_target[target] = Variants(self.record, target, variants) if variants else None
        return self._by_target[target]

    def _load(self, variant: dict[str, Any], device: int) -> LoadedKernel:
        loaded = self.device_caches.setdefault(device, {})
        if variant["key"] not in loaded:
            cubin = self._artifacts[variant["files"]["cubin"]]
            loaded.setdefault(variant["key"], LoadedKernel(variant, cubin, device))
        return loaded[variant["key"]]

    def _describe(self, variant: dict[str, Any]) -> str:
        if variant["specialisation"] is None:
            return f"({variant['static']})"
        return dispatch.describe(self.record, dispatch.recorded(variant))


# -- Autotuned kernels


class _Config:
    """A configuration: the arguments and options that it adds to a launch."""

    def __init__(self, keywords: dict[str, Any]):
        self.keywords = {name: values.decode(value) for name, value in keywords.items()}

    def facts(self, key: str | None) -> tuple:
        """What the native launcher may remember of this, which was chosen for *key*."""
        dicts = vars(self), self.keywords, native.dict_of(_Config)
        return (self, *dicts, key, tuple(self.keywords), tuple(self.keywords.values()))


class TunedKernel:
    """An autotuned kernel of a bundle: launched as `kernel[grid](...)`, with the configuration that was the best when it was recorded.

    A launch that is given arguments of the configurations by itself is launched with these. Autotuners do not tell devices
    apart: all devices of a process have to be of one target.
    """

    if TYPE_CHECKING:

        def __getitem__(self, grid: Any) -> Callable[..., LoadedKernel]: ...

    def __init__(self, kernel: StaticKernel, tuners: list[dict[str, Any]]):
        #: The kernel without its autotuner.
        self.fn = kernel
        self._tuners = tuners
        #: Tells the native launcher that there is a choice.
        self.configs = (None, None)
        #: The configurations that launches have taken, by what `run` knew them by.
        self.cache: dict[Any, _Config] = {}
        #: That of the last launch.
        self.best_config: _Config | None = None

    @property
    def name(self) -> str:
        """The qualified name of the function."""
        return self.fn.name

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets that it was compiled for, sorted."""
        return self.fn.targets

    @property
    def variants(self) -> tuple[str, ...]:
        """What its variants are for."""
        return self.fn.variants

    def __repr__(self) -> str:
        return f"<autotuned {self.fn}>"

    def make_target(self) -> Any:
        """What launches this natively, kept in its attributes; None if every launch is to come here."""
        if len({(*tuner["arg_names"], None, *tuner["keys"]) for tuner in self._tuners}) > 1:
            return None
        self.arg_names, self.keys = tuple(self._tuners[0]["arg_names"]), tuple(self._tuners[0]["keys"])
        self._target = native.start().Tuner(native.own_run(self))
        return self._target

    def run(self, grid: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[LoadedKernel, tuple]:
        """Launches; returns what was launched, and what the native launcher may remember of the choice."""
        key, keywords = self._choose(args, kwargs)
        config = self.cache.setdefault(key, _Config(keywords))
        self.best_config = config
        loaded = self.fn[grid](*args, **kwargs, **config.keywords)
        return loaded, config.facts(key)

    def _choose(self, args: tuple, kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The configuration for a launch, encoded, and a name for it. Raises `VariantError`."""
        device, _ = native.surroundings()
        target = native.target_of(device)
        tuners = [tuner for tuner in self._tuners if tuner["target"] == target]
        if not tuners or any(_gives_configuration(tuner, args, kwargs) for tuner in tuners):
            return "given", {}
        if any(tuner["pre_hook"] for tuner in tuners):
            raise VariantError(dispatch.needs_triton(self.fn.record, "a configuration of its autotuner has a pre_hook"))
        for tuner in tuners:
            asked = _tuning_key(tuner, args, kwargs)
            winners = {asked.like(key).text: keywords for key, keywords in tuner["winners"]}
            # A tuner with one configuration has it for all keys.
            for text in (asked.text, _TuningKey([], []).text):
                if text in winners:
                    return f"{target} {text}", self._checked(winners[text])
        raise VariantError(self._explain_missing(tuners, target, args, kwargs))

    def _checked(self, keywords: dict[str, Any]) -> dict[str, Any]:
        for name, value in keywords.items():
            if not values.is_exact(value):
                raise VariantError(
                    dispatch.needs_triton(self.fn.record, f"its autotuner has chosen {values.show(value)} for {name!r}")
                )
        return keywords

    def _explain_missing(self, tuners: list[dict[str, Any]], target: str, args: tuple, kwargs: dict[str, Any]) -> str:
        asked = _tuning_key(tuners[0], args, kwargs)
        winners = [winner for tuner in tuners for winner in tuner["winners"]]
        names = sorted({name for _, keywords in winners for name in keywords})
        known = sorted((asked.like(key) for key, _ in winners), key=asked.distance)
        return (
            f"the bundle has no configuration of kernel {self.name!r} for {target} and the tuning key {asked}; pass the "
            f"configuration ({', '.join(names)}), or record a run with these arguments on a device; the bundle has, the nearest "
            f"first:{dispatch.listed(map(str, known))}"
        )


def _gives_configuration(tuner: dict[str, Any], args: tuple, kwargs: dict[str, Any]) -> bool:
    """Whether a launch names by itself what *tuner* would choose."""
    given = {*tuner["arg_names"][: len(args)], *kwargs}
    return any(given & keywords.keys() for _, keywords in tuner["winners"])


class _TuningKey(NamedTuple):
    """What Triton's autotuner knows a launch by, encoded: values of arguments, and the dtypes of all that have one, in order."""

    chosen: list
    dtypes: list

    def like(self, key: list) -> _TuningKey:
        """The recorded *key*, if it has as many values as this one."""
        return _TuningKey(key[: len(self.chosen)], key[len(self.chosen) :])

    @property
    def text(self) -> str:
        """The same for equal keys: `torch.float32` and `float32` are one dtype."""
        return format.canonical([self.chosen, [dtype_name(str(dtype)) or dtype for dtype in self.dtypes]])

    def distance(self, other: _TuningKey) -> int:
        """In how many places *other* differs."""
        pairs = itertools.zip_longest([*self.chosen, *self.dtypes], [*other.chosen, *other.dtypes])
        return sum(one != another for one, another in pairs)

    def __str__(self) -> str:
        return f"({', '.join(map(values.show, [*self.chosen, *self.dtypes]))})"


def _tuning_key(tuner: dict[str, Any], args: tuple, kwargs: dict[str, Any]) -> _TuningKey:
    given = dict(zip(tuner["arg_names"], args, strict=False)) | kwargs
    named = {name: value for name, value in given.items() if name in tuner["arg_names"]}
    return _TuningKey(
        [values.encode(named[name]) for name in tuner["keys"] if name in named],
        [str(value.dtype) for value in named.values() if hasattr(value, "dtype")],
    )
