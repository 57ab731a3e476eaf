# SPDX-License-Identifier: MIT
"""The compiler: TTIR → the same without tensors → LLVM IR → assembly → a shared library. A stage is a function; add yours in `add_stages`."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from triton import knobs
from triton._C.libtriton import amd, ir, llvm
from triton._C.libtriton import passes as upstream
from triton.backends.compiler import BaseBackend, GPUTarget, Language

from . import machine, plugin, runtime, settings
from .errors import OptionError, UnsupportedError

#: How Triton knows this backend, its target and its last stage: the name of the folder and of the entry point.
NAME = __package__.rpartition(".")[2]

#: What has to be written as bytes in a text of LLVM IR.
_UNQUOTED = re.compile(r'[^ -~]|["\\]')


@dataclass(frozen=True)
class Options:
    """What a kernel is compiled with: `kernel[grid](..., num_warps=8)`. Add options of your own here; all are in the cache key.

    Triton reads the fields by these names, from this object or from the kernel's metadata, whether the chip has a use for them
    or not; one that is missing is an error in the middle of somebody's kernel.
    """

    #: Every `triton.Config` sets these three. They have no meaning here: a program is one thread.
    num_warps: int = 4
    num_ctas: int = 1
    num_stages: int = 3
    #: Threads of a warp, from the target.
    warp_size: int = 1
    #: The CPU, from the target, and what LLVM is told of it besides.
    arch: str = ""
    features: str = ""
    #: From `@triton.jit(debug=True)` or TRITON_DEBUG: keeps `tl.device_assert`. With sanitize_overflow, integers are checked too.
    debug: bool = False
    sanitize_overflow: bool = True
    #: Sanitizers by name, from TRITON_INSTRUMENTATION_MODE. Every launch passes both, so without them no kernel is launched.
    instrumentation_mode: str = ""
    fpsan_homomorphic_casts: bool = False
    #: A file that replaces what a stage made; `triton.compile` looks for it in the metadata, and a `triton.Config` may set it.
    ir_override: str | None = None
    #: Whether a product and a sum may become one operation with one rounding, from TRITON_DEFAULT_FP_FUSION.
    enable_fp_fusion: bool = False
    #: Whether functions such as `tl.exp` are glibc's for vectors, which are off by up to 4 units in the last place. By default where they are.
    vector_math: bool = False
    #: What listeners such as `knobs.runtime.jit_cache_hook` are told of every kernel.
    launch_cooperative_grid: bool = False
    extern_libs: tuple[tuple[str, str], ...] = ()
    #: The float8 types that a kernel may have, and those for which `tl.dot` warns and takes float16.
    supported_fp8_dtypes: tuple[str, ...] = ("fp8e4b15", "fp8e4b8", "fp8e4nv", "fp8e5", "fp8e5b16")
    deprecated_fp8_dot_operand_dtypes: tuple[str, ...] = ()
    #: What `tl.dot(input_precision=...)` may ask for, each of which is computed as ieee, and what it is if it does not ask.
    allowed_dot_input_precisions: tuple[str, ...] = ("ieee", "tf32", "tf32x3", "bf16x3", "bf16x6")
    default_dot_input_precision: str = "ieee"
    #: How many float8 products may be inexact.
    max_num_imprecise_acc_default: int = 0
    #: Checks while a kernel runs, from HOST_SANITIZE and HOST_RACES.
    sanitize: str = ""
    races: bool = False

    def __post_init__(self) -> None:
        if self.num_warps < 1 or self.num_warps & (self.num_warps - 1):
            raise OptionError(f"num_warps={self.num_warps!r}: expected a power of two")
        if self.num_ctas != 1:
            raise OptionError(f"num_ctas={self.num_ctas!r}: expected 1; {NAME} has no clusters")
        if self.instrumentation_mode:
            raise OptionError(f"instrumentation_mode={self.instrumentation_mode!r}: expected none; {NAME} has no sanitizers")

        if self.sanitize not in ("", "address"):
            raise OptionError(f"sanitize={self.sanitize!r}: expected 'address' or ''")

    def hash(self) -> str:
        """Called by `triton.compile` for the key of the cache."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


