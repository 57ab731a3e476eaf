# SPDX-License-Identifier: MIT
"""These tests launch kernels: they need a CUDA device and a PyTorch that can use it."""

import pytest
import triton

torch = pytest.importorskip("torch")


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    """No test is served what another compiled."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def graft():
    """Makes our driver the active one for a test."""
    from triton.backends.graft.driver import Driver

    driver = Driver()
    triton.runtime.driver.set_active(driver)
    yield driver
    triton.runtime.driver.reset_active()
