# SPDX-License-Identifier: MIT
"""What the cache adds to the core: the key, the manager of entries, and the identity of the compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import triton

from .. import replacing
from ..settings import PREFIX, is_default_backend
from ..wings import Fact, Hook, State, Wing
from . import started  # noqa: F401 - looks when Triton is imported


def _install_key() -> Callable[[], None] | None:
    from triton.runtime import cache

    from ..compiler import Backend
    from . import key

    def make(original: Any) -> Any:
        def get_cache_key(src: Any, backend: Any, backend_options: Any, env_vars: Any) -> str:
            ours = key.get_cache_key if isinstance(backend, Backend) else original
            return ours(src, backend, backend_options, env_vars)

        return get_cache_key

    return replacing.replace_everywhere(cache, "get_cache_key", "src backend backend_options env_vars", make)


def _install_manager() -> Callable[[], None] | None:
    from triton.runtime import cache

    from . import key as ours
    from . import store

    def make(original: Any) -> Any:
        return lambda key: ours.get_cache_manager(key) or store.other_manager(original, key)

    return replacing.replace_everywhere(cache, "get_cache_manager", "key", make)


def _install_identity() -> Callable[[], None] | None:
    from triton.runtime import cache

    from . import key

    return replacing.replace_everywhere(cache, "triton_key", "", lambda original: key.triton_key)


def _install_default_identity() -> Callable[[], None] | None:
    from triton.runtime import cache

    def make(original: Any) -> Any:
        def triton_key() -> str:
            if triton.runtime.driver.__dict__.get("_active") is not None or not is_default_backend():
                return original()
            from . import key

            return key.triton_key()

        return triton_key

    return replacing.replace_everywhere(cache, "triton_key", "", make)


def _install_redis() -> Callable[[], None] | None:
    """Gives Triton's Redis backend its settings, which it looks for where Triton 3.9 does not have them."""
    cache_knobs = triton.knobs.cache
    if not hasattr(triton.knobs, "redis"):
        return None
    if hasattr(cache_knobs, "redis"):
        return lambda: None
    cache_knobs.redis = triton.knobs.redis
    return lambda: vars(cache_knobs).pop("redis", None)


def _install_generator() -> Callable[[], None] | None:
    from triton.compiler import code_generator

    from .recording import RecordingGenerator

    parameters = (
        "context prototype gscope function_name jit_fn options codegen_fns module_map is_gluon module is_kernel function_types "
        "noinline caller_context file_name begin_line begin_col"
    )
    return replacing.replace_everywhere(code_generator, "CodeGenerator", parameters, lambda original: RecordingGenerator)


#: What Python 3.11 and 3.12 may raise where the collector lets another thread parse in the middle of parsing: they count how deep
#: they are in one number for all threads.
_MISCOUNTED = "AST constructor recursion depth mismatch"


def _install_parse() -> Callable[[], None] | None:
    from triton.runtime.jit import JITCallable

    def make(original: Any) -> Any:
        def parse(self: Any) -> Any:
            # Not under a lock: the collector runs anything, also what waits for a thread that waits to parse.
            while True:
                try:
                    return original(self)
                except SystemError as error:
                    if _MISCOUNTED not in str(error):
                        raise

        return parse

    return replacing.replace_method(JITCallable, "parse", "self", make)


_HOOKS = {
    "default identity": Hook(
        "triton.runtime.cache.triton_key",
        "the identity of the compiler while there is no driver and TRITON_DEFAULT_BACKEND names us",
        "PyTorch's Inductor asks before Triton needs a driver, once in a process",
        State.DEFAULT,
        _install_default_identity,
    ),
    "identity": Hook(
        "triton.runtime.cache.triton_key",
        "the identity of the compiler",
        "it hashes 500 MB in every process, and has another result for each build of the same sources",
        State.ACTIVE,
        _install_identity,
    ),
    "key": Hook(
        "triton.runtime.cache.get_cache_key",
        "the sound and stable key",
        "Triton's misses changes and changes without reason",
        State.ACTIVE | State.DRIVERLESS,
        _install_key,
    ),
    "manager": Hook(
        "triton.runtime.cache.get_cache_manager",
        "a cache manager whose entries can be moved and are checked",
        "Triton's entries hold absolute paths, and whatever is in them is taken",
        State.ACTIVE | State.DRIVERLESS,
        _install_manager,
    ),
    "redis": Hook(
        "triton.knobs.cache.redis",
        "triton.knobs.redis",
        "Triton 3.9 looks there for the settings of its Redis backend, and fails",
        State.ACTIVE | State.DRIVERLESS,
        _install_redis,
    ),
    "parse": Hook(
        "triton.runtime.jit.JITCallable.parse",
        "the same, again where Python miscounted",
        "threads that compile at the same time meet a fault of Python 3.11",
        State.ACTIVE,
        _install_parse,
    ),
    "generator": Hook(
        "triton.compiler.code_generator.CodeGenerator",
        "a subclass that notes what it looks up",
        "only the front end knows what a kernel depends on",
        State.COMPILING,
        _install_generator,
    ),
}

_VARIABLES = {
    PREFIX + "CACHE": "require: a kernel that is not in the cache is an error, and nothing is compiled",
    PREFIX
    + "CACHE_KEY": "a text that stands for the identity of the compiler in cache keys; change it when you change the compiler",
    PREFIX + "CACHE_LIMIT": "the most bytes that the cache may hold, such as 10G; least recently used kernels are removed",
}


class Cache(Wing):
    """Kernels are found by a key that is stable and never stale, in a cache whose entries are checked."""

    def identity(self, target: Any) -> str:
        from . import inputs

        return inputs.part({**inputs.compiler().components, **inputs.tools(target)}).digest

    def metadata(self) -> Mapping[str, Any]:
        from . import key

        return {"compiler_identity": key.compiler_identity()}

    def report(self) -> Mapping[str, Mapping[str, Fact]]:
        from . import report

        return report.sections()

    def commands(self) -> Mapping[str, Iterable[Any]]:
        from . import cli

        return {"Look": (cli.key,)}


WING = Cache(hooks=_HOOKS, variables=_VARIABLES)
