# SPDX-License-Identifier: MIT
"""Errors go from one process to another."""

import copy
import pickle
from pathlib import Path

import pytest
from triton.backends.graft import errors
from triton.backends.graft.errors import GraftError, OptionError


def subclasses(cls):
    return {cls, *(inner for each in cls.__subclasses__() for inner in subclasses(each))}


def examples():
    """An error of each class that takes more than a text, and of one that does not."""
    found = [OptionError("name", [1], "a number"), GraftError("a text")]
    if (Path(errors.__file__).parent / "runtime").is_dir():
        from triton.backends.graft.runtime.reading import MissingBundleError

        named = errors.BundleError("rule", "a text")
        named.args = (f"a file: {named}",)
        found += [named, MissingBundleError("address", "a text")]
    return found


@pytest.mark.parametrize("copied", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copied", "pickled"])
@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_when_it_is_copied(error, copied):
    other = copied(error)
    assert (type(other), str(other), vars(other)) == (type(error), str(error), vars(error))


def test_each_error_with_a_constructor_of_its_own_is_tried():
    own = {cls for cls in subclasses(GraftError) if "__init__" in vars(cls) and cls.__module__.startswith("triton.")}
    assert own <= {type(error) for error in examples()}
