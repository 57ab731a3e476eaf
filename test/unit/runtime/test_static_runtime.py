# SPDX-License-Identifier: MIT
"""The static runtime: bundles launched in processes without Triton, on the stub CUDA driver; and what decides on the variant."""

import copy
import hashlib
import inspect
import itertools
import json
import pickle
import random
from types import SimpleNamespace

import pytest
import stub_cuda
import triton.language as tl
from bundle_archive import LAUNCHING
from launch_values import MyInt, Pair, Pointer, Size, descriptor
from support import output_of, target
from triton._utils import type_canonicalisation_dict
from triton.backends.graft.bundle import variants
from triton.backends.graft.compiler import Backend
from triton.backends.graft.runtime import descriptors, dispatch, dtypes, format, values
from triton.runtime.jit import JITFunction, KernelParam, create_function_from_signature

pytestmark = pytest.mark.xdist_group("static runtime")

# -- Values


def test_a_value_is_the_same_after_it_was_a_text():
    for value in (
        None,
        True,
        0,
        -5,
        1 << 70,
        "x",
        1.5,
        -0.0,
        float("inf"),
        (1, (2.0, "y")),
        [True, [None]],
        values.dtype("bf16"),
    ):
        again = values.decode(json.loads(json.dumps(values.encode(value))))
        assert (repr(again), type(again)) == (repr(value), type(value))
    assert repr(values.decode(values.encode(tl.constexpr(4)))) == "constexpr(4)"
    assert values.decode(values.encode(tl.float16)) is values.dtype("fp16")


def test_a_dtype_is_one_object_for_its_name():
    dtype = values.dtype("fp16")
    assert values.dtype("fp16") is dtype is copy.deepcopy(dtype) is pickle.loads(pickle.dumps(dtype))
    assert values.dtype("bf16") is not dtype


def test_values_are_shown_to_people():
    shown = [
        values.show(values.encode(value)) for value in (1024, "a", 2.5, (1, values.dtype("i8")), tl.constexpr(3), (object(),))
    ]
    assert shown == ["1024", "'a'", "2.5", "(1, dtype('i8'))", "constexpr(3)", "tuple(a builtins.object)"]


# -- The specialisation is Triton's own

TARGET = target(90)
DEFAULTS = variants.default_options(TARGET)


def no_foreign_arrays(value):
    return None


#: How a host makes a descriptor.
MADE = {"swizzle": 0, "elem_size": 2, "elem_type": 6, "block_size": [8, 16], "fp4_padded": False, "is_im2col": False}


def test_dtypes_have_the_names_that_triton_gives_them():
    assert dict(type_canonicalisation_dict) == dtypes.NAMES


