# SPDX-License-Identifier: MIT
"""Components of the key are shown as Python writes their values."""

import math
import random

from triton.backends.graft.cache import showing
from triton.backends.graft.cache.encoding import Encoder

SCALARS = (
    None,
    True,
    False,
    0,
    -7,
    10**17,
    10**30,
    -(10**30),
    0.5,
    -0.0,
    1e-300,
    "",
    "text",
    "n",
    "b1",
    "i5",
    "tuple(1:n)",
    "a\nb",
    "'",
)


def random_value(rng, depth=0):
    if depth < 3 and rng.random() < 0.4:
        return tuple(random_value(rng, depth + 1) for _ in range(rng.randint(0, 3)))
    return rng.choice(SCALARS) if rng.random() < 0.8 else rng.choice([rng.uniform(-9, 9), rng.getrandbits(80)])


def test_values_are_shown_as_python_writes_them():
    rng = random.Random(3)
    for _ in range(3000):
        value = random_value(rng)
        shown = showing.show_value(Encoder(lines=True).text(value))
        assert shown == repr(value), shown


def test_what_is_no_plain_value_is_shown_as_it_is():
    for value in (math.inf, 2j, b"bytes", {1: 2}):
        text = Encoder(lines=True).text(value)
        assert showing.show_value(text) == text


def test_what_follows_from_another_difference_stands_under_it():
    digest = "0123456789abcdef" * 4
    differing = [
        ("option.arch", "ssm80", "ssm90"),
        ("option.num_warps", "i4", None),
        ("source.text", digest, "source:" + digest[::-1]),
        ("target", "cuda:80:32", "cuda:90:32"),
        ("tool.ptxas", None, ""),
    ]
    assert showing.lines(differing) == [
        "  option.num_warps: 4 there, nothing now",
        "  source.text: 0123456789ab… there, source:fedcba987654… now",
        "  target: cuda:80 there, cuda:90 now",
        "    and so option.arch: 'sm80' there, 'sm90' now",
        "    and so tool.ptxas: nothing there, '' now",
    ]
    assert showing.lines(differing[:1]) == ["  option.arch: 'sm80' there, 'sm90' now"]


def names_of(differing):
    return [
        (cause[0], [other[0] for other in others])
        for cause, others in showing.arranged([(name, "1", "2") for name in differing])
    ]


def test_the_code_follows_from_arguments_or_line_info_or_is_a_cause():
    assert names_of(["source.text"]) == [("source.text", [])]
    assert names_of(["argument.a", "argument.b", "source.text"]) == [("argument.a", []), ("argument.b", ["source.text"])]
    assert names_of(["knob.disable_line_info", "source.text"]) == [("knob.disable_line_info", ["source.text"])]
    variable = "environment.TRITON_DISABLE_LINE_INFO"
    assert names_of([variable, "knob.disable_line_info", "source.text"]) == [
        (variable, ["knob.disable_line_info", "source.text"])
    ]


def test_a_frozen_key_stands_for_the_whole_compiler():
    assert names_of(["compiler.frozen", "compiler.python", "compiler.triton"]) == [
        ("compiler.frozen", ["compiler.python", "compiler.triton"])
    ]
    assert names_of(["compiler.python", "compiler.triton"]) == [("compiler.triton", ["compiler.python"])]


def test_every_component_of_the_key_has_words():
    for name in ("option.num_warps", "target", "tool.ptxas", "source.kind", "compiler.host", "file.a", "format", "argument.x"):
        assert showing.WORDS[showing.kind(name)]
    assert showing.kind("compiler.triton") == "compiler.triton" and showing.kind("compiler.host") == "compiler"
