# SPDX-License-Identifier: MIT
"""Bundles made by hand, in no time: nothing is compiled, and a cubin is one for the stub unless a test gives a real one.

make_bundle()                                              # one kernel for cuda:90
make_bundle(["scale", "add"], ["cuda:80", "cuda:90"])      # four variants
make_variant("add", block=64, options={"num_warps": 8})    # a bundle with this one variant
"""

import hashlib
import itertools

from bundle_archive import LAUNCHING
from stub_cuda import fake_cubin
from triton.backends.graft.runtime import format
from triton.backends.graft.runtime.format import Bundle

MODULE = "program"

#: The options that targets have here, with their defaults.
DEFAULTS = {"num_warps": 4, "num_stages": 3}


def make_bundle(kernels=("scale",), targets=("cuda:90",), blocks=(1024,), **facts):
    """A bundle with each of *kernels* for each of *targets* and *blocks*; *facts* are those of `make_variant`."""
    places = itertools.product(kernels, targets, blocks)
    return format.merge(make_variant(kernel, target, block, **facts) for kernel, target, block in places)


def make_variant(
    kernel="scale",
    target="cuda:90",
    block=1024,
    *,
    cubin=None,
    options=None,
    compiler="release:3.9.0",
    code=None,
    ttir="",
    defaults=None,
    shared=0,
    static="",
    from_ir=False,
    file_name=None,
):
    """A bundle with one variant of `kernel(x, n, BLOCK)`, x a pointer and n a number, both divisible by 16.

    *compiler* and *ttir* are texts that the key has, and *code* more components of it; *static* is why the variant cannot
    be launched without Triton, and *file_name* what its files are called if that cannot be the kernel's name.
    """
    producer = {
        "graft": "0.1.0",
        "triton": "3.9.0",
        "compiler": {"compiler.triton": compiler},
        "tools": {target: {"tool.ptxas": digest(f"ptxas for {target}")}},
    }
    code = {"target": target, **(code or {})}
    own = {"source.kind": "ttir", "source.text": digest(f"{kernel} {block} {ttir}")}
    function = make_function(kernel, [] if from_ir else ["x", "n", "BLOCK"], "" if from_ir else MODULE)
    backend, _, arch = target.partition(":")
    cubin = fake_cubin(kernel, [8, 4, 8, 8], registers=int(arch), shared=block) if cubin is None else cubin
    key = format.digest([producer["compiler"], code, own, options])
    variant = {
        "kernel": format.digest(function),
        "producer": format.digest(producer),
        "code": format.digest(code),
        "target": target,
        "key": key,
        "name": file_name or kernel,
        "own": own,
        "files": {"cubin": digest(cubin)},
        "metadata": {
            "name": kernel,
            "target": {"backend": backend, "arch": int(arch), "warp_size": 32},
            "shared": shared,
            "hash": key,
            **LAUNCHING,
        },
        "specialisation": None if from_ir else make_specialisation(block, options or {}),
        "static": static,
    }
    content = {
        "producers": {variant["producer"]: producer},
        "code": {variant["code"]: code},
        "targets": {target: {"options": DEFAULTS | (defaults or {})}},
        "kernels": {variant["kernel"]: function},
        "variants": [variant],
        "tuners": [],
        "manifests": {},
    }
    return Bundle(content, {digest(cubin): cubin})


def make_function(name, params, module=MODULE):
    """A kernel's function; parameters in upper case are constexpr."""
    return {
        "module": module,
        "name": name,
        "debug": False,
        "params": [
            {
                "name": param,
                "kind": "positional",
                "constexpr": param.isupper(),
                "const": False,
                "annotation": "",
                "specialize": True,
                "align": True,
                "default": [],
            }
            for param in params
        ],
    }


def make_specialisation(block, options):
    """That of `kernel(x, n, BLOCK)`."""
    return {
        "signature": ["*fp16", "i32", "constexpr"],
        "constants": [[[2], block]],
        "attributes": [[[index], [["tt.divisibility", 16]]] for index in (0, 1)],
        "options": options,
    }


def make_tuner(kernel="scale", target="cuda:90", winners=((64, 128),)):
    """An autotuner of *kernel*, to be put into a bundle's content; *winners* are pairs of n and BLOCK."""
    return {
        "module": MODULE,
        "name": kernel,
        "target": target,
        "arg_names": ["x", "n", "BLOCK"],
        "keys": ["n"],
        "pre_hook": False,
        "winners": [[[n], {"BLOCK": block}] for n, block in winners],
    }


def with_tuners(bundle, *tuners):
    """*bundle* with *tuners*, in order."""
    return format.merge([Bundle({**bundle.content, "tuners": list(tuners)}, bundle.artifacts)])


def digest(content):
    """SHA-256 in 64 hexadecimal digits."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
