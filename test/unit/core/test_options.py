# SPDX-License-Identifier: MIT
"""Kernel options: what may be asked for, where it may be asked, and that it is part of a kernel's identity."""

from dataclasses import fields

import pytest
import triton
from option_values import values_of
from sample import SWITCH, VARIABLE, make_double, needs_option, needs_pass, warm_up_double
from support import make_vector_add, target, vector_add_source, warm_up_vector_add
from triton.backends.graft import settings, wings
from triton.backends.graft.compiler import Backend, Options
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftError, OptionError
from triton.experimental import gluon
from triton.experimental.gluon import language as gl


def pairs(field):
    """Each option's name with each of its values of this *field* of `Values`."""
    return [(name, value) for name, option in wings.options().items() for value in getattr(values_of(option.kind), field)]


@pytest.fixture
def backend():
    return Backend(target(90))


# -- The table


def test_options_has_a_field_with_the_same_default_for_each_entry_of_the_table():
    ours = {field.name: field.default for field in fields(Options)}
    for name, option in wings.options().items():
        assert option.name == name
        assert ours[name] == option.default
        assert option.kind.is_valid(option.default)
        assert option.help


def test_no_option_has_the_name_of_one_of_tritons():
    upstream = {field.name for field in fields(Options.__base__)}
    assert not upstream & set(wings.options())


def test_variables_carry_the_name_of_the_backend():
    assert settings.NAME == "graft"
    assert settings.Option("some_words", True, settings.Flag(), "").variable == "GRAFT_SOME_WORDS"
    variables = [*wings.variables(), *(option.variable for option in wings.options().values())]
    assert len(set(variables)) == len(variables)
    assert all(variable.startswith("GRAFT_") for variable in variables)


# -- Precedence: kernel, environment, default


@pytest.mark.parametrize(("name", "value"), pairs("good"), ids=str)
def test_a_kernel_option_wins_over_the_default(backend, name, value):
    assert getattr(backend.parse_options({name: value[0]}), name) == value[0]


@pytest.mark.parametrize(("name", "value"), pairs("good"), ids=str)
def test_the_environment_wins_over_the_default(backend, monkeypatch, name, value):
    monkeypatch.setenv(wings.options()[name].variable, value[1])
    assert getattr(backend.parse_options({}), name) == value[0]


@pytest.mark.parametrize("name", wings.options())
def test_a_kernel_option_wins_over_the_environment(backend, monkeypatch, name):
    (first, _), *_, (_, text) = values_of(wings.options()[name].kind).good
    monkeypatch.setenv(wings.options()[name].variable, text)
    assert getattr(backend.parse_options({name: first}), name) == first


@pytest.mark.parametrize("name", wings.options())
def test_without_kernel_option_and_environment_there_is_the_default(backend, name):
    assert getattr(backend.parse_options({}), name) == wings.options()[name].default


@pytest.mark.parametrize("name", wings.options())
def test_an_empty_variable_is_as_good_as_none(backend, monkeypatch, name):
    monkeypatch.setenv(wings.options()[name].variable, "")
    assert getattr(backend.parse_options({}), name) == wings.options()[name].default


@needs_option
def test_none_as_a_kernel_option_leaves_the_choice_to_the_environment(backend, monkeypatch):
    """As in Triton, where None stands for an option that was not given."""
    monkeypatch.setenv(VARIABLE, "0")
    assert getattr(backend.parse_options({SWITCH: None}), SWITCH) is False


@needs_option
def test_a_launch_passes_the_option_to_the_compiled_kernel(hopper, vector_add):
    assert getattr(warm_up_vector_add(vector_add, **{SWITCH: False}).metadata, SWITCH) is False


@needs_option
def test_the_environment_reaches_the_compiled_kernel(hopper, monkeypatch, vector_add):
    monkeypatch.setenv(VARIABLE, "off")
    assert getattr(warm_up_vector_add(vector_add).metadata, SWITCH) is False


@needs_option
def test_options_of_triton_compile_reach_the_compiled_kernel(hopper, vector_add):
    compiled = triton.compile(vector_add_source(vector_add), options={SWITCH: False, "num_warps": 8})
    assert (getattr(compiled.metadata, SWITCH), compiled.metadata.num_warps) == (False, 8)


@needs_option
def test_a_config_of_the_autotuner_carries_options_of_ours(hopper):
    config = triton.Config({"BLOCK": 256, SWITCH: False}, num_warps=2)
    compiled = warm_up_vector_add(make_vector_add(), **{k: v for k, v in config.all_kwargs().items() if k != "BLOCK"})
    assert (getattr(compiled.metadata, SWITCH), compiled.metadata.num_warps) == (False, 2)


# -- Bad values


