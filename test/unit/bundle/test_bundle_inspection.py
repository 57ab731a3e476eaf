# SPDX-License-Identifier: MIT
"""What is said of bundles, bundles made of others, and what a cubin tells of its kernel."""

import contextlib
import itertools
import json
import random
import re
import struct
import subprocess
from pathlib import Path

import pytest
import stub_cuda
import triton
import triton.language as tl
from bundles import digest, make_bundle, make_tuner, make_variant, with_tuners
from support import make_matmul, make_vector_add, warm_up_matmul, warm_up_vector_add
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.backends.driver import expand_signature
from triton.backends.graft import console
from triton.backends.graft.bundle import inspection
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import BundleError
from triton.backends.graft.runtime import cubin, format
from triton.backends.graft.runtime.cubin import Usage
from triton.backends.graft.runtime.format import Bundle
from triton.compiler import ASTSource

CUOBJDUMP = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"

#: Two kernels in one cubin; one has shared memory of a size that the compiler knows.
PTX = """
.version 7.0
.target sm_80
.address_size 64
.visible .entry first(.param .u64 out) { ret; }
.visible .entry second(.param .u64 out) {
  .shared .align 4 .b8 buffer[4096];
  .reg .b64 %address;
  .reg .b32 %value;
  ld.param.u64 %address, [out];
  ld.volatile.shared.u32 %value, [buffer];
  st.volatile.shared.u32 [buffer + 2048], %value;
  st.global.u32 [%address], %value;
  ret;
}
"""


@triton.jit
def spiller(x, out, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    v = tl.load(x + offs)
    w = tl.load(x + BLOCK + offs)
    for _ in range(4):
        v, w = tl.cumsum(v) * w, v
    tl.store(out + offs, v + w)


def file(bundle, address="kernels.graft"):
    return inspection.File(address, format.pack(bundle), bundle)


def two_files(a, b):
    return file(a, "a.graft"), file(b, "b.graft")


def shown(bundle):
    """What a program reads of `bundle show`."""
    return console.text(inspection.blocks(inspection.show(file(bundle)), True))


def differing(a, b):
    """The same of `bundle diff`."""
    return console.text(inspection.diff_blocks(inspection.diff(*two_files(a, b))))


def names(bundle):
    """The kernels and targets of the variants."""
    kernels = bundle.content["kernels"]
    return sorted((kernels[variant["kernel"]]["name"], variant["target"]) for variant in bundle.content["variants"])


# -- Cubins


def told_by_cuobjdump(path):
    """What NVIDIA's own tool says of each function in the cubin at *path*."""
    text = subprocess.run([CUOBJDUMP, "-res-usage", path], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"Function (\w+):\s+REG:(\d+) STACK:(\d+) SHARED:(\d+)", text)
    return {name: Usage(int(registers), int(stack) // 4, int(shared)) for name, registers, stack, shared in found}


@pytest.fixture
def two_kernels(tmp_path):
    """The path of a cubin with two kernels."""
    path = tmp_path / "two.cubin"
    (tmp_path / "two.ptx").write_text(PTX)
    subprocess.run([knobs.nvidia.ptxas.path, "-arch=sm_80", "-o", path, tmp_path / "two.ptx"], check=True)
    return path


@pytest.mark.parametrize("capability", [75, 80, 90, 100])
def test_what_a_cubin_tells_is_what_cuobjdump_prints(activate, tmp_path, capability):
    activate(Driver(target=f"cuda:{capability}"))
    compiled = [
        warm_up_vector_add(make_vector_add()),
        warm_up_matmul(make_matmul()),
        spiller.warmup(*[triton.MockTensor("fp32")] * 2, BLOCK=1024, num_warps=1, maxnreg=32, grid=(1,)),
    ]
    usages = []
    for kernel in compiled:
        path = tmp_path / "kernel.cubin"
        path.write_bytes(kernel.asm["cubin"])
        usages.append(cubin.usage(kernel.asm["cubin"], kernel.name))
        assert {kernel.name: usages[-1]} == told_by_cuobjdump(path)
    assert usages[0].spills == 0 and usages[2].spills > 0 and usages[2].registers == 32


def test_each_kernel_of_a_cubin_has_its_own_usage(two_kernels):
    told = told_by_cuobjdump(two_kernels)
    found = {name: cubin.usage(two_kernels.read_bytes(), name) for name in ("first", "second")}
    assert found == told
    assert [found[name].static_shared for name in found] == [0, 4096]


@pytest.mark.parametrize("name", ["third", "fir", "irst", "first\0", ""])
def test_of_a_kernel_that_is_not_in_the_cubin_nothing_is_told(two_kernels, name):
    assert cubin.usage(two_kernels.read_bytes(), name) == Usage(None, None, None)


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"not a cubin" * 100, b"\x7fELF\2\1" + bytes(200)])
def test_of_what_is_no_cubin_nothing_is_told(data):
    assert cubin.usage(data, "first") == Usage(None, None, None)


def test_of_a_cubin_that_is_cut_off_nothing_is_told_wrongly(two_kernels):
    data = two_kernels.read_bytes()
    whole = cubin.usage(data, "second")
    for length in range(len(data)):
        for value, expected in zip(cubin.usage(data[:length], "second"), whole, strict=True):
            assert value in (None, expected)


def test_a_damaged_cubin_is_read_to_some_end(two_kernels):
    data, rng = two_kernels.read_bytes(), random.Random(5)
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 8)):
            place = rng.randrange(len(data) - 8) & ~3
            damaged[place : place + 4] = struct.pack("<I", rng.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, rng.getrandbits(32))))
        usage = cubin.usage(bytes(damaged), "second")
        assert all(value is None or value >= 0 for value in usage)


