"""Tests that end their process, and one that does not end."""

import os
import time

import pytest


def test_before():
    pass


def test_ends_its_process():
    os._exit(3)


def test_between():
    pass


@pytest.mark.parametrize("seconds", [600])
def test_does_not_end(seconds):
    time.sleep(seconds)


def test_after():
    pass