class Parameters:
    """Random parameters, and launches of a kernel that has them."""

    ANNOTATIONS = (
        inspect.Parameter.empty, inspect.Parameter.empty, tl.constexpr, "tl.constexpr", "fp32", tl.float16, "bf16", tl.int32, "i64",
        "u64", "i1", "bool", "*fp32", "*kfp16", "const *i8", tl.const, tl.pointer_type(tl.int8), "something",
    )  # fmt: skip
    VALUES = (
        0, 1, 2, 16, -16, 2**31 - 1, 2**31, -(2**31) - 1, 2**63 - 1, 2**63, 2**64 - 16, True, False, 1.0, 0.0, -0.0, float("nan"),
        None, Pointer(64, "fp16"), Pointer(65, tl.bfloat16), Pointer(0, "torch.float8_e4m3fn"), (), (1, 2.0, (None, Pointer(32, "i1"))),
        descriptor(0x1000, [16, 64], [8, 32]), (descriptor(0x1000, [64], [16]), 1), Pair(1, 16), MyInt(1), MyInt(48), Size.FOUR, Size.ONE, tl.constexpr(5), (tl.constexpr("D"), True),
    )  # fmt: skip
    BAD = (2**64, -(2**63) - 1, "abc", [1, 2], b"x", 1j, Pointer(16, "complex64"), tl.float16)

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.params = [
            KernelParam(number, param, self.random.random() < 0.2, self.random.random() < 0.2)
            for number, param in enumerate(self._signature().parameters.values())
        ]
        self.debug = self.random.choice([None, False, True])
        function = SimpleNamespace(fn=Parameters, debug=self.debug, params=self.params)
        self.record = variants.kernel(function)

    def _signature(self):
        kinds = sorted(self.random.choices(range(3), weights=(8, 1, 2), k=self.random.randrange(1, 8)))
        names = iter("abcdefghij")
        params, seen = [], False
        for kind in kinds:
            seen = seen or kind == 1
            if kind == 1 and params and params[-1].kind == inspect.Parameter.VAR_POSITIONAL:
                continue
            params.append(self._param(next(names), (1, 2, 3)[kind]))
        return inspect.Signature(self._valid(params))

    def _param(self, name, kind):
        default = inspect.Parameter.empty if kind == inspect.Parameter.VAR_POSITIONAL else self._default()
        return inspect.Parameter(
            name, inspect._ParameterKind(kind), default=default, annotation=self.random.choice(self.ANNOTATIONS)
        )

    def _default(self):
        exact = [value for value in self.VALUES if values.is_exact(values.encode(value))]
        return self.random.choice(exact) if self.random.random() < 0.3 else inspect.Parameter.empty

    @staticmethod
    def _valid(params):
        """*params*, where what follows a default has one, too."""
        defaulted = False
        for param in params:
            positional = param.kind == inspect.Parameter.POSITIONAL_OR_KEYWORD
            if positional and defaulted and param.default is inspect.Parameter.empty:
                yield param.replace(default=7)
            else:
                defaulted = defaulted or (positional and param.default is not inspect.Parameter.empty)
                yield param

    def launch(self):
        """Arguments by position and by name."""
        given = {param.name: self._value() for param in self.params if self.random.random() < 0.9}
        cut = self.random.randrange(len(self.params) + 1)
        first = list(itertools.takewhile(given.__contains__, [param.name for param in self.params]))[:cut]
        args = [given.pop(name) for name in first]
        while self.random.random() < 0.1:
            args.append(self._value())
        for name, value in (("num_warps", 8), ("num_stages", 3), ("debug", True), ("maxnreg", None), ("no_option", 1)):
            if self.random.random() < 0.1:
                given[name] = value
        return tuple(args), given

    def _value(self):
        return self.random.choice(self.BAD if self.random.random() < 0.02 else self.VALUES)

    def of_triton(self, args, kwargs):
        """What Triton's own binder and `_pack_args` make of a launch, as a bundle has it."""
        signature = inspect.Signature([param._param for param in self.params])
        backend = Backend(TARGET)
        kwargs = kwargs | {"debug": kwargs.get("debug", self.debug) or False, "instrumentation_mode": ""}
        bound, specialization, _ = create_function_from_signature(signature, self.params, backend)(*args, **kwargs)
        kernel = SimpleNamespace(params=self.params)
        options, types, constants, attributes = JITFunction._pack_args(kernel, backend, kwargs, bound, specialization, None)
        function = SimpleNamespace(arg_names=[param.name for param in self.params])
        source = SimpleNamespace(fn=function, signature=types, constants=constants, attrs=attributes)
        return variants.specialisation(source, options, TARGET)

    def ours(self, args, kwargs):
        bound = dispatch.bind(self.record, args, kwargs)
        return dispatch.specialise(self.record, bound, DEFAULTS, no_foreign_arrays)._asdict()


def outcome(work, *arguments):
    """What *work* returns, or the class of what it raises."""
    try:
        return work(*arguments)
    except Exception as error:
        return type(error)


def test_random_launches_are_specialised_as_triton_does():
    raised = set()
    for seed in range(3000):
        kernel = Parameters(seed)
        args, kwargs = kernel.launch()
        expected, seen = outcome(kernel.of_triton, args, kwargs), outcome(kernel.ours, args, kwargs)
        if expected is KeyError and seen is TypeError:  # the text of an unknown dtype
            seen = KeyError
        assert seen == expected, f"seed {seed}: {kernel.record['params']} given {args}, {kwargs}"
        raised.add(expected if isinstance(expected, type) else "a specialisation")
    assert raised == {"a specialisation", TypeError, OverflowError, KeyError}


def test_arrays_that_only_dlpack_can_read_are_pointers():
    kernel = {"name": "k", "debug": False, "params": [parameter("x"), parameter("y")]}
    arrays = {"aligned": (64, "fp16"), "odd": (66, "bf16")}
    special = dispatch.specialise(kernel, dispatch.bind(kernel, ("aligned", ("odd",)), {}), DEFAULTS, arrays.get)
    assert dispatch.describe(kernel, special) == "x: *fp16:16, y: (*bf16)"


# -- Programs without Triton


@pytest.fixture(scope="module")
def stub_path():
    """The path of the stub CUDA driver."""
    return str(stub_cuda.load().path)


@pytest.fixture(scope="module")
def program(stub_path, tmp_path_factory):
    """A bundle that static_programs.py has recorded with Triton, and the launches that it was recorded from."""
    folder = tmp_path_factory.mktemp("program")
    code = f"import static_programs; static_programs.main({str(folder / 'kernels.graft')!r})"
    return folder / "kernels.graft", json.loads(output_of(code, folder, STUB_CUDA=stub_path))


