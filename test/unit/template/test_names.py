# SPDX-License-Identifier: MIT
"""A backend's name is one that Python, C++ and Triton can take, in all the forms that files need."""

import pytest
from triton.backends.graft.errors import OptionError
from triton.backends.graft.template.names import Names, parse_name


def test_a_name_has_the_forms_that_files_need():
    names = parse_name("a_longer_name2")
    assert (names.lower, names.camel, names.upper, names.kebab) == (
        "a_longer_name2", "ALongerName2", "A_LONGER_NAME2", "a-longer-name2",
    )  # fmt: skip
    assert parse_name("x1") == Names("x1")


WORDS = "lower-case words of letters and digits, joined by single underscores, at most 32 characters"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((name, WORDS) for name in ("", "Acme", "1st", "a-b", "a__b", "_a", "a_", "ä", "a b", "a\n", "x" * 33)),
        *(
            (name, "a name that is not a keyword of Python or C++")
            for name in ("class", "match", "namespace", "co_await", "int")
        ),
        *((name, "a name that Triton does not use already") for name in ("nvidia", "cuda", "triton", "ir")),
    ],
)
def test_a_name_that_cannot_be_taken_is_refused(name, expected):
    with pytest.raises(OptionError) as error:
        parse_name(name)
    assert str(error.value) == f"NAME={name!r}: expected {expected}"


def test_a_name_that_a_backend_has_is_refused():
    with pytest.raises(
        OptionError, match=r"^NAME='graft': expected a name that is not taken; the backend in .*backend has it$"
    ):
        parse_name("graft")
