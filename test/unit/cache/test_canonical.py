# SPDX-License-Identifier: MIT
"""The text of a module that counts: its locations as they are read quickly and as they are read with care."""

import random

import pytest
from triton.backends.graft.cache import canonical

#: A line's locations, by reference and in full, as MLIR prints them, and what looks like one.
USES = (
    "%a = arith.addi %b, %c : i32 loc(#loc1)",
    "%a = arith.addi %b, %c : i32 loc(#loc7)",
    "^bb0(%a: i32 loc(#loc1), %b: i32 loc(#loc2)):",
    'tt.func @f(%x: !tt.ptr<f32> {tt.divisibility = 16 : i32} loc("x"(#loc1)), %y: i32 loc("y"(#loc))) attributes {} {',
    'tt.print " loc(#loc1)" : %x loc(#loc2)',
    'tt.assert %c, "at \\" loc(#loc2)" : i1',
    "} loc(callsite(#loc1 at #loc2))",
    "} loc(fused[#loc3, #loc4])",
    '} loc("a/b.py":3:4)',
    "} loc(unknown)",
    "tt.call @loc(#loc1)",
    "tt.call @alloc(#loc1)",
    "tt.return",
)
DEFINED = (
    '#loc = loc("/a/b/file.py":1:2)',
    '#loc1 = loc("name"(#loc2))',
    '#loc2 = loc("/c/d.py":30:4)',
    "#loc3 = loc(callsite(#loc1 at #loc))",
    '#loc4 = loc("it \\"is\\" here"(#loc3))',
)


def references(text, names):
    """The locations in *text* as it is searched from end to end."""
    definitions = dict(line.split(" = ", 1) for line in text.split("\n") if line.startswith("#loc"))
    body = "\n".join("" if line.startswith("#loc") else line for line in text.split("\n"))

    def part(match):
        string, follower = match.group(1), match.group(2)
        if string is None:
            return canonical._PART.sub(part, definitions.get(match.group(0), ""))
        if follower == "(":
            return string + "(" if names else "("
        return f'"{string[1:-1].rpartition("/")[2]}"{follower or ""}'

    uses = (match.group(1) or match.group(2) for match in canonical._USE.finditer(body))
    return [canonical._PART.sub(part, use) for use in uses if use is not None]


@pytest.mark.parametrize("names", [False, True])
def test_lines_that_are_not_searched_have_the_locations_that_a_search_finds(names):
    rng = random.Random(names)
    for _ in range(200):
        lines = [*rng.choices(USES, k=8), *rng.sample(DEFINED, len(DEFINED))]
        rng.shuffle(lines)
        text = "\n".join(lines)
        assert list(canonical._locations(text, names)) == references(text, names), text


def test_names_and_folders_do_not_count_but_where_they_are_wanted():
    text = "x loc(#loc1)\n" + "\n".join(DEFINED)
    assert list(canonical._locations(text, names=False)) == ['loc((loc("d.py":30:4)))']
    assert list(canonical._locations(text, names=True)) == ['loc("name"(loc("d.py":30:4)))']