@pytest.fixture
def run(stub_path, tmp_path):
    """Runs code without Triton; returns what it prints of the expression *shown*, as JSON."""

    def run(code, shown, path="kernels.graft"):
        begin = f"import json, sys\nfrom static_child import *\nfrom triton_graft_runtime import *\npath = {str(path)!r}\n"
        return json.loads(output_of(f"{begin}{code}\nprint(json.dumps({shown}))", tmp_path, STUB_CUDA=stub_path))

    return run


#: The kernels of static_programs.py.
OPEN = """
from static_programs import launch_all
from triton_graft_runtime import _launcher
bundle = Bundle(path)
kernels = {name: bundle[name] for name in ("scale", "typed", "nested", "tuned", "alone", "tiled", "nested_tiles")}
scale = kernels["scale"]
"""


def test_a_program_launches_without_triton_what_it_launches_with_it(program, run):
    path, launches = program
    seen, counts, modules = run(
        f"{OPEN}launch_all(kernels, Pointer, TensorDescriptor)", "[launches(), _launcher.stats(), len(read('modules'))]", path
    )
    assert seen == launches
    assert counts == {
        "first launch of a variant": 20,
        "launched": 32,
        "tuning key not seen before": 5,
        "tuned (a configuration chosen before)": 5,
    }
    assert modules == 19


def test_a_launch_without_triton_imports_little(program, tmp_path):
    """There is no driver here, so it fails when everything is imported."""
    code = f"""
import sys
before = set(sys.modules)
import triton_graft_runtime
print(*set(sys.modules) - before)
bundle = triton_graft_runtime.Bundle({str(program[0])!r})
try:
    bundle["scale"][(1,)](0x1000, 0x2000, 7, 2.0)
except triton_graft_runtime.LaunchError:
    print(*set(sys.modules) - before)
"""
    package, all_of_it = output_of(code, tmp_path).splitlines()
    assert package == "triton_graft_runtime"
    slow = {"asyncio", "ctypes", "cryptography", "dataclasses", "email", "fsspec", "inspect", "numpy", "torch", "triton"}
    assert "triton_graft_runtime._launcher" in all_of_it.split()
    assert {name.partition(".")[0] for name in all_of_it.split()} & slow == set()


def test_the_package_in_the_backend_loads_no_launcher_of_its_own(tmp_path):
    code = "import sys, triton.backends.graft.runtime.format, triton.backends.graft.bundle; print('_launcher' in str([*sys.modules]))"
    assert output_of(code, tmp_path) == "False\n"


def test_torchs_tensors_are_launched_natively(program, run):
    pytest.importorskip("torch")
    code = """
import torch
x, out = torch.zeros(64), torch.nn.Parameter(torch.zeros(64))
for _ in range(3):
    scale[(1,)](x, out, 1024, 2.0)
expected = [tensor.data_ptr().to_bytes(8, "little").hex() for tensor in (x, out)]
"""
    seen, expected, counts, triton = run(
        OPEN + code, "[launches(), expected, _launcher.stats(), imported('triton')]", program[0]
    )
    assert [line.split()[12:14] for line in seen] == [expected] * 3
    assert counts == {"first launch of a variant": 1, "launched": 2}
    assert triton == []


def test_a_tuned_kernel_takes_the_configuration_that_it_is_given(program, run):
    code = """
launched = []
for _ in range(2):
    launched.append(kernels["tuned"][(3,)](Pointer(16), Pointer(32), 1024, BLOCK=32, num_warps=1))
    launched.append(kernels["tuned"][(3,)](Pointer(16), Pointer(32), 1024))
    launched.append(kernels["tuned"][(3,)](Pointer(16), Pointer(32), 512, 32, num_warps=1))
"""
    warps, counts = run(OPEN + code, "[[kernel.metadata.num_warps for kernel in launched], _launcher.stats()]", program[0])
    assert warps == [1, 2, 1] * 2
    assert counts["launched"] == 4 and counts["tuned (a configuration chosen before)"] == 3


