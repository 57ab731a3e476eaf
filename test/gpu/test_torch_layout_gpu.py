# SPDX-License-Identifier: MIT
"""CUDA tensors read by torch's proven layout."""

import subprocess
import sys

import pytest
import torch
from triton.backends.graft.launch import torch_layout


@pytest.fixture
def layout():
    """A layout that was proven after a first use of the device."""
    torch.ones(3, device="cuda")
    layout, reason = torch_layout.prove(torch)
    assert reason == ""
    assert layout.knows_cuda
    return layout


def said_by_torch(tensor):
    """What a reading must be."""
    on_cuda = tensor.device.type == "cuda"
    assert on_cuda or tensor.device.type == "cpu"
    index = tensor.device.index if on_cuda else -1
    return torch_layout.Reading(tensor.data_ptr(), tensor.dtype, int(on_cuda), index)


def dense_tensors():
    """Dense tensors on or for the device, by how they came to be."""
    matrix = torch.ones(6, 35, device="cuda")
    yield "whole", matrix
    yield "slice", matrix[1:, 3::4]
    yield "scalar", matrix.sum()
    yield "empty", torch.empty(0, device="cuda")
    yield "empty slice", matrix[6:]
    yield "more than 2^32 elements", matrix[:1, 7:8].expand(1 << 33, 3)
    yield "more than 4 GiB", torch.empty(5 << 30, dtype=torch.uint8, device="cuda")[(1 << 32) + 3 :]
    yield "copied", torch.ones(5)[1:].cuda()
    yield "not waited for", torch.ones(5).pin_memory().to("cuda", non_blocking=True)
    yield "pinned", torch.ones(5).pin_memory()[1:]
    yield "on the host", torch.ones(5)
    yield "parameter", torch.nn.Linear(3, 4, device="cuda").weight
    yield "product", matrix @ matrix.t()
    yield "requires grad", torch.ones(5, device="cuda", requires_grad=True) * 2
    yield "from DLPack", torch.from_dlpack(matrix[1:])
    with torch.inference_mode():
        yield "inference", torch.ones(7, device="cuda")[2:]
    with torch.cuda.stream(torch.cuda.Stream()):
        yield "of another stream", torch.ones(7, device="cuda")
    for index in range(1, torch.cuda.device_count()):
        yield f"of device {index}", torch.ones(7, device=f"cuda:{index}")[2:]
    freed = torch.ones(9, device="cuda")
    freed.untyped_storage().resize_(0)
    yield "freed", freed


def test_a_dense_cuda_tensor_is_read_as_torch_says(layout):
    for name, tensor in dense_tensors():
        assert (name, torch_layout.read(layout, tensor)) == (name, said_by_torch(tensor))


def test_a_cuda_tensor_of_each_proven_dtype_is_read_as_torch_says(layout):
    for dtype in filter(None, layout.dtypes):
        tensor = torch.empty(96, dtype=torch.uint8, device="cuda").view(dtype)[2:]
        assert torch_layout.read(layout, tensor) == said_by_torch(tensor)


def test_a_cuda_tensor_of_another_kind_is_refused(layout):
    matrix = torch.ones(4, 4, device="cuda")
    conjugated = torch.ones(3, dtype=torch.complex64, device="cuda").conj()
    kinds = {
        "conjugated": conjugated,
        "negated": conjugated.imag,
        "sparse": matrix.to_sparse(),
        "functional": torch._to_functional_tensor(matrix.clone()),
        "lazy clone": torch._lazy_clone(matrix),
        "lazily cloned": matrix,
    }
    assert {name: torch_layout.read(layout, tensor) for name, tensor in kinds.items()} == dict.fromkeys(kinds)
    inside = []
    torch.func.vmap(lambda x: inside.append(torch_layout.read(layout, x)) or x)(torch.ones(3, 4, device="cuda"))
    assert inside == [None]


def test_proving_allocates_nothing_on_the_device():
    torch.ones(3, device="cuda")
    before = torch.cuda.memory_stats()
    assert torch_layout.prove(torch)[0].knows_cuda
    after = torch.cuda.memory_stats()
    assert after["allocation.all.allocated"] == before["allocation.all.allocated"]
    assert after["segment.all.allocated"] == before["segment.all.allocated"]


def test_proving_does_not_disturb_a_capture():
    out = torch.zeros(3, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="global"):
        assert torch_layout.prove(torch)[0].knows_cuda
        out += 1
    graph.replay()
    assert out.tolist() == [1, 1, 1]


BEFORE_CUDA = """
import torch
from triton.backends.graft.launch import torch_layout

layout, reason = torch_layout.prove(torch)
assert reason == "" and not layout.knows_cuda
assert not torch.cuda.is_initialized()
torch.cuda.init()
assert torch_layout.prove(torch) == (layout, "") and not torch._C._cuda_hasPrimaryContext(0)
tensor = torch.ones(3, device="cuda")
assert torch_layout.read(layout, tensor) is None
layout, reason = torch_layout.prove(torch)
assert torch_layout.read(layout, tensor) == (tensor.data_ptr(), tensor.dtype, 1, 0)
"""


def test_cuda_tensors_are_refused_until_they_are_proven():
    done = subprocess.run([sys.executable, "-c", BEFORE_CUDA], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