@pytest.mark.parametrize(("name", "value"), pairs("bad"), ids=str)
def test_a_bad_kernel_option_is_refused(backend, name, value):
    with pytest.raises(OptionError) as caught:
        backend.parse_options({name: value})
    assert str(caught.value) == f"{name}={value!r}: expected {wings.options()[name].kind.expected}"


@pytest.mark.parametrize(("name", "value"), pairs("bad"), ids=str)
def test_options_cannot_be_made_with_a_bad_value(name, value):
    with pytest.raises(OptionError) as caught:
        Options(**{name: value})
    assert str(caught.value) == f"{name}={value!r}: expected {wings.options()[name].kind.expected}"


@pytest.mark.parametrize(("name", "bad"), pairs("bad_texts"), ids=str)
def test_a_bad_text_in_the_environment_is_blamed_on_the_variable(backend, monkeypatch, name, bad):
    text, expected = bad
    variable = wings.options()[name].variable
    monkeypatch.setenv(variable, text)
    with pytest.raises(OptionError) as caught:
        backend.parse_options({})
    assert str(caught.value) == f"{variable}={text!r}: expected {expected}"


@pytest.mark.parametrize(("name", "value"), pairs("out_of_range"), ids=str)
def test_a_value_out_of_range_in_the_environment_is_blamed_on_the_variable(backend, monkeypatch, name, value):
    variable = wings.options()[name].variable
    monkeypatch.setenv(variable, str(value))
    with pytest.raises(OptionError) as caught:
        backend.parse_options({})
    assert str(caught.value) == f"{variable}={value!r}: expected {wings.options()[name].kind.expected}"


def test_the_expectations_are_spelt_out():
    assert settings.Flag().expected == "True or False"
    assert settings.Integer(0, 65536).expected == "an integer from 0 to 65536"
    assert settings.Integer(0, 1024, "auto").expected == "auto or an integer from 0 to 1024"


@needs_option
def test_a_bad_value_in_the_environment_does_not_matter_where_a_kernel_decides(backend, monkeypatch):
    monkeypatch.setenv(VARIABLE, "maybe")
    assert getattr(backend.parse_options({SWITCH: True}), SWITCH) is True


@needs_option
def test_the_error_carries_name_value_and_expectation():
    with pytest.raises(OptionError) as caught:
        wings.options()[SWITCH].check("yes")
    error = caught.value
    assert (error.name, error.value, error.expected) == (SWITCH, "yes", "True or False")
    assert isinstance(error, GraftError) and isinstance(error, ValueError)


@needs_option
def test_a_launch_with_a_bad_value_compiles_nothing_and_a_good_one_works_afterwards(hopper, vector_add, tmp_path):
    with pytest.raises(OptionError, match=rf"^{SWITCH}='no': expected True or False$"):
        warm_up_vector_add(vector_add, **{SWITCH: "no"})
    assert not list((tmp_path / "cache").glob("**/*.ttir"))
    assert [kernels for kernels, *_ in vector_add.device_caches.values()] == [{}]
    assert getattr(warm_up_vector_add(vector_add, **{SWITCH: False}).metadata, SWITCH) is False


# -- Unknown options


