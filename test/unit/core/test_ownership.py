# SPDX-License-Identifier: MIT
"""Whose is the `cuda` target? It belongs to the active driver, and switching back leaves nothing behind."""

import gc
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import triton
from sample import SWITCH, needs_option
from support import (
    UNTOUCHED,
    OtherDriver,
    in_child,
    make_vector_add,
    output_of,
    run_python,
    search_path,
    state_of_triton,
    target,
    warm_up_vector_add,
)
from sweeps import slow
from triton.backends.graft import hooks
from triton.backends.graft.compiler import Backend
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import UnregisteredError
from triton.backends.graft.settings import CAPABILITIES
from triton.backends.nvidia.compiler import CUDABackend
from triton.backends.nvidia.driver import CudaDriver
from triton.compiler import make_backend

config = triton.runtime.driver

#: What was compiled by ours is told by an option of ours.
pytestmark = needs_option


@pytest.fixture(params=[False, True], ids=["ours asked last", "ours asked first"])
def either_order(request, monkeypatch):
    """Triton asks backends in the order in which it found them installed, which is any."""
    entries = sorted(triton.backends.backends.items(), key=lambda entry: entry[0] == "graft", reverse=request.param)
    monkeypatch.setattr(triton.compiler.compiler, "backends", dict(entries))


def is_ours(compiled):
    return hasattr(compiled.metadata, SWITCH)


# -- Asleep, watching, active


def test_importing_the_backend_leaves_triton_untouched():
    assert type(make_backend(target(90))) is CUDABackend
    assert state_of_triton() == UNTOUCHED
    assert type(config).__name__ == "DriverConfig" and type(config).__module__ == "triton.runtime.driver"


def test_making_a_driver_without_activating_it_changes_no_answer():
    driver = Driver(target="cuda:90")
    assert isinstance(config, UNTOUCHED["config class"])
    assert CUDABackend.supports_target(target(90))
    assert "device_caches" not in vars(triton.JITFunction)
    assert type(make_backend(target(90))) is CUDABackend
    del driver


def test_an_active_driver_makes_ours_the_only_backend(activate):
    activate(Driver(target="cuda:90"))
    assert type(make_backend(target(90))) is Backend
    assert type(make_backend(target(80))) is Backend


def test_other_targets_are_not_ours(activate):
    activate(Driver(target="cuda:90"))
    hip = triton.backends.compiler.GPUTarget("hip", "gfx942", 64)
    assert type(make_backend(hip)) is triton.backends.backends["amd"].compiler


def test_switching_to_another_driver_restores_the_very_same_objects(activate, other):
    driver = activate(Driver(target="cuda:90"))
    activate(other)
    assert dict(triton.backends.backends) == UNTOUCHED["backends"]
    assert "device_caches" not in vars(triton.JITFunction)
    assert type(make_backend(target(90))) is CUDABackend
    del driver
    gc.collect()
    assert type(config) is UNTOUCHED["config class"]
    assert state_of_triton() == UNTOUCHED


def test_reset_active_restores_the_very_same_objects(activate, other):
    config._default = other
    activate(Driver(target="cuda:90"))
    config.reset_active()
    gc.collect()
    assert config.active is other
    assert state_of_triton() == UNTOUCHED


def test_a_reset_that_fails_leaves_ours_active(activate, monkeypatch):
    """On a machine without a device the default driver cannot be made, which Triton says itself."""
    monkeypatch.setattr(CudaDriver, "is_active", staticmethod(lambda: False))
    monkeypatch.setattr(triton.backends.backends["amd"].driver, "is_active", staticmethod(lambda: False))
    driver = activate(Driver(target="cuda:90"))
    with pytest.raises(RuntimeError, match=r"^0 active drivers \(\[\]\)\. There should only be one\.$"):
        config.reset_active()
    assert config.active is driver
    assert type(make_backend(target(90))) is Backend


