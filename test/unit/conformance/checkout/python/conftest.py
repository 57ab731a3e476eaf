# SPDX-License-Identifier: MIT
"""As in a checkout: options and fixtures of the tests' own. Its folder, that of `triton`, comes to stand first in `sys.path`."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--device", action="store", default="cuda")


@pytest.fixture
def device(request):
    return request.config.getoption("--device")
