# SPDX-License-Identifier: MIT
"""What `make test` takes of a sweep."""

import pytest
from sweeps import sampled


def samples(parameters):
    return [one.values for one in parameters if not one.marks]


def test_a_sample_has_one_case_of_so_many_and_the_sweep_has_all():
    assert samples(sampled(3, "abcdefg")) == [("a",), ("d",), ("g",)]
    assert [one.values[0] for one in sampled(3, "abcdefg")] == list("abcdefg")
    assert [mark.name for mark in sampled(3, "ab")[1].marks] == ["slow"]


@pytest.mark.parametrize("lists", [("abcd", "xyz"), ("abc", "xyz"), (range(94), range(3)), (range(3), range(2), range(3))])
def test_each_value_is_in_the_sample(lists):
    chosen = samples(sampled(3, *lists))
    assert [set(values) for values in zip(*chosen, strict=True)] == [set(values) for values in lists]


def test_a_tuple_stands_for_several_parameters():
    assert samples(sampled(2, [("a", 1), ("b", 2)], "xy")) == [("a", 1, "x"), ("b", 2, "y")]