@needs_option
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_warp": 4}, "num_warp=4: expected an option that exists; did you mean num_warps?"),
        ({f"{SWITCH}x": True}, f"{SWITCH}x=True: expected an option that exists; did you mean {SWITCH}?"),
        ({"zzz": "a"}, "zzz='a': expected an option that exists"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_triton_compile_refuses_an_unknown_option(hopper, vector_add, options, message):
    with pytest.raises(OptionError) as caught:
        triton.compile(vector_add_source(vector_add), options=options)
    assert str(caught.value) == message


def test_a_launch_with_an_unknown_option_gets_tritons_own_error(hopper, vector_add):
    with pytest.raises(KeyError) as caught:
        warm_up_vector_add(vector_add, num_warp=4)
    assert caught.value.args == ("Keyword argument num_warp was specified but unrecognised",)


def test_options_that_torch_inductor_passes_are_known(backend):
    backend.parse_options(
        {
            "num_warps": 4, "num_stages": 3, "debug": True, "sanitize_overflow": False, "enable_fp_fusion": True,
            "launch_cooperative_grid": False, "launch_pdl": False, "enable_reflect_ftz": False,
        }
    )  # fmt: skip


def test_parsed_options_can_be_parsed_again(backend):
    """Triton compiles with the `__dict__` of the options that it got for a launch."""
    options = backend.parse_options({**{name: option.default for name, option in wings.options().items()}, "num_warps": 8})
    again = backend.parse_options(dict(options.__dict__))
    assert again.hash() == options.hash()


# -- Options are part of a kernel's identity


@pytest.mark.parametrize("name", wings.options())
def test_each_option_changes_the_hash_of_options(backend, name):
    default = wings.options()[name].default
    changed = next(value for value, _ in values_of(wings.options()[name].kind).good if value != default)
    assert backend.parse_options({name: changed}).hash() != backend.parse_options({}).hash()
    assert backend.parse_options({name: default}).hash() == backend.parse_options({}).hash()


@needs_pass
def test_two_values_of_an_option_give_two_kernels(hopper):
    double = make_double()
    with_pass, without = (warm_up_double(double, **{SWITCH: flag}) for flag in (True, False))
    assert with_pass.hash != without.hash
    assert with_pass.asm["ttir"] != without.asm["ttir"]
    assert warm_up_double(double, **{SWITCH: True}) is with_pass


@needs_option
def test_the_environment_changes_the_hash_of_a_kernel(hopper, monkeypatch):
    before = warm_up_vector_add(make_vector_add())
    monkeypatch.setenv(VARIABLE, "0")
    after = warm_up_vector_add(make_vector_add())
    assert before.hash != after.hash
    assert after.hash == warm_up_vector_add(make_vector_add(), **{SWITCH: False}).hash


@needs_option
def test_an_option_that_is_given_its_default_does_not_change_the_hash_of_a_kernel(hopper):
    assert warm_up_vector_add(make_vector_add(), **{SWITCH: True}).hash == warm_up_vector_add(make_vector_add()).hash


# -- Triton's own options


def test_num_warps_maxnreg_and_ptx_options_work_as_in_triton(hopper, vector_add):
    compiled = warm_up_vector_add(vector_add, num_warps=8, maxnreg=64, num_stages=2, ptx_options="--verbose")
    metadata = compiled.metadata
    assert (metadata.num_warps, metadata.maxnreg, metadata.num_stages) == (8, 64, 2)
    assert ".maxnreg 64" in compiled.asm["ptx"]
    assert ".reqntid 256" in compiled.asm["ptx"]


def test_a_bad_option_of_tritons_gets_tritons_own_error(activate, vector_add):
    activate(Driver(target="cuda:80"))
    with pytest.raises(ValueError, match=r"^num_ctas > 1 requires NVIDIA SM90\+ \(Hopper\)"):
        warm_up_vector_add(vector_add, num_ctas=2)
    with pytest.raises(AssertionError, match=r"^num_warps must be a power of 2"):
        warm_up_vector_add(vector_add, num_warps=3)


def test_the_parsed_options_are_those_of_triton_but_for_ours(backend):
    given = {"num_warps": 8, "maxnreg": 32, "enable_fp_fusion": False, "extern_libs": None, "debug": True}
    upstream = triton.backends.nvidia.compiler.CUDABackend(target(90)).parse_options(dict(given))
    ours = dict(backend.parse_options(dict(given)).__dict__)
    assert {name: ours.pop(name) for name in wings.options()} == {n: o.default for n, o in wings.options().items()}
    assert ours == upstream.__dict__


# -- Gluon


@gluon.jit
def gluon_fill(out, n, BLOCK: gl.constexpr):
    layout: gl.constexpr = gl.BlockedLayout([1], [32], [4], [0])
    offs = gl.arange(0, BLOCK, layout=layout)
    gl.store(out + offs, offs, offs < n)


@needs_option
def test_a_gluon_kernel_compiles_with_ours(hopper):
    compiled = gluon_fill.warmup(triton.MockTensor("i32"), 100, BLOCK=128, grid=(1,))
    assert list(compiled.asm) == ["source", "glir", "ttgir", "llir", "ptx", "cubin"]
    assert getattr(compiled.metadata, SWITCH) is True


# -- The variables


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "on", "On", "yes"])
def test_a_flag_is_true(text):
    assert settings.parse_flag("GRAFT_X", text) is True


@pytest.mark.parametrize("text", ["0", "false", "False", "off", "OFF", "no"])
def test_a_flag_is_false(text):
    assert settings.parse_flag("GRAFT_X", text) is False


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("-3", -3), ("+7", 7), ("65536", 65536), ("auto", "auto")])
def test_an_integer_or_the_word_for_one_is_read(text, value):
    assert settings.Integer(0, 9, "auto").parse("GRAFT_X", text) == value


@pytest.mark.parametrize("capability", settings.CAPABILITIES)
def test_a_target_is_read(capability):
    assert settings.parse_target("GRAFT_TARGET", f"cuda:{capability}") == target(capability)


def test_the_target_of_the_process_is_none_without_its_variable(monkeypatch):
    assert settings.target_for_process() is None
    monkeypatch.setenv("GRAFT_TARGET", "")
    assert settings.target_for_process() is None
    monkeypatch.setenv("GRAFT_TARGET", "cuda:100")
    assert settings.target_for_process() == target(100)


def test_only_the_exact_name_makes_ours_the_default_backend(monkeypatch):
    assert not settings.is_default_backend()
    for name, expected in (("graft", True), ("Graft", False), ("nvidia", False), ("", False)):
        monkeypatch.setenv("TRITON_DEFAULT_BACKEND", name)
        assert settings.is_default_backend() is expected