def test_a_table_that_is_too_large_is_not_looked_through(two_kernels, monkeypatch):
    monkeypatch.setattr(cubin, "_MAX_TABLE", 16)
    assert cubin.usage(two_kernels.read_bytes(), "second") == Usage(None, None, None)


# -- Show


def test_show_says_everything_of_a_variant(two_kernels):
    bundle = make_variant("second", "cuda:80", 64, cubin=two_kernels.read_bytes(), options={"num_warps": 8}, shared=512)
    (kernel,) = inspection.show(file(bundle))["kernels"]
    (variant,) = bundle.content["variants"]
    usage = told_by_cuobjdump(two_kernels)["second"]
    assert kernel == {
        "kernel": "program:second",
        "digest": variant["kernel"],
        "variants": [
            {
                "target": "cuda:80",
                "arguments": "x: *fp16:16, n: i32:16, BLOCK=64",
                "options": {"num_warps": 8},
                "key": variant["key"],
                "producer": variant["producer"],
                "stages": ["cubin"],
                "cubin_bytes": len(two_kernels.read_bytes()),
                "registers": usage.registers,
                "spills": usage.spills,
                "shared_bytes": 512,
                "static_shared_bytes": 4096,
                "static": True,
                "why_not_static": "",
            }
        ],
    }


def test_show_says_who_made_the_bundle_and_for_what():
    bundle = with_tuners(make_bundle(["scale"], ["cuda:80", "cuda:90"]), make_tuner(winners=[(1, 64), (2, 128)]))
    report = inspection.show(file(bundle))
    assert report["targets"] == ["cuda:80", "cuda:90"]
    assert (report["digest"], report["bytes"], report["signer"]) == (bundle.digest, len(format.pack(bundle)), None)
    assert report["tuners"] == [{"kernel": "program:scale", "target": "cuda:90", "keys": ["n"], "winners": 2}]
    assert [(maker["graft"], maker["triton"], maker["variants"]) for maker in report["producers"]] == [
        ("0.1.0", "3.9.0", 1)
    ] * 2
    assert report["producers"][0]["components"] == {"compiler.triton": "release:3.9.0"}


