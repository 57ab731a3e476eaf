# SPDX-License-Identifier: MIT
"""Values of kernel options by their kind: those that are allowed, and those that are not."""

from typing import Any, NamedTuple

from triton.backends.graft import wings
from triton.backends.graft.settings import Flag, Integer

FLAG = "one of 1, true, on, yes or one of 0, false, off, no"


class Values(NamedTuple):
    """Allowed values with the text for the environment; others; texts that are none, with what is expected; texts that are not allowed."""

    good: list[tuple[Any, str]]
    bad: list[Any]
    bad_texts: list[tuple[str, str]]
    out_of_range: list[Any]


def values_of(kind: Any) -> Values:
    """Values to try for an option of this *kind*."""
    if isinstance(kind, Flag):
        good = [(False, "0"), (False, "off"), (False, "No"), (False, "FALSE"), (True, "1"), (True, "on"), (True, "Yes")]
        return Values(good, [1, 0, "yes", "", 2.0, [True]], [("2", FLAG), ("maybe", FLAG), (" ", FLAG)], [])
    if isinstance(kind, Integer):
        numbers = sorted({kind.least, kind.least + 1, (kind.least + kind.most) // 2, kind.most})
        good = [(number, str(number)) for number in numbers] + [(kind.word, kind.word)] * bool(kind.word)
        beyond = [kind.least - 1, kind.most + 1]
        bad = [*beyond, True, str(kind.most), float(kind.most), [kind.most], "Auto", ""]
        expected = f"{kind.word} or an integer" if kind.word else "an integer"
        return Values(good, bad, [(text, expected) for text in ("ten", "1.5", "1k", " ")], beyond)
    # % if "guard" in wings
    if "guard" in wings.present():
        from triton.backends.graft.guard import skips

        if isinstance(kind, skips.Terms):
            return _terms()
    # % endif
    raise AssertionError(f"say here which values an option of the kind {type(kind).__name__} may have")


# % if "guard" in wings
def _terms() -> Values:
    good = (
        "graft-peel-loops",
        "graft-version-tiles@add",
        "graft-split-masks:3",
        "graft-swizzle-programs@a.b-c:1+20,graft-peel-loops",
    )
    malformed = [
        *(
            "version-tiles",
            "graft-remarks",
            "graft-peel-loops,",
            ",graft-peel-loops",
            "graft-peel-loops graft-split-masks",
            " ",
        ),
        *("graft-peel-loops@", "graft-peel-loops@a b", "graft-peel-loops:", "graft-peel-loops:0", "graft-peel-loops:1+"),
        *("graft-peel-loops:1,2", "graft-peel-loops:1234567890", "graft-peel-loops:-1", "graft-peel-loops:2@add"),
        "graft-peel-loops\n",
    ]
    return Values(
        [(text, text) for text in good], [*malformed, True, 1, ["graft-peel-loops"]], [], ["all", "graft-peel-loops:0"]
    )


# % endif
