# SPDX-License-Identifier: MIT
"""Random launches, compared between Triton's in-tree driver and ours on the stub libcuda.so.1 (see launch_sides.py).

    python test/unit/launch_cases.py --seed 17                       # one case; if it differs, its fewest steps
    python test/unit/launch_cases.py --cases 5000 --keep-going       # many, beginning with seed 0

A case is a kernel and a list of steps, both text: most steps launch the kernel, and some change what a launch depends on
(knobs, hooks, devices, streams, globals, drivers). The seed gives the case.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import stub_cuda
from launch_sides import Case, comparison, is_launch
from launch_values import HOST, MAPPED
from triton.backends.graft.driver import Driver


class Param(NamedTuple):
    """A parameter of the kernel: *hot* are the values that it mostly gets, *kind* names the maker of others."""

    name: str
    place: str  # positional, keyword or variadic
    annotation: str
    default: str | None
    kind: str
    hot: tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of *text*: values without spaces."""
    return text.split()


def words_of_lines(text: str) -> list[list[str]]:
    """The words of each line of *text*."""
    return [words(line) for line in text.strip().splitlines()]


def alternatives(text: str) -> list[str]:
    """What *text* has between bars."""
    return [part.strip() for part in text.split("|")]


INTS = [0, 1, 2, 3, 15, 16, 17, 32, 48, 100, 127, 128, 255, 256, 1024, 65535, 65536, -1, -2, -16, -17, -128, -129]
INTS += [2**31 - 1, 2**31, 2**31 + 16, -(2**31), -(2**31) - 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, -(2**63), 2**64 - 1]
TOO_LARGE_INTS = [2**64, -(2**63) - 1, 2**100]
FLOATS = words("0.0 1.0 -0.0 0.5 -1.5 0.1 nan other_nan inf -inf 5e-324 -5e-324 1e-45 1e-40 6e-8 1e-7 65504.0 3.4e38")
LARGE_FLOATS = words("65519.0 65520.0 1e300 3.5e38 -1e39")
ADDRESSES = [0, 16, 0x1000, 0x1001, 0x1008, 0x2000_0010, 0x7F00_0000_0000, MAPPED + 16, MAPPED + 0x101, 2**63 + 32]
DTYPES = ["fp16", "fp32", "bf16", "fp64", "i1", "i8", "i16", "i32", "i64", "u8", "u32", "fp8e5", "torch.float32", "torch.int64"]
TENSORS = words("f32 f16 bf16 i64 i8 u8 bool empty scalar strided offset misaligned parameter detached wrapped")
WRONG = ["'text'", "b'bytes'", "[1, 2]", "{}", "2 + 3j", "Index(5)", "object()", "print", "tl.float32", "int", "...", "{1}"]
CONSTEXPRS = words("""0 0.0 -0.0 False 1 1.0 True 2 16 64 2.0 128 -1 2**70 nan None 'a' '' '0' 'True' (1,2) (1.0,2) (True,2) ((0,),'a')
    ((0.0,),'a') () Pair(1,2) Pair(1.0,2) tl.float16 tl.float32 tl.constexpr(1) tl.constexpr(1.0) tl.constexpr(0.0) tl.constexpr(-0.0)
    helper helper_2 print Equal(3) Equal(4) Size.ONE Size.FOUR MyInt(1) MyInt(4) b'x' 2+0j frozenset({1}) int ptr(0x1000,'fp16')
    tl.constexpr('a') (None,(1,)) (tl.constexpr(2),) T.f32 Index(4) float('nan') object()""")
UNHASHABLE = ["[1, 2]", "{'a': 1}", "(1, [2])", "{1}"]

#: Values that are equal in Python, and still are not one kernel's.
EQUALS = {
    "constexpr": words_of_lines("""
        0 0.0 -0.0 False tl.constexpr(0)
        1 1.0 True MyInt(1) Size.ONE
        (1,2) (1.0,2) (True,2) Pair(1,2) Pair(1.0,2)
        ((0,),'a') ((0.0,),'a') ((False,),'a') (Pair(0,1),'a') (Pair(0.0,1),'a')
        tl.constexpr(1) tl.constexpr(1.0) tl.constexpr(True)
        tl.constexpr(0.0) tl.constexpr(-0.0) tl.constexpr(False)
        4 4.0 MyInt(4) Size.FOUR 4+0j"""),
    "any": words_of_lines("""
        1 MyInt(1) Size.ONE
        (5,7) Pair(5,7) (5,True) (5,1) Pair(5,1)
        (tl.constexpr(0),5) (tl.constexpr(0.0),5) (tl.constexpr(False),5) Pair(tl.constexpr(0),5) Pair(tl.constexpr(-0.0),5)
        tl.constexpr(4) tl.constexpr(4.0) tl.constexpr(MyInt(4))
        0 0.0 -0.0 False
        ((1,2),) (Pair(1,2),) (Pair(Size.ONE,2),)"""),
}