def test_show_as_text_is_a_table_with_facts_above_and_notes_below():
    whole = format.merge(
        [
            make_variant("add", "cuda:80", 64, cubin=b"1234567", shared=96),
            make_variant("add", "cuda:80", 128, cubin=b"12", options={"num_warps": 8}, static="it is a test"),
            make_variant("scale", "cuda:80", cubin=b"123"),
        ]
    )
    whole = with_tuners(whole, make_tuner("add", "cuda:80"))
    ((producer, made),) = whole.content["producers"].items()
    compiler = inspection.part(made["compiler"]).digest
    assert shown(whole) == (
        f"""\
kernels.graft:
  size               {len(format.pack(whole))} bytes
  digest             {whole.digest}
  signature          none
  targets            cuda:80
  producer {producer[:8]}  3 variants by graft 0.1.0, Triton 3.9.0, compiler {compiler} (release:3.9.0), \
ptxas {digest("ptxas for cuda:80")} for cuda:80

kernel         target   arguments                           options      registers  spills  shared B  cubin B  static
program:add    cuda:80  x: *fp16:16, n: i32:16, BLOCK=128   num_warps=8          ?       ?         0        2  no
program:add    cuda:80  x: *fp16:16, n: i32:16, BLOCK=64    -                    ?       ?        96        7  yes
program:scale  cuda:80  x: *fp16:16, n: i32:16, BLOCK=1024  -                    ?       ?         0        3  yes

autotuned: program:add for cuda:80, 1 choice
not static (needs Triton to launch): program:add, 1 variant: it is a test"""
    )


def test_the_producer_is_a_column_where_a_target_has_several():
    whole = format.merge([make_variant(), make_variant("add", compiler="release:3.9.1")])
    columns = inspection.variants_table(inspection.show(file(whole))).columns
    assert sorted(columns["producer"]) == sorted(name[:8] for name in whole.content["producers"])
    assert (
        "producer" not in inspection.variants_table(inspection.show(file(make_bundle(targets=["cuda:80", "cuda:90"])))).columns
    )


def test_a_kernel_that_was_compiled_from_ir_has_no_module_and_unknown_arguments():
    report = inspection.show(file(make_variant(from_ir=True, static="it was compiled from IR")))
    assert report["kernels"][0]["kernel"] == "scale"
    assert report["kernels"][0]["variants"][0]["arguments"] == "unknown"


def test_a_constant_without_a_value_is_no_reason_to_fail():
    bundle = make_variant()
    bundle.content["variants"][0]["specialisation"]["constants"] = []
    bundle.content["variants"][0]["static"] = "its constants are not known"
    assert inspection.show(file(bundle))["kernels"][0]["variants"][0]["arguments"].endswith("BLOCK=unknown")


def test_a_bundle_without_kernels_can_be_shown():
    empty = Bundle(format.merge([]).content, {})
    assert shown(empty).splitlines()[3:] == ["  signature  none", "  targets    none"]


def test_what_a_terminal_would_act_on_is_escaped():
    bundle = make_variant("\x1b[2Jscale", file_name="scale", static="\x07\u202ebell")
    text = shown(bundle)
    assert r"program:\x1b[2Jscale" in text and r"\x07\u202ebell" in text
    assert text.replace("\n", "").isprintable()
    assert differing(bundle, make_bundle()).replace("\n", "").isprintable()


def test_an_error_that_lists_kernels_escapes_them_too():
    with pytest.raises(BundleError) as error:
        inspection.prune(file(make_variant("\x1b[2J", file_name="scale")), [], ["add"])
    assert str(error.value) == r"kernels.graft: it has no kernel 'add'; it has program:\x1b[2J"


# -- Diff