def test_the_same_driver_can_be_activated_again(activate, other):
    driver = Driver(target="cuda:90")
    for _ in range(3):
        activate(driver)
        assert type(make_backend(target(90))) is Backend
        activate(other)
        assert type(make_backend(target(90))) is CUDABackend


def test_activating_the_active_driver_again_changes_nothing(activate):
    driver = activate(Driver(target="cuda:90"))
    before = vars(CUDABackend)["supports_target"]
    activate(driver)
    assert type(make_backend(target(90))) is Backend
    assert vars(CUDABackend)["supports_target"] is before


def test_two_drivers_of_different_targets_take_turns(activate, vector_add):
    hopper, ampere = Driver(target="cuda:90"), Driver(target="cuda:80")
    arches = []
    for driver in (hopper, ampere, hopper):
        activate(driver)
        arches.append(warm_up_vector_add(vector_add).metadata.target.arch)
    assert arches == [90, 80, 90]


def test_the_last_driver_to_go_ends_the_watch(activate, other):
    first, second = Driver(target="cuda:90"), Driver(target="cuda:80")
    activate(other)
    del first
    gc.collect()
    assert type(config) is not UNTOUCHED["config class"]
    del second
    gc.collect()
    assert type(config) is UNTOUCHED["config class"]


def test_a_driver_made_after_the_watch_ended_works(activate, other):
    for _ in range(2):
        activate(Driver(target="cuda:90"))
        assert type(make_backend(target(90))) is Backend
        activate(other)
        gc.collect()
        assert state_of_triton() == UNTOUCHED


def test_a_driver_that_cannot_be_made_leaves_triton_untouched():
    with pytest.raises(ValueError):
        Driver(target="sm90")
    assert state_of_triton() == UNTOUCHED


def test_each_hook_says_what_it_replaces_and_why():
    for hook in hooks.HOOKS.values():
        assert hook.where and hook.what and hook.why


# -- A Triton that is not as expected


def test_a_hook_that_finds_something_else_declines_with_one_warning(activate, other, monkeypatch):
    monkeypatch.setattr(triton.JITFunction, "device_caches", "somebody else's", raising=False)
    monkeypatch.setattr(hooks, "_declined", set())
    driver = Driver(target="cuda:90")
    with pytest.warns(hooks.GraftWarning) as caught:
        activate(driver)
        activate(other)
        activate(driver)
        activate(other)
    assert [str(warning.message) for warning in caught] == [
        "triton-graft leaves triton.JITFunction.device_caches alone, which is not as in Triton 3.9; switching between drivers "
        "may mix up their kernels."
    ]
    assert vars(triton.JITFunction)["device_caches"] == "somebody else's"


def test_undoing_a_hook_keeps_what_somebody_else_put_there_since(activate, other):
    theirs = staticmethod(lambda target: False)
    activate(Driver(target="cuda:90"))
    try:
        CUDABackend.supports_target = theirs
        activate(other)
        assert vars(CUDABackend)["supports_target"] is theirs
    finally:
        CUDABackend.supports_target = UNTOUCHED["supports_target"]


# -- The in-tree classes stay usable


def test_the_in_tree_backend_can_be_made_on_purpose_while_ours_is_active(activate):
    activate(Driver(target="cuda:90"))
    backend = CUDABackend(target(90))
    assert type(backend) is CUDABackend
    assert backend.supports_target(target(90))


def test_our_backend_can_be_made_on_purpose_while_the_in_tree_one_is_active(activate, other):
    activate(other)
    backend = Backend(target(90))
    assert getattr(backend.parse_options({}), SWITCH) is True
    assert not Backend.supports_target(target(90))


def test_a_subclass_of_the_in_tree_backend_keeps_its_answer(activate):
    class Theirs(CUDABackend):
        pass

    activate(Driver(target="cuda:90"))
    assert Theirs.supports_target(target(90))
    assert type(Theirs(target(90))) is Theirs


def test_our_driver_is_an_in_tree_driver_for_whoever_asks():
    assert isinstance(Driver(target="cuda:90"), CudaDriver)
    assert issubclass(Backend, CUDABackend)