ANNOTATIONS = {
    "int64s": words("tl.int8 tl.int16 tl.int32 tl.int64 int 'i32' 'i64' 'int64' 'tl.int32'"),
    "naturals": words("tl.uint8 tl.uint16 tl.uint32 tl.uint64 'u8' 'uint32'"),
    "floats": words("tl.float16 tl.bfloat16 tl.float32 tl.float64 float 'fp16' 'bf16' 'float32'"),
    "bools": words("tl.int1 bool 'u1' 'i1'"),
    "pointers": ["'*fp16'", "'*i32'", "'const *fp32'", "'*kbf16'", "tl.const", "tl.pointer_type(tl.float16)", "'*u8'"],
    "any": ["'unknown'", "object", "list", "'unknown'", "object", "list", "'void'"],
}


def make_value(rng: random.Random, kind: str) -> str:  # noqa: PLR0912 - a table
    """The text of a value of this kind."""
    if kind == "any":
        kinds = ["pointers", "tensors", "ints", "floats", "bools", "none", "tuples", "constexprs", "functions", "descriptors"]
        return make_value(rng, rng.choices(kinds, [60, 28, 52, 20, 8, 8, 12, 4, 1, 1])[0])
    if kind in ("ints", "int64s", "naturals"):
        if rng.random() < 0.02:
            return rng.choice(["MyInt(16)", "MyInt(1)", "Size.ONE", "Size.FOUR", "True"])
        lowest = 0 if kind == "naturals" else -(2**63)
        highest = 2**63 if kind == "int64s" else 2**64
        return str(rng.choice([value for value in INTS if lowest <= value < highest]))
    if kind == "floats":
        return rng.choice([*FLOATS, "3", "True", "2**60"] if rng.random() < 0.1 else FLOATS)
    if kind == "bools":
        return rng.choice(["True", "False", "True", "False", "1", "0", "2"])
    if kind == "pointers":
        if rng.random() < 0.06:
            return rng.choice(["None", "0", "4096", "MockTensor('fp16')", "2**63", "True"])
        if rng.random() < 0.06:
            return "M"
        return f"ptr({rng.choice(ADDRESSES):#x}, {rng.choice(DTYPES)!r})"
    if kind == "tensors":
        return f"T.{rng.choice(TENSORS)}"
    if kind == "none":
        return "None"
    if kind == "tuples":
        return make_tuple(rng)
    if kind == "constexprs":
        return rng.choice(
            ["tl.constexpr(4)", "tl.constexpr(4.0)", "tl.constexpr('a')", "tl.constexpr(None)", "tl.constexpr(True)"]
        )
    if kind == "functions":
        return rng.choice(["helper", "helper_2"])
    if kind == "descriptors":
        if rng.random() < 0.5:
            return rng.choice(["D0", "D0", "D1", "D2"])
        shape, block = rng.choice(
            [("[16, 64]", "[8, 32]"), ("[16, 64]", "[8, 16]"), ("[128]", "[64]"), ("[2, 16, 64]", "[1, 8, 8]")]
        )
        return f"descriptor({rng.choice([0x1000, 0x2000, 0x4010]):#x}, {shape}, {block})"
    if kind == "constexpr":
        return rng.choice(CONSTEXPRS)
    if kind == "wrong":
        wrong = [*WRONG, *map(str, TOO_LARGE_INTS), *LARGE_FLOATS, f"ptr({HOST + 64:#x}, 'fp32')", "bad_ptr(0, 'fp16')"]
        return rng.choice([*wrong, "odd_ptr(0, 'fp16')", "ptr(0x1000, 'nonsense')", "ptr(-16, 'fp16')", "ptr(2**64, 'fp16')"])
    raise AssertionError(kind)


