# SPDX-License-Identifier: MIT
"""Tensor descriptors that are made while our driver is active: checked as Triton checks them, and natively where they are in order."""

import random
import sys

import pytest
from triton.tools.tensor_descriptor import TensorDescriptor

torch = pytest.importorskip("torch")

BASE = torch.zeros(4096, dtype=torch.float32)


class Sub(torch.Tensor):
    pass


class Odd(list):
    """A list that says it is longer than it is."""

    def __len__(self):
        return 2


def random_fields(rng):
    """What a descriptor is made of: mostly in order."""
    rank = rng.choice([1, 2, 2, 2, 3, 4, 5])
    shape = [rng.randint(1, 9) for _ in range(rank - 1)] + [rng.choice([16, 32, 64])]
    strides = [1]
    for extent in reversed(shape[1:]):
        strides.insert(0, strides[0] * extent)
    block = [rng.choice([1, 2, 4, 8, 16]) for _ in range(rank)]
    dtype = rng.choice([torch.float32, torch.float16, torch.bfloat16, torch.int8, torch.float64, torch.bool, torch.complex64])
    fields = {"base": BASE.view(torch.uint8)[:1024].view(dtype), "shape": shape, "strides": strides, "block_shape": block}
    for name in ("shape", "strides", "block_shape"):
        if rng.random() < 0.3:
            fields[name] = tuple(fields[name])
    if rng.random() < 0.15:
        fields["padding"] = rng.choice(["zero", "nan", "other", "".join(["ze", "ro"]), None, 1])
    if rng.random() < 0.15:
        fields["round_f32_to_tf32"] = rng.choice([True, False, 0, 1, None])
    if rng.random() < 0.4:
        name = rng.choice(list(fields))
        fields[name] = rng.choice(ODD.get(name, [fields[name]]))
    return fields


ODD = {
    "base": [BASE[1:], BASE[4:], BASE.to(torch.float16)[8:], torch.nn.Parameter(BASE), BASE.as_subclass(Sub), None, 5, torch.zeros(0),
             BASE.to("meta"), torch.empty(2, 2, dtype=torch.float64)],
    "shape": [[], [0, 16], [-1, 16], [16], [1] * 6, [16, 64.0], [True, 64], [2**70, 64], None, "ab", torch.Size([16, 64]), Odd([16, 64, 2]),
              [16, "x"], iter([16, 64])],
    "strides": [[], [64, 2], [63, 1], [64, True], [64, 1.0], [-64, 1], [0, 1], [2**62, 1], [2**70, 1], None, [1], (64, 1), [4, 1], [16, 1]],
    "block_shape": [[], [0, 16], [-2, 16], [3, 16], [16, 2**21], [2**20, 2], [2**20, 1], [16, 16.0], [True, 16], None, [16], (8, 8), [2**63, 1]],
}  # fmt: skip


def outcome(fields):
    """The descriptor's fields, or the error."""
    try:
        made = TensorDescriptor(**fields)
    except Exception as error:
        return type(error), str(error)
    return {name: value for name, value in vars(made).items() if name != "base"}


def test_random_descriptors_are_taken_or_refused_as_triton_does(rig):
    rig.use(rig.in_tree)
    expected = [outcome(random_fields(random.Random(seed))) for seed in range(4000)]
    rig.use(rig.driver)
    for seed, wanted in enumerate(expected):
        seen = outcome(random_fields(random.Random(seed)))
        assert repr(seen) == repr(wanted) or "iterator" in repr(wanted), f"seed {seed}: {random_fields(random.Random(seed))}"
    refused = [wanted for wanted in expected if isinstance(wanted, tuple)]
    assert 400 < len(refused) < 3000 and len({error for error, _ in refused}) >= 4


def test_a_descriptor_in_order_is_checked_without_python(rig):
    called = []

    def note(frame, event, argument):
        if event == "call":
            called.append(frame.f_code.co_name)

    def made(**options):
        called.clear()
        sys.setprofile(note)
        try:
            TensorDescriptor(BASE, [64, 64], (64, 1), [16, 32], **options)
        finally:
            sys.setprofile(None)
        return called[:]

    assert made() == ["__init__"]
    assert "__post_init__" in made(padding="nan") and "__post_init__" in made(round_f32_to_tf32=True)


def test_the_check_is_tritons_again_with_another_driver(rig):
    ours = vars(TensorDescriptor)["__post_init__"]
    rig.use(rig.in_tree)
    assert vars(TensorDescriptor)["__post_init__"] is not ours
    rig.use(rig.driver)