def test_equal_bundles_have_the_same_content():
    report = inspection.diff(*two_files(make_bundle(), make_bundle()))
    assert (report["equal"], report["same"]) == (True, 1)
    assert [report[name] for name in ("only_a", "only_b", "changed", "others", "read_sets")] == [[], [], [], [], 0]
    whole = make_bundle().digest
    assert differing(make_bundle(), make_bundle()) == (
        f"the same content:\n  a  a.graft, digest {whole}\n  b  b.graft, digest {whole}"
    )


def test_what_is_only_in_one_bundle_is_named():
    a, b = make_bundle(["scale", "add"]), make_bundle(["scale"], ["cuda:80", "cuda:90"])
    report = inspection.diff(*two_files(a, b))
    assert [(variant["kernel"], variant["target"]) for variant in report["only_a"]] == [("program:add", "cuda:90")]
    assert [(variant["kernel"], variant["target"]) for variant in report["only_b"]] == [("program:scale", "cuda:80")]
    assert (report["same"], report["changed"], report["equal"]) == (1, [], False)


def test_a_variant_with_another_cubin_is_listed_with_the_components_that_differ():
    a = make_variant("scale", options={"num_warps": 8}, cubin=b"old")
    b = make_variant("scale", options={"num_warps": 8}, cubin=b"new", compiler="release:3.9.1", code={"knob.a": "b1"}, ttir="x")
    report = inspection.diff(*two_files(a, b))
    old, new = (bundle.content["variants"][0]["own"]["source.text"] for bundle in (a, b))
    assert (report["only_a"], report["only_b"], report["same"]) == ([], [], 0)
    assert report["changed"] == [
        {
            "kernel": "program:scale",
            "target": "cuda:90",
            "arguments": "x: *fp16:16, n: i32:16, BLOCK=1024",
            "options": {"num_warps": 8},
            "same_cubin": False,
            "differences": [
                ["artifact.cubin", digest("old"), digest("new")],
                ["compiler.triton", "release:3.9.0", "release:3.9.1"],
                ["knob.a", "nothing", "b1"],
                ["source.text", old, new],
            ],
        }
    ]


def test_a_variant_with_another_key_and_the_same_cubin_is_told_apart():
    a, b = make_variant(cubin=b"same"), make_variant(cubin=b"same", compiler="release:3.9.1")
    (changed,) = inspection.diff(*two_files(a, b))["changed"]
    assert changed["same_cubin"]
    assert changed["differences"] == [["compiler.triton", "release:3.9.0", "release:3.9.1"]]


def test_variants_of_one_specialisation_are_paired_by_what_is_equal():
    made = [make_variant(cubin=text.encode(), code={"knob.a": text}) for text in ("1", "2", "3")]
    a, b = format.merge(made[:2]), format.merge([made[1], made[2]])
    report = inspection.diff(*two_files(a, b))
    assert report["same"] == 1
    (changed,) = report["changed"]
    assert changed["differences"] == [["artifact.cubin", digest("1"), digest("3")], ["knob.a", "1", "3"]]


def test_other_choices_of_autotuners_and_other_defaults_are_listed():
    a = with_tuners(make_bundle(), make_tuner(winners=[(64, 128)]))
    b = with_tuners(make_bundle(defaults={"num_stages": 5}), make_tuner(winners=[(64, 256)]))
    assert inspection.diff(*two_files(a, b))["others"] == [
        ["cuda:90.autotuned.program:scale.[64]", '{"BLOCK":128}', '{"BLOCK":256}'],
        ["cuda:90.option.num_stages", "3", "5"],
    ]


def test_read_sets_that_differ_are_counted():
    a, b = make_bundle(), make_bundle()
    ttir = a.content["variants"][0]["own"]["source.text"]
    b.content["manifests"][digest("m")] = {"name": "scale", "alternatives": [[ttir, [], []]]}
    report = inspection.diff(*two_files(a, b))
    assert report["read_sets"] == 1
    assert differing(a, b).splitlines()[-1] == "  read-sets that differ  1"