def make_tuple(rng: random.Random, depth: int = 0) -> str:
    items = []
    for _ in range(rng.choice([0, 1, 2, 2, 2, 3])):
        if depth < 2 and rng.random() < 0.15:
            items.append(make_tuple(rng, depth + 1))
        else:
            kinds = ["pointers", "tensors", "ints", "floats", "bools", "none", "constexprs", "functions", "descriptors"]
            items.append(make_value(rng, rng.choices(kinds, [16, 6, 16, 4, 2, 4, 4, 1, 1])[0]))
    if len(items) == 2 and rng.random() < 0.4:
        return f"Pair({', '.join(items)})"
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def make_param(rng: random.Random, index: int, place: str) -> Param:
    """A parameter with three values at most that launches mostly give it, so that they meet kernels that are there."""
    if rng.random() < 0.2 and place != "variadic":
        kind, annotation = "constexpr", rng.choice(["tl.constexpr", "tl.constexpr", "'tl.constexpr'"])
    elif rng.random() < 0.45 and place != "variadic":
        kind = rng.choices(["int64s", "naturals", "floats", "bools", "pointers", "any"], [5, 3, 5, 2, 4, 1])[0]
        annotation = rng.choice(ANNOTATIONS[kind])
    else:
        kinds = ["any", "pointers", "tensors", "ints", "floats", "bools", "tuples", "descriptors"]
        kind, annotation = rng.choices(kinds, [2, 8, 3, 6, 2, 1, 0.7, 0.8])[0], ""
    hot = tuple(make_value(rng, kind) for _ in range(rng.choice([1, 1, 1, 1, 2, 3])))
    if rng.random() < 0.12 and (kind == "constexpr" or annotation == ""):
        equals = rng.choice(EQUALS["constexpr" if kind == "constexpr" else "any"])
        hot = tuple(rng.sample(equals, min(3, len(equals))))
    default = make_value(rng, kind) if place != "variadic" and rng.random() < 0.25 else None
    return Param(f"p{index}", place, annotation, default, kind, hot)


def make_params(rng: random.Random) -> list[Param]:
    """1 to 12 parameters, sometimes 64, in an order that Python allows."""
    if rng.random() < 0.01:
        hot = [("pointers", (f"ptr({0x1000 + 16 * i:#x}, 'fp32')",)) if i % 3 else ("ints", (str(i),)) for i in range(64)]
        return [Param(f"p{i}", "positional", "", None, *each) for i, each in enumerate(hot)]
    params = [make_param(rng, i, "positional") for i in range(rng.randint(1, 12))]
    first_default = next((i for i, param in enumerate(params) if param.default is not None), len(params))
    if rng.random() < 0.5:  # defaults from here on, or none at all
        params[first_default:] = [p._replace(default=p.default or p.hot[0]) for p in params[first_default:]]
    else:
        params = [p._replace(default=None) for p in params]
    if rng.random() < 0.08:
        params.append(make_param(rng, len(params), "variadic"))
    for _ in range(rng.choice([0, 0, 0, 1, 3])):
        params.append(make_param(rng, len(params), "keyword"))
    return params


def signature_text(params: list[Param]) -> str:
    texts, star = [], False
    for param in params:
        if param.place == "variadic":
            texts.append(f"*{param.name}")
            star = True
            continue
        if param.place == "keyword" and not star:
            texts.append("*")
            star = True
        annotation = f": {param.annotation}" if param.annotation else ""
        texts.append(param.name + annotation + (f" = {param.default}" if param.default is not None else ""))
    return ", ".join(texts)