def test_a_tuned_kernel_without_a_winner_says_how_to_go_on(program, run):
    code = (
        OPEN
        + """
errors = [
    error_of(lambda: kernels["tuned"][(3,)](Pointer(16), Pointer(32), 64)),
    error_of(lambda: kernels["tuned"][(3,)](Pointer(16), Pointer(32), 64, BLOCK=16)),
]
"""
    )
    missing, given = run(code, "errors", program[0])
    assert missing == (
        "VariantError: the bundle has no configuration of kernel 'make_kernels.<locals>.tuned' for cuda:90 and the tuning key "
        "(64, 'fp32', 'fp32'); pass the configuration (BLOCK, num_ctas, num_stages, num_warps), or record a run with these "
        "arguments on a device; the bundle has, the nearest first:\n"
        "  (1024, 'fp32', 'float16')\n  (1024, 'fp32', 'torch.float32')\n  (2048, 'fp32', 'torch.float32')"
    )
    assert given.startswith("VariantError: the bundle has no variant of kernel 'make_kernels.<locals>.tuned' for cuda:90")


def test_each_device_has_its_own_modules(program, run):
    code = (
        OPEN
        + """
first = scale[(1,)](Pointer(16), Pointer(32), 16, 2.0)
_launcher.set_current_device(1)
second = scale[(1,)](Pointer(16), Pointer(32), 16, 2.0)
again = scale[(1,)](Pointer(16), Pointer(32), 16, 2.0)
"""
    )
    devices, modules, same = run(
        code, "[[line.split()[1] for line in launches()], len(read('modules')), [first is second, second is again]]", program[0]
    )
    assert (devices, modules, same) == (["0", "1", "1"], 2, [False, True])


def test_modules_are_unloaded_when_nobody_has_their_kernel(program, run):
    code = (
        OPEN
        + """
import gc
for name in ("scale", "tuned"):
    kernels[name][(1,)](Pointer(16), Pointer(32), 1024, *[2.0] * (name == "scale"))
kept = bundle["tuned"]
before = len(read("modules"))
del bundle, kernels, scale
gc.collect()
between = len(read("modules"))
del kept
gc.collect()
"""
    )
    assert run(code, "[before, between, len(read('modules'))]", program[0]) == [2, 1, 0]