def test_the_difference_as_text_names_both_files_and_what_differs():
    a = format.merge([make_variant(cubin=b"old", code={"knob.a": "y" * 70}), make_variant("add")])
    b = format.merge([make_variant(cubin=b"new"), make_variant("add", block=64, options={"num_warps": 8})])
    assert differing(a, b) == (
        f"""\
the bundles differ:
  a                 a.graft, digest {a.digest}
  b                 b.graft, digest {b.digest}
  only in a         1 variant
  only in b         1 variant
  the same in both  0 variants
  changed           1 variant

only in a:
  program:add(x: *fp16:16, n: i32:16, BLOCK=1024) for cuda:90

only in b:
  program:add(x: *fp16:16, n: i32:16, BLOCK=64) [num_warps=8] for cuda:90

program:scale(x: *fp16:16, n: i32:16, BLOCK=1024) for cuda:90: another cubin
what            {"in a":70}  in b
artifact.cubin  {digest("old"):70}  {digest("new")}
knob.a          {"y" * 70}  nothing"""
    )


def test_every_report_is_json():
    a, b = two_files(with_tuners(make_bundle(), make_tuner()), make_bundle(["add"], options={"num_warps": 8}))
    for report in (inspection.show(a), inspection.diff(a, b), inspection.merge([a, b])[1], inspection.prune(a, ["cuda:90"])[1]):
        assert json.loads(json.dumps(report)) == report


# -- Merge


def test_a_merged_bundle_has_everything_whatever_the_order():
    parts = [
        with_tuners(make_bundle(["scale"]), make_tuner(winners=[(1, 64)])),
        with_tuners(make_bundle(["scale", "add"], ["cuda:80"]), make_tuner("add", "cuda:80")),
        with_tuners(make_bundle(["add", "scale"], ["cuda:90"]), make_tuner(winners=[(2, 128)])),
    ]
    merged = [inspection.merge(list(map(file, order)))[0] for order in itertools.permutations(parts)]
    assert names(merged[0]) == [("add", "cuda:80"), ("add", "cuda:90"), ("scale", "cuda:80"), ("scale", "cuda:90")]
    assert len({format.pack(bundle) for bundle in merged}) == 1
    assert [len(tuner["winners"]) for tuner in merged[0].content["tuners"]] == [1, 2]


def test_a_bundle_merged_with_itself_is_the_same_bytes():
    bundle = make_bundle(["scale", "add"], ["cuda:80", "cuda:90"])
    assert format.pack(inspection.merge([file(bundle), file(bundle)])[0]) == format.pack(bundle)


def test_of_two_variants_with_one_key_the_later_is_taken_and_that_is_said():
    a, b = two_files(make_variant(cubin=b"old"), make_variant(cubin=b"new"))
    merged, report = inspection.merge([a, b])
    assert list(merged.artifacts.values()) == [b"new"]
    assert [variant["kernel"] for variant in report["replaced"]] == ["program:scale"]
    assert inspection.format_written({"file": "out.graft", **report}) == (
        f"out.graft: 1 kernel, 1 variant for cuda:90, digest {merged.digest}\n"
        "a later bundle's is taken: program:scale(x: *fp16:16, n: i32:16, BLOCK=1024) for cuda:90"
    )


def test_bundles_with_other_defaults_for_a_target_are_not_merged():
    a, b = two_files(make_bundle(), make_bundle(["add"], defaults={"num_stages": 5}))
    with pytest.raises(BundleError) as error:
        inspection.merge([a, b])
    assert str(error.value) == (
        "a.graft and b.graft were made with other defaults of options for cuda:90 (num_stages: 3 and 5), so a launch means another "
        "kernel in each; make them anew with the same settings, or prune one of the target"
    )


# -- Prune


WHOLE = (["scale", "add"], ["cuda:80", "cuda:90"])