@functools.cache
def package_digest() -> str:
    """A digest of the files of this package by name and content, both libraries among them."""
    whole, package = hashlib.sha256(), Path(__file__).parent
    for path in sorted(path for path in package.rglob("*") if path.suffix in (".py", ".so")):
        whole.update(f"{path.relative_to(package)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


class Backend(BaseBackend):
    """Compiles for targets `host`. Triton makes one wherever it needs one, from the target alone."""

    #: Read at each launch. True: Triton finds out in C++ whether a tensor is aligned. False: it asks `get_tensor_specialization`.
    supports_native_tensor_specialization = True

    @staticmethod
    def supports_target(target: GPUTarget) -> bool:
        """Called by `make_backend` on the class of every installed backend: exactly one may say yes to a target."""
        return target.backend == NAME

    def __init__(self, target: GPUTarget) -> None:
        """Called by `make_backend`, for a kernel's first launch on a device, for each compilation and for each kernel that was compiled or found."""
        super().__init__(target)
        #: The stage whose result is launched; `CompiledKernel` takes it from `asm` as bytes.
        self.binary_ext = "so"

    def hash(self) -> str:
        """Called by `triton.compile` and by autotuners for the key of the cache: names everything here that decides on the result."""
        return f"{NAME}-{self.target.arch}-{package_digest()}"

    def parse_options(self, opts: dict[str, Any]) -> Options:
        """Called by a launch that finds no kernel in this process, with keyword arguments, and by `triton.compile`, with what came of them."""
        given = {field.name: opts[field.name] for field in fields(Options) if opts.get(field.name) is not None}
        chosen = {"arch": self.target.arch, "warp_size": self.target.warp_size, **given}
        chosen["features"] = machine.features(chosen["arch"])
        chosen["enable_fp_fusion"] = knobs.language.fp_fusion_enabled(chosen.get("enable_fp_fusion"))
        chosen.setdefault("vector_math", runtime.has_vector_math())
        chosen.setdefault("sanitize", settings.sanitize())
        chosen.setdefault("races", settings.races())
        return Options(**chosen)

    @staticmethod
    def get_int_specialization(arg: int, **kwargs: Any) -> str:
        """Called by nobody in Triton 3.9, whose C++ gives integers that 16 divides a D: what a kernel is compiled for, as letters."""
        return BaseBackend.get_int_specialization(arg, **kwargs)

    @staticmethod
    def get_tensor_specialization(arg: Any, **kwargs: Any) -> str:
        """Called by each launch for each tensor, but only if `supports_native_tensor_specialization` is False."""
        return BaseBackend.get_tensor_specialization(arg, **kwargs)

    @staticmethod
    def parse_attr(desc: str) -> list:
        """Called before a compilation for each argument: the attributes in TTIR that those letters stand for."""
        return BaseBackend.parse_attr(desc)

    def load_dialects(self, context: Any) -> None:
        """Called by `triton.compile` for each new context, after Triton's own dialects: there are none of ours."""

    def get_codegen_implementation(self, options: Options) -> dict[str, Callable]:
        """Called by `triton.compile` before the front end: `tl.dot` asks for min_dot_size, casts to fp8e4b15 for convert_custom_types."""
        from .float8 import convert_custom_types

        return {"min_dot_size": lambda lhs, rhs: (1, 1, 1), "convert_custom_types": convert_custom_types}  # m, n, k

    def get_module_map(self) -> dict[str, ModuleType]:
        """Called by `triton.compile` before the front end: which module stands for `triton.language.extra.libdevice`."""
        from . import libdevice

        return {"triton.language.extra.libdevice": libdevice}

    def add_stages(self, stages: dict, options: Options, language: Language) -> None:
        """Called by `triton.compile` for a kernel that is not in the cache; it runs the stages in order and stores each result."""
        if language != Language.TRITON:
            raise UnsupportedError(f"{NAME} compiles Triton, not {language.name.capitalize()}")
        stages["ttir"] = lambda src, metadata: self.make_ttir(src, metadata, options)
        stages["tthir"] = lambda src, metadata: self.make_tthir(src, metadata, options)
        stages["llir"] = lambda src, metadata: self.make_llir(src, metadata, options)
        stages["asm"] = lambda src, metadata: self.make_asm(src, metadata, options)
        stages["so"] = lambda src, metadata: self.make_so(src, metadata, options)
        if knobs.runtime.add_stages_inspection_hook is not None:
            knobs.runtime.add_stages_inspection_hook(self, stages, options, language, None)

    def pack_metadata(self, metadata: Any) -> tuple:
        """Called by `CompiledKernel`, fresh or from the cache: what of the metadata each launch hands to the launcher."""
        return metadata.num_warps, metadata.shared

    @staticmethod
    def make_ttir(module: Any, metadata: dict, options: Options) -> Any:
        """The stage `ttir`: the kernel as the front end wrote it, simplified, and with pointers for descriptors."""
        pm = ir.pass_manager(module.context)
        pm.enable_debug()
        upstream.common.add_inliner(pm)
        upstream.ttir.add_rewrite_tensor_descriptor_to_pointer(pm)
        upstream.common.add_canonicalizer(pm)
        upstream.ttir.add_combine(pm)
        upstream.ttir.add_reorder_broadcast(pm)
        upstream.common.add_cse(pm)
        upstream.ttir.add_triton_licm(pm)
        upstream.common.add_symbol_dce(pm)
        upstream.ttir.add_loop_unroll(pm)
        plugin.run(pm, module, "make_ttir")
        return module

    @staticmethod
    def make_tthir(module: Any, metadata: dict, options: Options) -> Any:
        """The stage `tthir`: functions of LLVM's dialect, with loops over numbers where there were tensors.

        It leaves in *metadata* what a launch has to know: the name, and how much stack a program takes, in bytes.
        """
        metadata["name"] = module.get_entry_func_name()
        pm = ir.pass_manager(module.context)
        pm.enable_debug()
        told = {
            "vector-bits": machine.vector_bits(options.arch, options.features),
            "vector-math": options.vector_math,
            "check-bounds": options.sanitize == "address",
            "check-races": options.races,
        }
        lower = f"host-lower-tensors{{{' '.join(f'{key}={value}' for key, value in told.items()).lower()}}}"
        plugin.add(pm, f"host-scalarize-inductions,{lower}")
        plugin.run(pm, module, "make_tthir")
        # `CompiledKernel` reads shared, `triton.tools.compile` the last two.
        metadata.update(scratch=module.get_int_attr("host.scratch"), shared=0, global_scratch_size=0, profile_scratch_size=0)
        return module

    @staticmethod
    def make_llir(module: Any, metadata: dict, options: Options) -> str:
        """The stage `llir`: LLVM IR, optimised for the CPU."""
        pm = ir.pass_manager(module.context)
        pm.enable_debug()
        upstream.convert.add_scf_to_cf(pm)
        upstream.convert.add_cf_to_llvmir(pm)
        upstream.convert.add_arith_to_llvmir(pm)
        upstream.common.add_canonicalizer(pm)
        upstream.common.add_cse(pm)
        upstream.common.add_symbol_dce(pm)
        upstream.convert.add_reconcile_unrealized_casts(pm)
        if not knobs.compilation.disable_line_info:
            upstream.llvmir.add_di_scope(pm)
        plugin.run(pm, module, "make_llir")
        triple = machine.triple()
        translated = llvm.to_module(module, llvm.context())
        amd.set_target_triple(translated, triple)  # any triple
        llvm.attach_datalayout(translated, triple, options.arch, options.features)
        llvm.optimize_module(translated, llvm.OPTIMIZE_O3, options.arch, options.features, [], options.enable_fp_fusion)
        return str(translated)

    @staticmethod
    def make_asm(llir: str, metadata: dict, options: Options) -> str:
        """The stage `asm`: the CPU's instructions, as text."""
        return generate(llir, options, is_object=False)

    @staticmethod
    def make_so(asm: str, metadata: dict, options: Options) -> bytes:
        """The last stage, `so`: a shared library. LLVM assembles it and LLD links it, both from inside Triton."""
        # LLVM takes assembly as a part of a module.
        quoted = _UNQUOTED.sub(lambda found: "".join(f"\\{byte:02X}" for byte in found[0].encode()), asm)
        module = f'target triple = "{machine.triple()}"\nmodule asm "{quoted}"\n'
        assembled = generate(module, options, is_object=True)
        with tempfile.TemporaryDirectory(prefix="triton-host-") as folder:
            source, linked = os.path.join(folder, "kernel.o"), os.path.join(folder, "kernel.so")
            Path(source).write_bytes(assembled)
            amd.link_hsaco(source, linked)  # any ELF
            return Path(linked).read_bytes()


def generate(llir: str, options: Options, *, is_object: bool) -> Any:
    """What LLVM's code generator makes of *llir*: assembly, or an object file as bytes."""
    fusion = options.enable_fp_fusion
    return llvm.translate_to_asm(llir, machine.triple(), options.arch, options.features, [], fusion, is_object, False)