def test_a_forked_child_does_not_unload_its_parents_modules(program, run):
    code = (
        OPEN
        + """
import gc, os
loaded = scale[(1,)](Pointer(16), Pointer(32), 16, 2.0)
pid = os.fork()
if pid == 0:
    del bundle, kernels, scale, loaded
    gc.collect()
    os._exit(len(read("modules")))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""
    )
    assert run(code, "status", program[0]) == 1


def test_threads_that_launch_at_the_same_time_load_one_module(program, run):
    code = (
        OPEN
        + """
import gc, threading
together = threading.Barrier(8)
def work():
    together.wait()
    for n in (16, 7, 1):
        scale[(n,)](Pointer(16), Pointer(32), n, 2.0)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
gc.collect()
grids = sorted(line.split()[2] for line in launches())
"""
    )
    assert run(code, "[grids, len(read('modules'))]", program[0]) == [["1"] * 8 + ["16"] * 8 + ["7"] * 8, 3]


def test_bundles_and_kernels_say_what_they_have(program, run):
    code = (
        OPEN
        + """
said = [repr(bundle), repr(scale), repr(kernels["alone"]), *kernels["alone"].variants, bundle.kernels[-1], len(bundle), [*bundle][0]]
said += ["scale" in bundle, "static_programs:make_kernels.<locals>.scale" in bundle, "nothing" in bundle, 5 in bundle]
said += [bundle["scale"] is bundle["make_kernels.<locals>.scale"], scale.targets]
"""
    )
    assert run(code, "said", program[0]) == [
        f"Bundle({str(program[0])!r}: 7 kernels, 21 variants for cuda:90)",
        "<kernel make_kernels.<locals>.scale: 6 variants for cuda:90>",
        "<autotuned kernel make_kernels.<locals>.alone: 1 variant for cuda:90>",
        "cuda:90 x: *fp32:16, n: i32, BLOCK=32, num_warps=1",
        "static_programs:make_kernels.<locals>.typed",
        7,
        "static_programs:make_kernels.<locals>.alone",
        True,
        True,
        False,
        False,
        True,
        ["cuda:90"],
    ]


def test_arguments_that_do_not_fit_are_named(program, run):
    code = (
        OPEN
        + """
x, out = Pointer(16), Pointer(32)
errors = [error_of(work) for work in (
    lambda: scale[(1,)](x, out),
    lambda: scale[(1,)](x, out, 7, 2.0, 64, 5),
    lambda: scale[(1,)](x, out, 7, 2.0, x=x),
    lambda: scale[(1,)](x, out, 7, 2.0, num_warp=8),
    lambda: scale[(1,)](x, out, 2**64, 2.0),
    lambda: scale[(1,)](x, "out", 7, 2.0),
    lambda: scale[(1,)](x, Pointer(0, "complex64"), 7, 2.0),
    lambda: scale[(1,)](x, out, 7, "2.0"),
    lambda: bundle["nothing"],
)]
"""
    )
    name = "make_kernels.<locals>.scale"
    assert run(code, "errors", program[0]) == [
        f"TypeError: {name}() missing the argument 'n'",
        f"TypeError: {name}() takes 5 positional arguments but 6 were given",
        f"TypeError: {name}() got multiple values for argument 'x'",
        "KeyError: 'Keyword argument num_warp was specified but unrecognised'",
        "OverflowError: integer to be specialized too large to represent",
        "TypeError: failed to specialize argument of type: str",
        "TypeError: an array of dtype complex64 cannot be passed to a kernel: Triton has no such dtype",
        "TypeError: must be real number, not str",
        "\n  static_programs:make_kernels.<locals>.".join(
            [
                f"VariantError: {program[0]} has no kernel 'nothing'; name one of these:",
                "alone",
                "nested",
                "nested_tiles",
                "scale",
                "tiled",
                "tuned",
                "typed",
            ]
        ),
    ]


def test_a_missing_variant_is_shown_beside_those_that_are_there(program, run):
    code = OPEN + "error = error_of(lambda: scale[(1,)](Pointer(16), Pointer(32), 7, 2.0, BLOCK=128, num_warps=8))"
    assert run(code, "error", program[0]) == (
        "VariantError: the bundle has no variant of kernel 'make_kernels.<locals>.scale' for cuda:90 and these arguments "
        "(x: *fp32:16, out: *fp32:16, n: i32, factor: fp32, BLOCK=128, num_warps=8); record one, or launch it with arguments for "
        "which there is one, the nearest first:\n"
        "  x: *fp32:16, out: *fp32:16, n: i32:16, factor: fp32, BLOCK=128, num_warps=8\n"
        "  x: *fp32:16, out: *fp32:16, n: i32, factor: fp32, BLOCK=64\n"
        "  x: *fp32:16, out: *fp32:16, n: i32:16, factor: fp32, BLOCK=64\n"
        "  x: *fp32:16, out: *fp32:16, n=1, factor: fp32, BLOCK=64\n"
        "  x: *fp32, out: *fp32:16, n: i64:16, factor: fp32, BLOCK=64\n"
        "  x: i32:16, out: *fp32:16, n: u64:16, factor: fp32, BLOCK=64"
    )


# -- Bundles made by hand


def parameter(name, **others):
    """A parameter without annotation or default."""
    plain = {"kind": "positional", "constexpr": False, "const": False, "annotation": "", "specialize": True, "align": True}
    return {"name": name, **plain, "default": [], **others}


def variant(kernel="kernel", target="cuda:90", number=0, **others):
    """A variant `kernel(n)` for an `i32`; *others* are members of it, or of its metadata."""
    metadata = {"name": kernel, "shared": 0, **LAUNCHING}
    metadata["target"] = {"backend": "cuda", "arch": int(target.partition(":")[2]), "warp_size": 32}
    special = {"signature": ["i32"], "constants": [], "attributes": [], "options": {}}
    members = {"target": target, "key": f"{number:064x}", "name": kernel, "own": {}, "specialisation": special, "static": ""}
    members |= {name: value for name, value in others.items() if name in members}
    metadata |= {name: value for name, value in others.items() if name not in (*members, "params", "module", "debug", "cubin")}
    record = {"module": others.get("module", "m"), "name": kernel, "debug": others.get("debug", False)}
    record["params"] = others.get("params", [parameter("n")])
    return record, {**members, "metadata": metadata}, others.get("cubin", stub_cuda.fake_cubin(kernel, [4, 8, 8]))


def by_hand(path, *made, tuners=()):
    """Writes a bundle of what `variant` has *made* to *path*."""
    producer = {"graft": "0", "triton": "3.9.0", "compiler": {}, "tools": {}}
    content = {"producers": {format.digest(producer): producer}, "code": {format.digest({}): {}}, "kernels": {}, "variants": []}
    content |= {"targets": {}, "tuners": sorted(tuners, key=format.tuner_order), "manifests": {}}
    artifacts = {}
    for record, members, cubin in made:
        digest = format.digest(record)
        artifact = hashlib.sha256(cubin).hexdigest()
        content["kernels"][digest], artifacts[artifact] = record, cubin
        content["targets"][members["target"]] = {"options": {"num_warps": 4, "debug": False}}
        references = {"kernel": digest, "producer": format.digest(producer), "code": format.digest({})}
        content["variants"].append({**members, **references, "files": {"cubin": artifact}})
    content["variants"].sort(key=format.variant_order)
    path.write_bytes(format.pack(format.Bundle(content, artifacts)))
    return path


def tuner(**others):
    """An autotuner of `kernel(n)`."""
    plain = {"module": "m", "name": "kernel", "target": "cuda:90", "arg_names": ["n"], "keys": [], "pre_hook": False}
    return {**plain, "winners": [[[], {"num_warps": 4}]], **others}


LAUNCH = "error = error_of(lambda: Bundle(path)['kernel'][(2,)](7))"


def test_a_kernel_for_other_devices_names_their_targets(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(target="cuda:80"), variant(target="cuda:100"))
    assert run(LAUNCH, "error", path) == (
        "VariantError: the bundle has kernel 'kernel' for cuda:100, cuda:80, and device 0 is cuda:90; compile it for cuda:90 into "
        "the bundle"
    )


def test_a_kernel_that_needs_triton_says_why(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(static="its tensor descriptors have layouts, as in Gluon"))
    expected = (
        "VariantError: kernel 'kernel' cannot be launched without Triton: its tensor descriptors have layouts, as in Gluon; "
        "with Triton, load the bundle with triton.backends.graft.bundle.load and launch the kernel itself"
    )
    assert run(LAUNCH, "error", path) == expected
    path = by_hand(tmp_path / "c", variant(), variant(number=1, static="so it is", specialisation=None))
    assert run(LAUNCH, "[error, launches()[0].split()[:2], *Bundle(path)['kernel'].variants]", path) == [
        "",
        ["kernel", "0"],
        "cuda:90 n: i32",
        "cuda:90 (so it is)",
    ]


def test_what_a_descriptor_cannot_be_is_said(run, tmp_path):
    """Before anything is launched: a tensor map cannot have it, as Triton's own class says, too."""
    code = """
def made(address=0x1000, dtype="fp16", shape=(64, 32), strides=(32, 1), block=(8, 16), **options):
    return TensorDescriptor(Pointer(address, dtype), shape, strides, block, **options)
works = [
    lambda: made(), lambda: made(shape=(), strides=(), block=()), lambda: made(strides=(1,)), lambda: made(block=(8, 16, 4)),
    lambda: made(dtype="complex64"), lambda: made(strides=(33, 1)), lambda: made(0x1008), lambda: made(strides=(32, 2)),
    lambda: made(shape=(0, 32)), lambda: made(block=(8, 12)), lambda: made(block=(2048, 1024)), lambda: made(padding="one"),
    lambda: made(dtype="i16", padding="nan"), lambda: made(round_f32_to_tf32=True),
]
said = [error_of(work).removeprefix("ValueError: this cannot be a tensor descriptor: ") for work in works]
"""
    assert run(code, "said") == [
        "",
        "shape has 0 numbers, and a tensor map 1 to 5",
        "strides has 1 numbers, and shape 2",
        "block_shape has 3 numbers, and shape 2",
        "Triton has no dtype complex64",
        "strides (33, 1) of fp16 are not divisible by 16 bytes",
        "the address of base is not divisible by 16",
        "the last of strides is 2, and has to be 1",
        "shape (0, 32) has a number below 1",
        "block_shape (8, 12) has to be powers of two, of at most 1048576 elements",
        "block_shape (2048, 1024) has to be powers of two, of at most 1048576 elements",
        "padding is 'one', and has to be 'zero' or 'nan'",
        "padding is 'nan', and i16 has no such number",
        "round_f32_to_tf32 is for fp32, and this is fp16",
    ]


def test_a_descriptor_that_has_become_impossible_is_refused(program, run):
    """At each launch, also once its kernel is known."""
    code = (
        OPEN
        + """
class Own(TensorDescriptor):
    pass
def made(address, cls=TensorDescriptor):
    return cls(Pointer(address, "fp16"), [64, 32], [32, 1], [8, 16])
source, target = made(0x1000, Own), made(0x2000)
errors = []
for strides in ([32, 1], [32, 2], [32, 1], [32, 2]):
    source.strides = strides
    errors.append(error_of(lambda: kernels["tiled"][(1,)](source, target, 5)))
"""
    )
    wrong = "ValueError: the last of the strides (32, 2) of a descriptor has to be 1"
    assert run(code, "[errors, len(launches())]", program[0]) == [["", wrong, "", wrong], 2]


def test_of_pytorch_a_descriptor_is_that_of_the_whole_tensor(run):
    pytest.importorskip("torch")
    code = """
import torch
made = TensorDescriptor.from_tensor(torch.zeros(64, 32, dtype=torch.float16), [8, 16], padding="nan")
"""
    assert run(code, "[list(made.shape), list(made.strides), made.block_shape, made.padding, repr(made)[:28]]") == [
        [64, 32],
        [32, 1],
        [8, 16],
        "nan",
        "TensorDescriptor(base=tensor",
    ]


@pytest.mark.parametrize(
    ("type_", "made", "reason"),
    [
        ("tensordesc<fp16[8, 16],NVMMASharedLayout()>", [MADE], "its tensor descriptors have layouts, as in Gluon"),
        ("tensordesc_im2col<fp16[8, 16],input_rank=4>", [MADE], "its tensor descriptors have layouts, as in Gluon"),
        ("tensordesc<fp16[8, 16]>", None, "its tensor descriptors are taken apart, as before compute capability 9.0"),
    ],
)
def test_a_variant_that_says_it_needs_no_triton_and_does_is_refused(type_, made, reason):
    assert descriptors.why_not_made(["i32", type_], made) == reason


def test_an_autotuner_with_a_pre_hook_needs_triton(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(), tuners=[tuner(pre_hook=True)])
    error, given = run(
        f"{LAUNCH}\ngiven = error_of(lambda: Bundle(path)['kernel'][(2,)](7, num_warps=4))", "[error, given]", path
    )
    assert "cannot be launched without Triton: a configuration of its autotuner has a pre_hook; " in error
    assert given == ""


def test_two_programs_for_the_same_arguments_are_refused(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(own={"source.text": "1"}), variant(number=1, own={"source.text": "2"}))
    assert run(LAUNCH, "error", path) == (
        "VariantError: the bundle has 2 variants of kernel 'kernel' for cuda:90 and these arguments (n: i32), and they were made of "
        "different code: the kernel changed between two recordings that were merged; record it again"
    )


def test_of_what_several_compilers_made_of_one_program_the_first_is_launched(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(number=1), variant(number=0))
    assert run("", "Bundle(path)['kernel'][(2,)](7).hash", path) == f"{0:064x}"


def test_kernels_of_one_name_are_told_apart(run, tmp_path):
    path = by_hand(
        tmp_path / "b",
        variant("a.kernel"),
        variant("kernel", module="n"),
        variant("kernel", module="o"),
        variant("twice"),
        variant("twice", params=[parameter("m")], number=1),
    )
    code = """
bundle = Bundle(path)
names = bundle.kernels
told = [bundle[name].record["params"][0]["name"] for name in names if "twice" in name]
errors = [error_of(lambda: bundle["kernel"]), error_of(lambda: bundle["twice"])]
"""
    names, told, errors = run(code, "[names, sorted(told), errors]", path)
    twice = [name for name in names if name.startswith("m:twice@")]
    assert names == ["m:a.kernel", *twice, "n:kernel", "o:kernel"] and len(twice) == 2
    assert told == ["m", "n"]
    assert errors == [
        f"VariantError: {path} has several kernels 'kernel'; name one of these:\n  n:kernel\n  o:kernel",
        f"VariantError: {path} has several kernels 'twice'; name one of these:\n  {twice[0]}\n  {twice[1]}",
    ]


@pytest.mark.parametrize(
    ("metadata", "cubin", "message"),
    [
        ({"shared": 300_000}, [], "needs 300000 bytes of shared memory, and the device has 232448"),
        ({"tmem_size": 1024}, [], "needs 1024 columns of tensor memory, and the device has 512"),
        ({"num_warps": 16}, [16, 0, 256], "needs 512 threads in a block, and the device has 256"),
    ],
)
def test_a_kernel_that_the_device_is_too_small_for_is_not_launched(run, tmp_path, metadata, cubin, message):
    path = by_hand(tmp_path / "b", variant(**metadata, cubin=stub_cuda.fake_cubin("kernel", [4, 8, 8], *cubin)))
    error, launches, modules = run(LAUNCH, "[error, launches(), read('modules')]", path)
    advice = "launch a variant with smaller blocks or fewer stages"
    assert error == f"OutOfResourcesError: kernel 'kernel' {message}; {advice}"
    assert (launches, modules) == ([], [])


def test_a_driver_that_fails_is_named(run, tmp_path):
    path = by_hand(tmp_path / "b", variant())
    code = "stub.stubFail(b'cuLaunchKernelEx', 1, 1)\nkernel = Bundle(path)['kernel']\nkernel[(2,)](7)\nerror = error_of(lambda: kernel[(2,)](7))"
    assert run(code, "error", path).startswith("LaunchError: Triton Error [CUDA]: invalid argument (cuLaunchKernelEx: ")


def test_scratch_memory_comes_from_the_allocator(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(global_scratch_size=64, global_scratch_align=128, num_ctas=2))
    code = """
kernel = Bundle(path)["kernel"]
without, asked = error_of(lambda: kernel[(2,)](7)), []
def allocate(*request):
    asked.append(request)
    return Pointer(0x7000)
set_allocator(allocate)
kernel[(2, 3)](7)
kernel[(1,)](7)
set_allocator(None)
after = error_of(lambda: kernel[(1,)](7))
"""
    without, asked, seen, same = run(code, "[without, asked, launches(), after == without]", path)
    assert without == (
        "OutOfResourcesError: kernel 'kernel' needs 64 bytes of scratch memory for each program, and there is no allocator for it; set one with "
        "triton_graft_runtime.set_allocator(fn), where fn(size, alignment, stream) returns the memory"
    )
    assert asked == [[768, 128, 0], [128, 128, 0]]
    assert [line.split()[-3:] for line in seen] == [["07000000", "0070000000000000", "0000000000000000"]] * 2
    assert same


def test_how_a_kernel_is_to_be_launched_is_in_its_metadata(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(launch_cooperative_grid=True, launch_pdl=True, num_warps=8, shared=1024))
    assert run("Bundle(path)['kernel'][(2,)](7)", "launches()[0].split()[2:9]", path) == [
        "2",
        "1",
        "1",
        "256",
        "1",
        "1",
        "1024",
    ]
    attributes = run("Bundle(path)['kernel'][(2,)](7)", "launches()[0].split('|')[1]", path)
    assert [item.split(":")[0] for item in attributes.split()] == ["6", "2"]


def test_a_function_made_with_debug_is_launched_with_it(run, tmp_path):
    special = {"signature": ["i32"], "constants": [], "attributes": [], "options": {"debug": True}}
    path = by_hand(tmp_path / "b", variant(debug=True, specialisation=special))
    code = LAUNCH + "\nwithout = error_of(lambda: Bundle(path)['kernel'][(2,)](7, debug=False))"
    error, without = run(code, "[error, without]", path)
    assert error == ""
    assert without.endswith("and these arguments (n: i32); record one, or launch it with arguments for which there is one, the "
                            "nearest first:\n  n: i32, debug=True")  # fmt: skip


def test_dtypes_and_constants_are_given_without_triton(run, tmp_path):
    def of(number, value):
        special = {"signature": ["constexpr"], "constants": [[[0], value]], "attributes": [], "options": {}}
        cubin = stub_cuda.fake_cubin("kernel", [8, 8])
        return variant(number=number, params=[parameter("T", constexpr=True)], specialisation=special, cubin=cubin)

    path = by_hand(tmp_path / "b", of(1, {"dtype": "fp16"}), of(2, {"constexpr": 5}), of(3, {"float": (1.0).hex()}))
    code = """
kernel = Bundle(path)["kernel"]
keys = [int(kernel[(1,)](value).hash, 16) for value in (dtype("fp16"), dtype("fp16"), 5, constexpr(5), 1.0)]
error = error_of(lambda: kernel[(1,)](1))
"""
    keys, error = run(code, "[keys, error]", path)
    assert keys == [1, 1, 2, 2, 3]
    assert error.splitlines()[1:] == ["  T=1.0", "  T=5", "  T=dtype('fp16')"]


def test_a_default_that_a_bundle_cannot_hold_has_to_be_given(run, tmp_path):
    params = [parameter("n"), parameter("act", default=[{"opaque": "m.Activation"}])]
    special = {"signature": ["i32", "i32"], "constants": [], "attributes": [], "options": {}}
    path = by_hand(
        tmp_path / "b", variant(params=params, specialisation=special, cubin=stub_cuda.fake_cubin("kernel", [4, 4, 8, 8]))
    )
    code = LAUNCH + "\ngiven = error_of(lambda: Bundle(path)['kernel'][(2,)](7, act=5))"
    assert run(code, "[error, given]", path) == ["TypeError: kernel() missing the argument 'act'", ""]


def test_a_parameter_that_is_called_as_the_launcher_calls_its_own_is_a_parameter(run, tmp_path):
    path = by_hand(tmp_path / "b", variant(params=[parameter("grid")]))
    assert run(
        "kernel = Bundle(path)['kernel']\nkernel[(2,)](grid=7)\nkernel[(3,)](7)",
        "[line.split()[2] for line in launches()]",
        path,
    ) == ["2", "3"]


def test_a_file_that_is_no_bundle_is_refused(run, tmp_path):
    (tmp_path / "b").write_bytes(b"nothing")
    error = run("error = error_of(lambda: Bundle(path))", "error", tmp_path / "b")
    assert error.startswith(f"BundleError: {tmp_path / 'b'}: ") and error.endswith(
        "is it a bundle, and is it complete? (rule zip of the bundle format)"
    )
