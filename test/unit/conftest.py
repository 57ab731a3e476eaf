# SPDX-License-Identifier: MIT
"""Every unit test starts with an untouched Triton and an empty cache, and has to leave Triton untouched."""

import gc
import os
import signal

import pytest
import triton
from support import UNTOUCHED, OtherDriver, make_vector_add, state_of_triton, steers
from triton import knobs
from triton.backends.graft import hooks, wings
from triton.backends.graft.driver import Driver

_failed = pytest.StashKey[bool]()

# Some tests interrupt themselves, and who starts tests in the background may have them begin with interrupts ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


def _environment():
    """The variables of this process that steer Triton or us."""
    return {name: value for name, value in os.environ.items() if steers(name)}


@pytest.fixture(autouse=True)
def isolation(request, tmp_path, monkeypatch):
    """An empty cache, no variable of ours, no active driver; afterwards nothing of ours is left in Triton or the environment."""
    environment = _environment()
    for name in environment:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")  # unset, Triton 3.9 warns
    if "cache" in wings.present():
        from triton.backends.graft.cache import store

        # The cache is looked after at once, in each process, and leaves no sign of it.
        monkeypatch.setattr(store, "_is_dirty", lambda root, limit: True)
        monkeypatch.setattr(store, "_in_background", lambda work, mark: work())
    config = triton.runtime.driver
    config._default = None
    yield
    monkeypatch.undo()
    left = _environment()
    for name in left.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    config._active = config._default = None
    if request.node.stash.get(_failed, False):
        return  # its traceback may still hold a driver
    request.node.funcargs.clear()  # and so may these
    if list(hooks._drivers):
        gc.collect()
    assert left == environment  # a knob that is set, sets its variable
    assert state_of_triton() == UNTOUCHED
    assert not list(hooks._drivers)


@pytest.fixture
def activate():
    """Makes a driver the active one and returns it."""

    def activate(driver):
        triton.runtime.driver.set_active(driver)
        return driver

    return activate


@pytest.fixture
def other():
    """A driver that is not ours."""
    return OtherDriver()


@pytest.fixture
def vector_add():
    """A kernel with a boundary mask, not compiled yet."""
    return make_vector_add()


@pytest.fixture
def hits(monkeypatch):
    """Whether each compilation from now on is a hit, in order."""
    seen = []
    monkeypatch.setattr(knobs.compilation, "listener", lambda *, cache_hit, **_: seen.append(cache_hit), raising=False)
    return seen


@pytest.fixture
def hopper(activate):
    """A driver of ours that compiles for compute capability 9.0, the active one."""
    return activate(Driver(target="cuda:90"))


@pytest.fixture
def rig(tmp_path):
    """Our driver, active on two devices of the stub."""
    import launching

    with launching.rig(tmp_path) as rig:
        yield rig


@pytest.fixture
def graft():
    """Runs the command line in this process and returns click's result."""
    testing = pytest.importorskip("click.testing")
    from triton.backends.graft.tools.cli import graft

    return lambda *arguments: testing.CliRunner().invoke(graft, list(map(str, arguments)), prog_name="graft")
