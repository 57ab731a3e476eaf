# SPDX-License-Identifier: MIT
"""A kernel compiled anew for the tools: stage by stage and past the cache, with the remarks of our passes.

Nothing is read from the cache, which has no remarks, and nothing is written to it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import triton
from triton import knobs
from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia import compiler as nvidia
from triton.runtime.jit import JITFunction

from .. import plugin
from ..compiler import Backend, Options
from ..driver import Driver
from ..errors import GraftError, OptionError, did_you_mean
from ..runtime.errors import BundleError
from ..settings import parse_target
from . import launch_arguments, remarks

#: The pass that says how memory is accessed.
REMARKS = "graft-remarks"


class Launch(NamedTuple):
    """What is to be compiled."""

    address: str
    function: JITFunction
    texts: dict[str, str]
    options: dict[str, Any]
    target: GPUTarget

    @classmethod
    def of(cls, address: str, arguments: str, target: str, options: Mapping[str, Any]) -> Launch:
        """The launch that `explain` is asked for, with its errors. Makes the driver the active one."""
        parsed = parse_target("--target", target)
        if not plugin.available():
            raise GraftError("there are no remarks without the pass library, and it cannot be used")
        triton.runtime.driver.set_active(Driver(target=parsed))
        function = find_kernel(address)
        return cls(address, function, launch_arguments.parse(arguments, function), _checked(options), parsed)


class Compiled(NamedTuple):
    """What came of it."""

    source: Any
    options: Options
    remarks: list[remarks.Remark]
    metadata: dict[str, Any]
    ptxas_log: str
    #: What each stage made, by its name: a text, or the cubin.
    results: dict[str, str | bytes]


def compile_launch(launch: Launch, last: str = "cubin") -> Compiled:
    """Compiles *launch* anew, up to the stage *last*. Raises `OptionError` for its options, and `GraftError` if that fails."""
    backend = Backend(launch.target)
    source, options = specialize(launch, backend)
    try:
        return _run_stages(source, options, backend, last)
    except Exception as error:
        raise GraftError(f"{launch.address} does not compile for cuda:{launch.target.arch}: {error}") from error


def specialize(launch: Launch, backend: Backend) -> tuple[Any, Options]:
    """What `kernel[grid](...)` would compile, as Triton specialises the arguments."""
    function = launch.function
    values = launch_arguments.values(launch.texts, function)
    keywords = {**values, **launch.options, "debug": launch.options.get("debug", function.debug), "instrumentation_mode": ""}
    *_, bind = function.device_caches[0]
    try:
        bound, specialization, rest = bind(**keywords)
        options, signature, constants, attributes = function._pack_args(backend, keywords, bound, specialization, rest)
    except OptionError:
        raise
    except (AssertionError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise GraftError(f"{launch.address} cannot be launched like this: {error}") from None
    return function.ASTSource(function, signature, constants, attributes), options


def new_context(backend: Backend) -> Any:
    """A context with the dialects of *backend*."""
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    return context


def make_module(source: Any, options: Options, backend: Backend) -> Any:
    """The module that Triton's front end makes of *source*, in a context of its own."""
    module_map, functions = backend.get_module_map(), backend.get_codegen_implementation(options)
    return source.make_ir(backend.target, options, functions, module_map, new_context(backend))


def _run_stages(source: Any, options: Options, backend: Backend, last: str) -> Compiled:
    """Runs the stages as `triton.compile` does, with the pass that makes the remarks behind `ttgir`."""
    module = make_module(source, options, backend)
    metadata = {"target": backend.target, **vars(options)}
    found: list[remarks.Remark] = []
    log = io.StringIO()
    results: dict[str, str | bytes] = {}
    stages: dict[str, Any] = {}
    backend.add_stages(stages, options, source.language)
    for name, run in stages.items():
        with remarks.captured() as said, _printed_ptxas_log(log if name == "cubin" else io.StringIO()):
            if name == "cubin":  # anew: for the verdict ptxas may have said it already, and of what was not kept, too
                module = backend.make_cubin(module, metadata, options, backend.target.arch)
            else:
                module = run(module, metadata)
            if name == "ttgir":
                _add_remarks(module, options, backend)
        found += said
        results[name] = module if isinstance(module, bytes) else str(module)  # the next stage changes a module
        if name == last:
            break
    return Compiled(source, options, found, metadata, log.getvalue(), results)


def _add_remarks(module: Any, options: Options, backend: Backend) -> None:
    pm = ir.pass_manager(module.context)
    pm.enable_debug()
    plugin.add(pm, REMARKS, ptx_version=nvidia.get_ptx_version_from_options(options, backend.target.arch))
    pm.run(module, "graft_remarks")


@contextlib.contextmanager
def _printed_ptxas_log(log: io.StringIO) -> Iterator[None]:
    """Has Triton print what ptxas says, into *log*."""
    with knobs.nvidia.scope(), contextlib.redirect_stdout(log):
        knobs.nvidia.dump_ptxas_log = True
        yield


# -- What a launch is made of


def find_kernel(address: str) -> JITFunction:
    """The kernel at *address*. Raises `GraftError`, which names the kernels that there are."""
    from ..bundle import importing

    try:
        return importing.find_kernel(address)
    except BundleError as error:
        message = str(error)
    names: list[str] = []
    with contextlib.suppress(BundleError):
        names = importing.kernels(address)
    raise GraftError(f"{message}; its kernels are {', '.join(names)}" if names else message)


def _checked(options: Mapping[str, Any]) -> dict[str, Any]:
    known = [option.name for option in fields(Options)]
    for name, value in options.items():
        if name not in known:
            hint = did_you_mean(name, known) or f": {', '.join(known)}"
            raise OptionError(name, value, f"an option of Triton's or ours{hint}")
    return dict(options)