@pytest.mark.parametrize(
    ("targets", "kernels", "expected"),
    [
        (["cuda:90"], [], [("add", "cuda:90"), ("scale", "cuda:90")]),
        ([], ["add"], [("add", "cuda:80"), ("add", "cuda:90")]),
        (["cuda:80"], ["program:add", "scale"], [("add", "cuda:80"), ("scale", "cuda:80")]),
        (["cuda:80", "cuda:90"], ["program:scale"], [("scale", "cuda:80"), ("scale", "cuda:90")]),
    ],
)
def test_a_pruned_bundle_has_what_was_asked_for(targets, kernels, expected):
    pruned, report = inspection.prune(file(make_bundle(*WHOLE)), targets, kernels)
    assert names(pruned) == expected
    assert (report["variants"], report["removed"]) == (len(expected), 4 - len(expected))
    assert format.unpack(format.pack(pruned)) == pruned


def test_a_pruned_bundle_is_what_would_have_been_made():
    assert inspection.prune(file(make_bundle(*WHOLE)), ["cuda:80"], ["add"])[0] == make_bundle(["add"], ["cuda:80"])


def test_what_autotuners_chose_goes_with_their_kernels():
    whole = with_tuners(make_bundle(*WHOLE), make_tuner("add", "cuda:80"), make_tuner("scale", "cuda:80"), make_tuner("scale"))
    pruned, _ = inspection.prune(file(whole), ["cuda:80"], ["scale"])
    assert [(tuner["name"], tuner["target"]) for tuner in pruned.content["tuners"]] == [("scale", "cuda:80")]


@pytest.mark.parametrize("name", ["program:Model.step", "Model.step", "step"])
def test_a_kernel_in_a_class_is_found_by_any_of_its_names(name):
    assert names(inspection.prune(file(make_bundle(["Model.step", "add"])), [], [name])[0]) == [("Model.step", "cuda:90")]


@pytest.mark.parametrize(
    ("targets", "kernels", "message"),
    [
        (["cuda:75"], [], "it has nothing for 'cuda:75'; it has cuda:80, cuda:90"),
        (["cuda:80", "cuda:9"], [], "it has nothing for 'cuda:9'; it has cuda:80, cuda:90"),
        ([], ["Add"], "it has no kernel 'Add'; it has program:add, program:scale"),
        (
            ["cuda:90"],
            ["add"],
            "it has no such kernel for such a target; it has program:add for cuda:80, program:scale for cuda:80, "
            "program:scale for cuda:90",
        ),
    ],
)
def test_pruning_away_everything_is_an_error_that_names_what_is_there(targets, kernels, message):
    whole = format.merge([make_bundle(["scale"], ["cuda:80", "cuda:90"]), make_bundle(["add"], ["cuda:80"])])
    with pytest.raises(BundleError) as error:
        inspection.prune(file(whole), targets, kernels)
    assert str(error.value) == f"kernels.graft: {message}"


# -- Whether a cubin takes what a bundle says


MADE = {"swizzle": 3, "elem_size": 2, "elem_type": 6, "fp4_padded": False, "is_im2col": False}
SIZES = {"i32": 4, "fp32": 4, "i64": 8, "u16": 2, "i1": 1, "nvTmaDesc": 128}


def says(signature, made=None):
    """A variant with this signature, whose descriptors a host makes as *made* says."""
    return {"name": "k", "metadata": {"name": "k", "tensordesc_meta": made}, "specialisation": {"signature": signature}}