def make_source(rng: random.Random, params: list[Param], tuned: str) -> str:
    """The source of the kernel, with the decorators that the case has."""
    options = []
    names = [param.name for param in params]
    for option in ("do_not_specialize", "do_not_specialize_on_alignment"):
        if rng.random() < 0.2:
            chosen = rng.sample(range(len(params)), rng.randint(1, len(params)))
            options.append(f"{option}={[names[i] if rng.random() < 0.5 else i for i in chosen]}")
    if rng.random() < 0.15:
        options.append(f"debug={rng.choice(['None', 'True', 'False'])}")
    if rng.random() < 0.15:
        options.append("launch_metadata=describe_launch")
    body = rng.choice(["pass", "pass", "pass", "x = G", "x = G", "helper(1)", "x = G + H", "helper_2(G)"])
    lines = [f"@triton.jit({', '.join(options)})" if options else "@triton.jit"]
    lines += [f"def kernel({signature_text(params)}):", f"    {body}", "", "jit_fn = kernel"]
    if "heuristics" in tuned:
        lines.append("kernel = triton.heuristics({'HEURISTIC': heuristic})(kernel)")
    if rng.random() < 0.1:
        lines.append("own_run(kernel)")
    if "autotune" in tuned:
        lines.append(f"kernel = triton.autotune({make_tuning(rng, names)})(kernel)")
        if rng.random() < 0.1:
            lines.append("own_run(kernel)")
    return "\n".join(lines)


def make_tuning(rng: random.Random, names: list[str]) -> str:
    """The arguments of `triton.autotune` for a kernel that has a constexpr TUNED."""
    configs = ["triton.Config({'TUNED': 16}, num_warps=2)", "triton.Config({'TUNED': 32}, num_stages=2)"]
    configs.append("triton.Config({'TUNED': 64}, num_ctas=2)")
    if rng.random() < 0.3:
        configs.append("triton.Config({'TUNED': 128}, pre_hook=config_hook)")
    if rng.random() < 0.3:
        configs.append("triton.Config({'TUNED': 8}, maxnreg=64)")
    chosen = rng.sample(configs, rng.choice([1, 2, 2, 3]))
    own = [name for name in names if name not in ("TUNED", "HEURISTIC")]
    arguments = [f"configs=[{', '.join(chosen)}]", f"key={rng.sample(own, rng.randint(0, min(2, len(own))))}", "do_bench=bench"]
    if rng.random() < 0.15:
        arguments.append("pre_hook=tuner_pre_hook")
    if rng.random() < 0.15:
        arguments.append("post_hook=tuner_post_hook")
    if rng.random() < 0.1:
        arguments.append(f"reset_to_zero={own[:1]}")
    if rng.random() < 0.15:
        arguments.append("prune_configs_by={'early_config_prune': prune}")
    return ", ".join(arguments)


OPTIONS = words("num_warps=8 num_warps=2 num_warps=1 num_warps=4 num_stages=2 num_ctas=2 maxnreg=128 launch_pdl=True")
OPTIONS += words("launch_cooperative_grid=True enable_fp_fusion=False debug=True debug=False debug=None")
ODD_OPTIONS = words("""num_warps=3 num_ctas=16 num_warps=None num_warps=64 maxnreg=None instrumentation_mode='x' device=0 stream=0
    device_type='cuda' nonsense=1 num_ctas=2,launch_pdl=True num_warps='4' extern_libs={} extern_libs=[1] num_warps=8,num_stages=2
    num_stages=2,num_warps=8 num_warps=True num_warps=0 launch_pdl=1 fpsan_homomorphic_casts=True num_warps=4.0 grid=(1,)
    warmup=True""")

GRIDS = alternatives(
    "(1,) | (4,) | (4, 3) | (4, 3, 2) | [5] | [5, 2] | (1024,) | lambda meta: (6,) | lambda meta: [seen(meta), 2]"
)
ODD_GRIDS = alternatives("""() | [] | (1, 2, 3, 4) | (0,) | (2, 0) | (-1,) | (-1, -1) | (2, -3) | (2**31 - 1,) | (2**31,) | (-2**31,)
    | (1, 65536) | (2**31 - 1, 3) | (2**64,) | (Index(3),) | (Index(3), Index(2)) | (True,) | (1.0,) | ('1',) | '12' | 5 | None
    | (None,) | range(1, 4) | T.size | Sequence(2, 3) | Sequence() | {0: 3} | CallableTuple((1, 2)) | lambda meta: None
    | lambda meta: 1 / 0 | lambda meta: '12' | lambda: (1,) | make_grid | (MyInt(2), Size.FOUR) | (2, '3') | (2, 1, None)
    | bytes([2, 3])""")
#: More blocks than a C int counts, which the in-tree launcher takes for none.
HUGE_GRIDS = alternatives("(2**31 - 1, 2) | (65536, 65535) | (65535, 65535, 2) | (65536, 65536)")