def test_a_loop_over_backends_finds_the_active_driver(activate, monkeypatch):
    """torch's Inductor takes the first backend whose driver says it is active and keeps an active driver of that class."""
    monkeypatch.setattr(triton.backends.backends["amd"].driver, "is_active", staticmethod(lambda: False))
    monkeypatch.setattr(CudaDriver, "is_active", staticmethod(lambda: True))
    driver = activate(Driver(target="cuda:90"))
    for backend in triton.backends.backends.values():
        if backend.driver.is_active():
            if not isinstance(config.active, backend.driver):
                config.set_active(backend.driver())
            break
    assert config.active is driver


# -- Kernels remember backends


def test_a_kernel_warmed_up_before_the_switch_is_compiled_by_ours_afterwards(activate, other, vector_add):
    activate(other)
    theirs = warm_up_vector_add(vector_add)
    activate(Driver(target="cuda:80"))
    ours = warm_up_vector_add(vector_add)
    assert not is_ours(theirs) and is_ours(ours)
    assert [type(entry[3]) for entry in vector_add.device_caches.values()] == [Backend]


def test_switching_back_serves_a_kernel_from_the_cache_it_had(activate, other, vector_add):
    activate(other)
    theirs, cache = warm_up_vector_add(vector_add), vector_add.device_caches
    activate(Driver(target="cuda:80"))
    warm_up_vector_add(vector_add)
    activate(other)
    assert vector_add.device_caches is cache
    assert [type(entry[3]) for entry in cache.values()] == [CUDABackend]
    assert warm_up_vector_add(vector_add) is theirs


def test_a_driver_of_the_same_target_finds_what_ours_compiled_before(activate, other, vector_add):
    activate(Driver(target="cuda:90"))
    first = warm_up_vector_add(vector_add)
    activate(other)
    activate(Driver(target="cuda:90"))
    assert warm_up_vector_add(vector_add) is first


def test_clearing_the_caches_of_a_kernel_clears_those_of_the_active_driver(activate, other, vector_add):
    activate(other)
    theirs = warm_up_vector_add(vector_add)
    driver = activate(Driver(target="cuda:90"))
    ours = warm_up_vector_add(vector_add)
    vector_add.device_caches.clear()
    assert warm_up_vector_add(vector_add) is not ours
    activate(other)
    assert warm_up_vector_add(vector_add) is theirs
    del driver


def test_a_kernel_defined_while_ours_is_active_works_after_the_switch(activate, other):
    activate(Driver(target="cuda:90"))
    kernel = make_vector_add()
    assert is_ours(warm_up_vector_add(kernel))
    activate(other)
    assert not is_ours(warm_up_vector_add(kernel))


# -- Threads


def test_threads_compile_one_kernel_with_ours(activate, vector_add):
    activate(Driver(target="cuda:90"))
    with ThreadPoolExecutor(8) as pool:
        compiled = list(pool.map(lambda index: warm_up_vector_add(vector_add, block=128 << index % 4), range(16)))
    assert all(is_ours(kernel) for kernel in compiled)
    assert [kernel.src.constants[(4,)] for kernel in compiled] == [128 << index % 4 for index in range(16)]


