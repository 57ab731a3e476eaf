# SPDX-License-Identifier: MIT
"""Tests that switch drivers."""

import importlib
import sys

import pytest
import triton
from support import OtherDriver


class TheirDriver(OtherDriver):
    """A driver that is that of neither side."""


CHOSEN = type(triton.runtime.driver.active)


def test_switches_and_does_not_switch_back():
    triton.runtime.driver.set_active(TheirDriver())


def test_after_a_switch():
    assert type(triton.runtime.driver.active) is CHOSEN


def test_switches_and_switches_back():
    before = triton.runtime.driver.active
    triton.runtime.driver.set_active(TheirDriver())
    triton.runtime.driver.set_active(before)


@pytest.fixture
def their_driver():
    before = triton.runtime.driver.active
    triton.runtime.driver.set_active(TheirDriver())
    yield
    triton.runtime.driver.set_active(before)


def test_has_a_fixture_that_switches(their_driver):
    assert type(triton.runtime.driver.active) is TheirDriver


def test_reloads_the_module_of_the_driver():
    importlib.reload(sys.modules["triton.runtime.driver"])
    importlib.reload(sys.modules["triton.runtime"])
    assert triton.runtime.driver._active is None


def test_after_a_reload():
    assert type(triton.runtime.driver.active) is CHOSEN