CHANGES = """
knobs.runtime.debug = True
knobs.runtime.debug = False
os.environ['TRITON_DEBUG'] = '1'; knobs.refresh_knobs()
os.environ.pop('TRITON_DEBUG', None); knobs.refresh_knobs()
os.environ['TRITON_DEBUG'] = '1'
os.environ['TRITON_FPSAN_HOMOMORPHIC_CASTS'] = '1'
os.environ['TRITON_FPSAN_HOMOMORPHIC_CASTS'] = '0'
os.environ.pop('TRITON_FPSAN_HOMOMORPHIC_CASTS', None)
os.putenv('TRITON_FPSAN_HOMOMORPHIC_CASTS', '1')
os.unsetenv('TRITON_FPSAN_HOMOMORPHIC_CASTS')
knobs.compilation.fpsan_homomorphic_casts = True
del knobs.compilation.fpsan_homomorphic_casts
knobs.compilation.instrumentation_mode = 'fpsan'
knobs.compilation.instrumentation_mode = 'consan'
knobs.compilation.instrumentation_mode = ''
knobs.runtime.launch_enter_hook.add(enter_a)
knobs.runtime.launch_enter_hook.add(enter_b)
knobs.runtime.launch_enter_hook.add(enter_raises)
knobs.runtime.launch_enter_hook.add(enter_moves)
knobs.runtime.launch_enter_hook.add(enter_takes)
knobs.runtime.launch_enter_hook.remove(enter_takes)
knobs.runtime.launch_enter_hook.remove(enter_a)
knobs.runtime.launch_enter_hook.remove(enter_raises)
knobs.runtime.launch_enter_hook.calls.clear()
knobs.runtime.launch_exit_hook.add(exit_a)
knobs.runtime.launch_exit_hook.add(exit_b)
knobs.runtime.launch_exit_hook.add(exit_raises)
knobs.runtime.launch_exit_hook.calls.clear()
knobs.runtime.launch_enter_hook = None
knobs.runtime.launch_enter_hook = enter_b
knobs.runtime.launch_exit_hook = None
knobs.runtime.launch_exit_hook = exit_a
knobs.runtime.__dict__.pop('launch_enter_hook', None)
knobs.runtime.__dict__.pop('launch_exit_hook', None)
knobs.runtime.kernel_load_start_hook.add(load_start)
knobs.runtime.kernel_load_end_hook.add(load_end)
knobs.runtime.add_stages_inspection_hook = stages_a
knobs.runtime.add_stages_inspection_hook = stages_b
knobs.runtime.add_stages_inspection_hook = None
knobs.runtime.jit_cache_hook = veto
knobs.runtime.jit_cache_hook = note_compile
knobs.runtime.jit_cache_hook = None
knobs.runtime.jit_post_compile_hook = note_compile
knobs.runtime.jit_post_compile_hook = None
knobs.autotuning.listener = listen
knobs.autotuning.listener = None
jit_fn.add_pre_run_hook(pre_run_a)
jit_fn.add_pre_run_hook(pre_run_b)
jit_fn.add_pre_run_hook(pre_run_raises)
jit_fn.pre_run_hooks.clear()
jit_fn.pre_run_hooks = [pre_run_a]
jit_fn.debug = True
jit_fn.debug = None
jit_fn.device_caches.clear()
jit_fn.hash = None
G = tl.constexpr(8)
G = tl.constexpr(8)
G = tl.constexpr(4)
G = 4
H = 2
H = 3
helper._unsafe_update_src(helper.src + '    # changed\\n')
set_device(1)
set_device(1)
set_device(0)
set_device(0)
set_stream(0x70)
set_stream(0x7f0000000010)
set_stream(None)
other_driver()
this_driver()
this_driver()
jit_fn.run = spy(jit_fn.run)
jit_fn.__dict__.pop('run', None)
kernel.run = spy(kernel.run)
kernel.__dict__.pop('run', None)
triton.JITFunction.run = spy(triton.JITFunction.run)
triton.set_allocator(allocate)
triton.set_allocator(allocate_nothing)
triton.set_allocator(allocate_moving)
triton.set_allocator(allocate_hooking)
FAKE.update(shared=60000)
FAKE.update(once={'shared': 300000})
FAKE.update(once={'tmem_size': 1000})
FAKE.update(global_scratch_size=64)
FAKE.update(tensordesc=False)
FAKE.update(max_threads=64)
FAKE.update(once={'image': b'not a cubin'})
FAKE.update(once={'error': 'this kernel does not compile'})
FAKE.clear()
FAKE.clear()
stub.fail('cuLaunchKernelEx', 700)
stub.fail('cuLaunchKernelEx', 2)
stub.fail('cuModuleLoadData', 2)
stub.fail('cuModuleGetFunction', 500)
stub.fail('cuPointerGetAttribute', 700)
stub.fail('cuPointerGetAttribute', 1)
D0.base.address = 0x5000
D0.base = ptr(0x4000, FP16)
D0.base = ptr(0x4000, 'bf16')
D0.shape[0] = 24
D0.shape = (8, 64)
D0.strides = (96, 1)
D0.block_shape = [8, 16]
D0.block_shape[1] = 32
D0.padding = 'nan'
D0.padding = 'zero'
D0.round_f32_to_tf32 = True
D0.shape, D1.shape = D1.shape, D0.shape
D0.__dict__.pop('padding', None)
held = kernel[(2, 2)]
held = kernel[(3,)]
""".strip().splitlines()


