# SPDX-License-Identifier: MIT
"""graft-opt's reading of expectations; lit tests cover the rest of it."""

import pytest
from triton.backends.graft.opt import Diagnostic, parse_argument, read_expectations, verify


def test_below_and_above_look_past_lines_that_hold_only_expectations():
    text = "module\n// expected-error@above {{one}}\n// expected-remark@below {{two}}\n// expected-error@below {{three}}\nend\n"
    assert read_expectations(text) == [
        Diagnostic(1, "error", "one"),
        Diagnostic(5, "remark", "two"),
        Diagnostic(5, "error", "three"),
    ]


def test_an_offset_counts_lines_and_none_means_the_line_itself():
    assert read_expectations("x // expected-note@+2 {{a}}\ny // expected-warning {{b}}\n") == [
        Diagnostic(3, "note", "a"),
        Diagnostic(2, "warning", "b"),
    ]


def test_what_is_missing_and_what_is_unexpected_are_both_named():
    expected, actual = [Diagnostic(3, "remark", "kept")], [Diagnostic(4, "error", "failed"), Diagnostic(9, "note", "see")]
    assert verify(expected, actual) == [
        "line 3: expected remark was not produced: kept",
        "line 4: unexpected error: failed",
    ]


@pytest.mark.parametrize(("text", "value"), [("4", 4), ("-1", -1), ("true", True), ("False", False), ("cuda:90", "cuda:90")])
def test_an_argument_of_a_step_is_an_integer_a_truth_value_or_a_text(text, value):
    assert parse_argument(text) == value