def while_switching(driver, other, work, switches):
    """Runs *work* again and again in three threads while this one switches drivers; returns results and errors."""
    results, errors, stop = [], [], threading.Event()

    def repeat():
        while not stop.is_set():
            try:
                results.append(work())
            except Exception as error:
                # Python's own: `ast.parse` keeps its depth where all threads share it, and may be interrupted by another.
                if "AST constructor recursion depth mismatch" not in str(error):
                    errors.append(error)

    threads = [threading.Thread(target=repeat) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for _ in range(switches):
            config.set_active(driver)
            config.set_active(other)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    return results, errors


class SwitchingTarget:
    """A CUDA target at which another thread switches to *driver* when a backend looks at it for the nth time."""

    arch, warp_size = 90, 32

    def __init__(self, driver, when):
        self.driver, self.countdown = driver, when

    @property
    def backend(self):
        self.countdown -= 1
        if self.countdown == 0:
            switch = threading.Thread(target=config.set_active, args=(self.driver,))
            switch.start()
            switch.join()
        return "cuda"


@pytest.mark.parametrize("when", range(1, 7))
@pytest.mark.parametrize("to_ours", [True, False], ids=["to ours", "from ours"])
def test_a_switch_while_backends_are_asked_leaves_exactly_one(activate, other, either_order, to_ours, when):
    ours = Driver(target="cuda:90")
    activate(other if to_ours else ours)
    assert type(make_backend(SwitchingTarget(ours if to_ours else other, when))) in (CUDABackend, Backend)


def test_a_thread_that_asked_before_the_first_driver_existed_gets_one_backend_after_a_switch_elsewhere(either_order):
    same = target(90)
    found, switched, asked = [], threading.Event(), threading.Event()

    def ask_before_and_after():
        found.append(type(make_backend(same)))
        asked.set()
        switched.wait()
        found.append(type(make_backend(same)))

    worker = threading.Thread(target=ask_before_and_after)
    worker.start()
    asked.wait()
    config.set_active(Driver(target="cuda:90"))
    switched.set()
    worker.join()
    assert found == [CUDABackend, Backend]


@pytest.mark.parametrize("switches", [50, slow(1000)])
def test_a_thread_that_compiles_during_a_switch_gets_a_kernel_of_one_of_the_two(switches, activate):
    other = activate(OtherDriver(90))
    kernels = [make_vector_add() for _ in range(4)]
    for driver in (Driver(target="cuda:90"), other):  # the disk cache makes the threads fast
        activate(driver)
        warm_up_vector_add(kernels[0])

    def work():
        kernel = make_vector_add()
        return is_ours(warm_up_vector_add(kernel))

    results, errors = while_switching(Driver(target="cuda:90"), other, work, switches)
    assert {str(error) for error in errors} == set()
    assert set(results) <= {True, False}


@pytest.mark.parametrize("make", [OtherDriver, lambda: Driver(target="cuda:80")], ids=["another's", "another target"])
def test_caches_that_a_switch_makes_anothers_are_not_kept(activate, vector_add, make):
    driver = activate(Driver(target="cuda:90"))
    create = vector_add.create_binder
    vector_add.create_binder = lambda: (activate(make()), create())[1]
    caches = driver.caches_of(vector_add)
    assert caches[0][2] == config.active.get_current_target()
    assert not caches


# -- Forked children


def test_a_forked_child_compiles_with_ours(activate, vector_add):
    activate(Driver(target="cuda:90"))
    assert in_child(lambda: is_ours(warm_up_vector_add(vector_add))) == (0, "True")


def test_a_switch_in_a_forked_child_does_not_reach_the_parent(activate, other):
    activate(Driver(target="cuda:90"))

    def switch():
        config.set_active(other)
        return type(make_backend(target(90))).__name__

    assert in_child(switch) == (0, "CUDABackend")
    assert type(make_backend(target(90))) is Backend


# -- TRITON_DEFAULT_BACKEND

REPORT = """
import triton
from sample import SWITCH
from support import make_vector_add, target, vector_add_source, warm_up_vector_add
from triton.compiler import make_backend
"""


def test_the_variable_makes_ours_the_default_and_reset_active_keeps_it(tmp_path):
    code = (
        REPORT
        + """
from triton.backends.nvidia.compiler import CUDABackend
from support import OtherDriver
kernel = make_vector_add()
print(warm_up_vector_add(kernel).metadata.target.arch, type(triton.runtime.driver.active).__module__)
triton.runtime.driver.set_active(OtherDriver())
print(type(make_backend(target(90))) is CUDABackend, hasattr(warm_up_vector_add(kernel).metadata, SWITCH))
triton.runtime.driver.reset_active()
print(type(make_backend(target(90))).__module__, hasattr(warm_up_vector_add(kernel).metadata, SWITCH))
"""
    )
    assert output_of(code, tmp_path, TRITON_DEFAULT_BACKEND="graft", GRAFT_TARGET="cuda:100").splitlines() == [
        "100 triton.backends.graft.driver",
        "True False",
        "triton.backends.graft.compiler True",
    ]


def test_compiling_for_a_target_as_the_very_first_thing_uses_the_default_backend(tmp_path):
    code = (
        REPORT
        + """
compiled = triton.compile(vector_add_source(make_vector_add()), target=target(80))
print(compiled.metadata.target.arch, getattr(compiled.metadata, SWITCH))
"""
    )
    assert output_of(code, tmp_path, TRITON_DEFAULT_BACKEND="graft", GRAFT_TARGET="cuda:90") == "80 True\n"


NO_DEVICE = (
    "triton.backends.graft.errors.NoDeviceError: no CUDA device was found, so the graft driver cannot launch kernels; to "
    'compile without one, name the target: Driver(target="cuda:90") or GRAFT_TARGET=cuda:90.'
)


@pytest.mark.parametrize(
    "request_of_the_user",
    ["triton.runtime.driver.active", "warm_up_vector_add(make_vector_add())"],
    ids=["active", "warmup"],
)
def test_the_variable_without_a_device_and_without_a_target_says_what_to_do(tmp_path, request_of_the_user):
    done = run_python(REPORT + request_of_the_user, tmp_path, TRITON_DEFAULT_BACKEND="graft", CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == NO_DEVICE


def test_the_variable_without_a_device_compiles_for_a_target_that_is_named(tmp_path):
    code = (
        REPORT
        + """
compiled = triton.compile(vector_add_source(make_vector_add()), target=target(80))
print(compiled.metadata.target.arch, getattr(compiled.metadata, SWITCH), triton.runtime.driver.__dict__.get("_active"))
"""
    )
    assert output_of(code, tmp_path, TRITON_DEFAULT_BACKEND="graft", CUDA_VISIBLE_DEVICES="") == "80 True None\n"


def test_a_typing_error_in_the_variable_is_refused_by_triton(monkeypatch):
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", "graftt")
    with pytest.raises(RuntimeError, match=r"^Unknown backend device 'graftt'\. Available backends: \[.*'graft'.*\]$"):
        config.active  # noqa: B018


def test_a_bad_target_in_the_environment_says_so_when_the_driver_is_needed(tmp_path):
    code = REPORT + "triton.runtime.driver.active"
    done = run_python(code, tmp_path, TRITON_DEFAULT_BACKEND="graft", GRAFT_TARGET="sm90")
    allowed = ", ".join(map(str, CAPABILITIES))
    assert done.stderr.splitlines()[-1] == (
        "triton.backends.graft.errors.OptionError: GRAFT_TARGET='sm90': expected cuda:<compute capability> with one of "
        f"{allowed}; for example cuda:90"
    )


def test_the_variable_set_after_the_import_does_not_make_two_backends(monkeypatch, either_order):
    """Triton reads TRITON_DEFAULT_BACKEND when a driver is first needed, so a program may set it after the import."""
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", "graft")
    monkeypatch.setenv("GRAFT_TARGET", "cuda:90")
    assert type(make_backend(target(90))) in (CUDABackend, Backend)
    assert type(config.active) is Driver
    assert type(make_backend(target(90))) is Backend


def test_the_variable_set_after_the_import_makes_ours_the_active_driver(monkeypatch, vector_add):
    monkeypatch.setenv("TRITON_DEFAULT_BACKEND", "graft")
    monkeypatch.setenv("GRAFT_TARGET", "cuda:90")
    assert is_ours(warm_up_vector_add(vector_add))


def test_in_tree_discovery_works_beside_an_installed_graft(tmp_path):
    code = """
import sys, triton
from triton.backends import backends
from triton.compiler import make_backend
from support import target
print(sorted(set(backends) - {"graft"}), type(make_backend(target(90))).__module__)
"""
    assert output_of(code, tmp_path, TRITON_BACKENDS_IN_TREE="1") == "['amd', 'nvidia'] triton.backends.nvidia.compiler\n"


# -- Two backends made from this template


@pytest.fixture
def second_copy(tmp_path):
    """The folder with a copy of `backend/` in it, installed as the backend `graft_two`."""
    site = tmp_path / "site"
    shutil.copytree(Path(hooks.__file__).parent, site / "graft_two", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    info = site / "graft_two-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: graft-two\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[triton.backends]\ngraft_two = graft_two\n")
    return site


def test_a_second_backend_made_from_this_template_takes_turns_with_ours(tmp_path, second_copy):
    code = """
import gc
import triton
from triton.backends.graft.driver import Driver as One
from graft_two.driver import Driver as Two
from sample import SWITCH
from support import UNTOUCHED, OtherDriver, make_vector_add, state_of_triton, target, warm_up_vector_add
from triton.compiler import make_backend
config = triton.runtime.driver
drivers = {"one": One(target="cuda:80"), "two": Two(target="cuda:90"), "other": OtherDriver(100)}
kernel = make_vector_add()
for name in "one two one other two other two one other".split():
    config.set_active(drivers[name])
    compiled = warm_up_vector_add(kernel, **{SWITCH: False}) if name != "other" else warm_up_vector_add(kernel)
    print(name, type(make_backend(target(90))).__module__, compiled.metadata.target.arch)
config.set_active(drivers["other"])
drivers.clear()
gc.collect()
print(state_of_triton() == UNTOUCHED)
"""
    one = "one triton.backends.graft.compiler 80"
    two = "two graft_two.compiler 90"
    other = "other triton.backends.nvidia.compiler 100"
    assert output_of(code, tmp_path, PYTHONPATH=search_path(second_copy)).splitlines() == [
        one,
        two,
        one,
        other,
        two,
        other,
        two,
        one,
        other,
        "True",
    ]


def test_a_parameter_that_is_called_as_an_option_of_ours_is_the_kernels(tmp_path):
    code = (
        REPORT
        + """
import tempfile, importlib.util
from triton.backends.graft.driver import Driver
path = tempfile.mkdtemp() + "/own.py"
with open(path, "w") as file:
    file.write("import triton, triton.language as tl\\n@triton.jit\\ndef k(p, SWITCH: tl.constexpr):\\n    tl.store(p, SWITCH)\\n".replace("SWITCH", SWITCH))
spec = importlib.util.spec_from_file_location("own", path)
own = importlib.util.module_from_spec(spec); spec.loader.exec_module(own)
triton.runtime.driver.set_active(Driver(target="cuda:90"))
compiled = own.k.warmup(triton.MockTensor("fp32"), **{SWITCH: 7}, grid=(1,))
print("7.0" in compiled.asm["ttir"] or "7.000000e+00" in compiled.asm["ttir"], getattr(compiled.metadata, SWITCH))
"""
    )
    assert output_of(code, tmp_path) == "True True\n"


@pytest.mark.parametrize(
    ("in_tree", "why"),
    [
        ("1", r"unset the variable, or install triton-graft without -e\.$"),
        ("", r"compile; it finds .*: install triton-graft with pip\.$"),
    ],
)
def test_a_backend_that_triton_has_not_found_says_so_when_it_is_made_active(monkeypatch, in_tree, why):
    from triton.backends import backends

    driver = Driver(target="cuda:90")
    monkeypatch.delitem(backends, "graft")
    monkeypatch.setenv("TRITON_BACKENDS_IN_TREE", in_tree)
    with pytest.raises(UnregisteredError, match=why):
        config.set_active(driver)


def test_exactly_one_driver_says_that_it_is_active(tmp_path):
    code = "from triton.backends import backends\nprint([name for name, found in backends.items() if found.driver.is_active()])"
    assert output_of(code, tmp_path, TRITON_DEFAULT_BACKEND="graft") == "['graft']\n"