def make_arguments(rng: random.Random, params: list[Param], tuned: str) -> list[str]:
    """The arguments of one launch: mostly the hot values, mostly a call that fits the signature."""
    given = [param for param in params if param.name not in ("TUNED", "HEURISTIC") or (tuned == "" or rng.random() < 0.02)]
    positional_until = rng.randint(0, len(given)) if rng.random() < 0.4 else len(given)
    positional, keywords = [], []
    for index, param in enumerate(given):
        if param.place == "variadic":
            if not keywords:
                positional += [make_argument(rng, param) for _ in range(rng.choice([0, 1, 2, 2, 3]))]
            continue
        if param.default is not None and rng.random() < 0.3:
            positional_until = 0
            continue
        text = make_argument(rng, param)
        if param.place == "keyword" or index >= positional_until:
            keywords.append(f"{param.name}={text}")
        else:
            positional.append(text)
    if rng.random() < 0.2:
        rng.shuffle(keywords)
    mistake = rng.random()
    if mistake < 0.008 and positional:
        positional.pop()
    elif mistake < 0.014:
        positional.append("9")
    elif mistake < 0.02:
        keywords.append("unknown=3")
    elif mistake < 0.026 and positional and given[0].place == "positional":
        keywords.append(f"{given[0].name}=5")
    elif mistake < 0.03 and keywords:
        keywords.pop()
    return positional + keywords


def make_argument(rng: random.Random, param: Param) -> str:
    chance = rng.random()
    if chance < 0.95:
        return rng.choice(param.hot)
    if chance < 0.98:
        return make_value(rng, param.kind)
    if chance < 0.992:
        return make_value(rng, "any")
    return rng.choice(UNHASHABLE) if param.kind == "constexpr" else make_value(rng, "wrong")


def make_launch(rng: random.Random, params: list[Param], tuned: str, grids: list[str], options: list[str]) -> str:
    """One step that launches, or nearly."""
    arguments = make_arguments(rng, params, tuned)
    chance = rng.random()
    if chance < 0.13 and ("autotune" not in tuned or chance < 0.01):
        arguments.append(rng.choice(options))
    elif chance > 0.98:
        arguments.append(rng.choice(ODD_OPTIONS))
    grid = rng.choice(grids) if rng.random() < 0.93 else make_odd_grid(rng, params, tuned)
    text = ", ".join(arguments)
    form = rng.random()
    if form < 0.82:
        return f"kernel[{grid}]({text})"
    if form < 0.88:
        own = [f"grid={grid}", "warmup=False"]
        own = own if form < 0.87 else own[::-1]
        positional = [argument for argument in arguments if not is_named(argument)]
        named = [argument for argument in arguments if is_named(argument)]
        return f"kernel.run({', '.join([*positional, *own, *named] if form < 0.85 else [*arguments, *own])})"
    if form < 0.882:
        return "kernel.warmup(" + ", ".join([*["torch.float32"] * len(params), "grid=(1,)"]) + ")"
    if form < 0.91:
        return f"kernel.warmup({', '.join([*arguments, 'grid=(1,)'])})"
    if form < 0.94:
        return f"held({text})"
    if form < 0.96:
        return f"in_thread(lambda: kernel[{grid}]({text}))"
    if form < 0.98:
        return f"last and last[{rng.choice(['(2, 1, 1)', '(3, 2, 1)', '(0, 1, 1)'])}](*fitting(last))"
    if form < 0.99:
        return "last and last[(2, 1, 1)](*fitting(last), stream=0x44)"
    return "last and last.run(3, 1, 1, 5, last.function, last.packed_metadata, None, enter_b, None, *fitting(last))"


