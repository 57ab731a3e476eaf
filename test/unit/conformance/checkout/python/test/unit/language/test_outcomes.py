# SPDX-License-Identifier: MIT
"""Every outcome that a test can have, and tests that pass on one side alone."""

import pytest
import triton
import triton.language as tl

#: As tests ask when they are imported.
SIDE = type(triton.runtime.driver.active).__module__.partition(".")[0]


@triton.jit
def fill(out, value):
    tl.store(out, value)


@pytest.mark.parametrize("value", [1, 2])
def test_compiles(value, device):
    assert fill.warmup(triton.MockTensor("fp16"), value, grid=(1,)).asm["cubin"]
    assert device == "cuda"


def test_passes_in_tree_alone():
    assert SIDE != "triton", "a fault of the backend"


@pytest.mark.parametrize("text", ["a|b", "c"])
def test_passes_on_the_backend_alone(text):
    assert SIDE == "triton", "a fault of the in-tree backend"


def test_fails_on_both():
    assert not SIDE


def test_is_skipped_on_the_backend():
    if SIDE == "triton":
        pytest.skip("not for this backend")


@pytest.mark.xfail
def test_is_known_to_fail():
    raise ValueError("as it should")


@pytest.mark.xfail
def test_is_thought_to_fail():
    pass


@pytest.fixture
def broken():
    raise OSError("a fixture that raises")


def test_has_an_error(broken):
    pass


@pytest.fixture
def broken_in_the_end():
    yield
    raise OSError("a fixture that raises in the end")


def test_has_an_error_in_the_end(broken_in_the_end):
    pass


@pytest.mark.parametrize("name", [SIDE])
def test_has_a_parameter_of_the_side(name):
    pass