def random_signature(rng):
    """A signature, how a host makes its descriptors, and the bytes of its parameters as Triton's own launcher has them."""
    signature, made = [], []
    for _ in range(rng.randrange(1, 5)):
        rank = rng.randrange(1, 4)
        block = ", ".join(["16"] * rank)
        more = rng.choice(("", "", ",NVMMASharedLayout(x=[8, 1])", ",input_rank=4"))
        type_ = rng.choice(
            (f"tensordesc<fp16[{block}]{more}>", f"tensordesc_im2col<fp16[{block}]{more}>", "i32", "*fp32", "i64", "u16")
        )
        signature.append(type_)
        made += [{**MADE, "block_size": [16] * rank}] if type_.startswith("tensordesc") else []
    made = made if rng.random() < 0.5 else []
    sizes = [8 if type_[0] == "*" else SIZES[type_] for type_ in expand_signature(signature, made, "nvTmaDesc")]
    return signature, made, [*sizes, 8, 8]


def test_a_cubin_takes_what_its_signature_says_exactly_if_triton_passes_that():
    rng = random.Random(11)
    signatures = [random_signature(rng) for _ in range(60)]
    for (signature, made, said), (_, _, taken) in itertools.product(signatures, repeat=2):
        binary, variant = stub_cuda.fake_cubin("k", taken), says(signature, made)
        if said == taken:
            cubin.check_parameters(variant, binary)
        else:
            with pytest.raises(BundleError, match="takes parameters of "):
                cubin.check_parameters(variant, binary)


@pytest.mark.parametrize(
    ("type_", "made", "message"),
    [
        ("tensordesc<fp16[16]>", [MADE | {"block_size": [16]}], ""),
        ("tensordesc<fp16[16, 16]>", [MADE | {"block_size": [16, 16]}], "and its signature (tensordesc<fp16[16, 16]>) says 128, 4, 4, 8, 8, 8, 8"),
        ("tensordesc<fp16[16]>", None, "takes parameters of 128, 4, 8, 8, 8 bytes, and its signature (tensordesc<fp16[16]>) says 8, 8, 8, 1, 1, 4, 8, 8, 8"),
        ("tensordesc<fp16[16]>", [MADE | {"block_size": [16, 16]}], "and its tensordesc_meta a block_size of 2 numbers for it"),
        ("tensordesc<fp16[16]>", [MADE | {"block_size": [16]}] * 2, "has 1 descriptors, and its tensordesc_meta says how to make 2"),
        ("i32", [MADE | {"block_size": [16]}], "has 0 descriptors, and its tensordesc_meta says how to make 1"),
        ("tensordesc", None, "has 'tensordesc', which is not the type of a descriptor"),
        ("tensordesc<fp16[16],input_rank=999999999>", None, "which is not the type of a descriptor"),
        ("tensordesc<fp16[]>", None, "which is not the type of a descriptor"),
        ("i33", None, "and its signature (i33) says None, 8, 8"),
    ],
)  # fmt: skip
def test_a_lie_about_a_descriptor_is_told(type_, made, message):
    binary = stub_cuda.fake_cubin("k", [128, 4, 8, 8, 8])
    with pytest.raises(BundleError, match=re.escape(message)) if message else contextlib.nullcontext():
        cubin.check_parameters(says([type_], made), binary)


@triton.jit
def load_tile(descriptor, out, at):
    places = tl.arange(0, 16)
    tl.store(out + places[:, None] * 16 + places[None, :], descriptor.load([at, 0]))


@pytest.mark.parametrize("arch", [80, 90])
def test_cubins_of_real_kernels_take_what_their_signatures_say(arch):
    signature = {"descriptor": "tensordesc<fp16[16, 16]>", "out": "*fp16", "at": "i32"}
    kernel = triton.compile(ASTSource(load_tile, signature), target=GPUTarget("cuda", arch, 32))
    variant = says([*signature.values()], kernel.metadata.tensordesc_meta)
    variant["metadata"]["name"] = kernel.name
    cubin.check_parameters(variant, kernel.asm["cubin"])
    variant["specialisation"]["signature"][0] = "tensordesc<fp16[16]>"
    with pytest.raises(BundleError):
        cubin.check_parameters(variant, kernel.asm["cubin"])