def is_named(argument: str) -> bool:
    """Whether *argument* of a call is passed by name."""
    return argument.partition("=")[0].isidentifier() and "=" in argument


def make_odd_grid(rng: random.Random, params: list[Param], tuned: str) -> str:
    """An unusual grid, or one that looks at the arguments or changes them."""
    if rng.random() < 0.06 and "autotune" not in tuned:  # which would launch it several times
        return rng.choice(HUGE_GRIDS)
    if rng.random() < 0.7:
        return rng.choice(ODD_GRIDS)
    param = rng.choice([param for param in params if param.place != "variadic"])
    value = make_value(rng, rng.choice(["ints", "pointers", "floats", "wrong"]))
    return rng.choice([f"lambda meta: change(meta, {param.name!r}, {value})", f"lambda meta: (meta[{param.name!r}],)"])


def make_case(seed: int) -> Case:
    """The case of a seed, the same in every process."""
    rng = random.Random(seed)
    params = make_params(rng)
    tuned = rng.choices(["", "heuristics", "autotune", "heuristics autotune"], [75, 8, 13, 4])[0]
    for name, wanted in (("TUNED", "autotune"), ("HEURISTIC", "heuristics")):
        if wanted in tuned:
            params.append(Param(name, "keyword", "tl.constexpr", None, "constexpr", ("16",)))
    source = make_source(rng, params, tuned)
    grids, options = rng.sample(GRIDS, 2), [rng.choice(OPTIONS) for _ in range(2)]
    steps = []
    if rng.random() < 0.06:
        steps.append(rng.choice([change for change in CHANGES if change.startswith("FAKE")]))
    busy = rng.choice([0, 0, 0.1, 0.25])
    for _ in range(rng.randint(5, 30)):
        if rng.random() < busy:
            steps.append(rng.choice(CHANGES))
        if steps and rng.random() < 0.5 and steps[-1].startswith("kernel["):
            steps.append(steps[-1])
        else:
            steps.append(make_launch(rng, params, tuned, grids, options))
    if "autotune" in tuned or any("Equal(" in text for text in (source, *steps)):
        # A nan that is not the same object each time has the in-tree path tune anew, and not look for equals of what is beside.
        source, steps = source.replace("float('nan')", "nan"), [step.replace("float('nan')", "nan") for step in steps]
    return Case(seed, source, tuple(steps))


def launches_from(seed: int, launches: int) -> Iterator[Case]:
    """Cases from *seed* on, with that many launches together, or a few more."""
    while launches > 0:
        case = make_case(seed)
        launches -= sum(map(is_launch, case.steps))
        seed += 1
        yield case


def main() -> int:
    """Compares our driver with the in-tree one; the exit status is 1 if they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first case (default 0)")
    parser.add_argument("--cases", type=int, default=1, help="how many cases, one seed each (default 1)")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first case that differs")
    parser.add_argument("--reference", action="store_true", help="compare the in-tree driver with itself")
    parser.add_argument("--show", action="store_true", help="print the cases instead of running them")
    arguments = parser.parse_args()
    cases = map(make_case, range(arguments.seed, arguments.seed + arguments.cases))
    if arguments.show:
        print(*cases, sep="\n\n")
        return 0
    os.environ["TRITON_DEFAULT_FP_FUSION"] = "1"
    stub, failures = stub_cuda.load(), 0
    make_ours = stub.in_tree_driver if arguments.reference else Driver
    with tempfile.TemporaryDirectory() as folder, comparison(stub, Path(folder), make_ours) as compared:
        while (failure := compared.run(cases)) is not None:
            failures += 1
            print(failure, end="\n\n", flush=True)
            if not arguments.keep_going:
                break
    print(f"{failures} failures;", ", ".join(f"{count} {name}" for name, count in compared.counts.items()))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
