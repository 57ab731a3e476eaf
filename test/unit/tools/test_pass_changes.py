# SPDX-License-Identifier: MIT
"""What each pass makes of a kernel's TTIR: that of the pipeline itself, step by step."""

import itertools

import pytest
from pages import compiled, write_kernels
from triton.backends.graft import wings
from triton.backends.graft.errors import GraftWarning
from triton.backends.graft.passes.steps import JOINING, STEPS
from triton.backends.graft.tools import pass_changes

NAMES = [step.name for step in STEPS]
#: The passes that change a kernel, by its name.
CHANGED = {"add": [JOINING], "running": [JOINING, "graft-split-masks"]}


@pytest.fixture
def changes(tmp_path):
    """The changes of a kernel, and what it is compiled to."""

    def make(name, **options):
        launch, made = compiled(write_kernels(tmp_path), name, **options)
        return pass_changes.of_launch(launch, made), made

    return make


def changed(found):
    return [change.name for change in found if change.before != change.after]


@pytest.mark.parametrize(("name", "expected"), CHANGED.items())
def test_every_pass_that_ran_is_told_in_its_order_up_to_what_was_compiled(changes, name, expected):
    found, made = changes(name)
    assert [change.name for change in found] == NAMES
    assert changed(found) == expected
    assert all(one.after == other.before for one, other in itertools.pairwise(found))
    assert found[-1].after == made.results["ttir"]
    assert found[0].before == changes(name, version_tiles=False, swizzle_programs=0)[1].results["ttir"]


def test_what_a_pass_says_is_told_with_it_alone(changes):
    found, _ = changes("add")
    assert {change.name: [one.text for one in change.said] for change in found if change.said} == {
        JOINING: ["versioned 1 mask"]
    }


def test_passes_that_are_off_or_left_out_are_not_told(changes):
    found, made = changes("add", swizzle_programs=0, skip_passes=f"{JOINING}@add")
    assert [change.name for change in found] == [name for name in NAMES[1:] if name != JOINING]
    assert found[-1].after == made.results["ttir"]
    assert changes("add", swizzle_programs=0, version_tiles=False)[0] == []


def test_a_pass_that_leaves_out_one_place_is_told_without_it(changes):
    found, made = changes("add", skip_passes=f"{JOINING}@add:1")
    assert (changed(found), found[-1].after) == ([], made.results["ttir"])


@pytest.mark.parametrize(("name", "expected"), CHANGED.items())
def test_what_the_verdict_did_not_keep_is_told_last(changes, monkeypatch, name, expected):
    """By the names of the values that it had before, some of which are lost to what is kept."""
    from triton.backends.graft.guard import verdict

    monkeypatch.setattr(verdict.Account, "is_good", lambda *_: False)
    monkeypatch.setattr(verdict.Account, "objection", lambda *_: "too many registers")
    found, made = changes(name)
    assert changed(found) == [*expected, pass_changes.VERDICT]
    assert found[-1].after == found[0].before
    (said,) = found[-1].said
    assert said.text.endswith("too many registers")
    assert "scf.if" not in made.results["ttir"]


def test_a_pass_that_fails_is_told_with_why(changes, monkeypatch):
    failing = [step._replace(options=lambda _: {"threads": 0}) if step.name == JOINING else step for step in STEPS]
    monkeypatch.setattr(wings, "steps", lambda: tuple(failing))
    with pytest.warns(GraftWarning):
        found, _ = changes("add")
    why = {change.name: change.failure for change in found if change.failure}
    assert why.keys() == {JOINING}
    assert why[JOINING].startswith(f"add is compiled without {JOINING}, which failed: ")
    assert JOINING not in changed(found)
