# SPDX-License-Identifier: MIT
"""What commands say is printed for people and for programs."""

import re

import pytest
from triton.backends.graft import console
from triton.backends.graft.console import Facts, Line, Table

DIGEST = "0123456789ab" + "cdef" * 13
PATH = "/" + "long" * 20

BLOCKS = [
    Line("a sentence of so many words that it does not fit into one line of forty columns"),
    Line("  an item of so many words that it does not fit either"),
    Line(),
    Facts("facts", {"digest": f"source:{DIGEST}", "path": PATH, "words": "more words than have room beside their name"}),
    Table({"kernel": ["add", "add", "mul"], "options": ["", "num_warps=8", ""], "bytes": ["1", "20", "300"]}, ("bytes",), True),
]

FOR_PROGRAMS = f"""\
a sentence of so many words that it does not fit into one line of forty columns
  an item of so many words that it does not fit either

facts:
  digest  source:{DIGEST}
  path    {PATH}
  words   more words than have room beside their name
kernel  options      bytes
add     -                1
add     num_warps=8     20
mul     -              300
"""

FOR_PEOPLE = f"""\
a sentence of so many words that it does
not fit into one line of forty columns
  an item of so many words that it does
    not fit either

facts:
  digest  source:0123456789ab
  path
    {PATH}
  words   more words than have room
          beside their name
kernel  options      bytes
──────────────────────────
add                      1
        num_warps=8     20

mul                    300
"""


def printed(blocks, capsys):
    console.show(blocks)
    return "\n".join(line.rstrip() for line in capsys.readouterr().out.split("\n"))


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "40")


def test_programs_get_each_fact_and_row_whole_on_a_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert printed(BLOCKS, capsys) == FOR_PROGRAMS


def test_people_get_lines_that_fit_and_words_that_are_not_broken(capsys, terminal):
    assert printed(BLOCKS, capsys) == FOR_PEOPLE


def test_columns_of_programs_are_told_apart_by_two_spaces():
    *_, head, one, two, _ = (re.split(" {2,}", line) for line in console.text(BLOCKS).splitlines())
    assert (head, one, two) == (["kernel", "options", "bytes"], ["add", "-", "1"], ["add", "num_warps=8", "20"])


def test_rows_with_the_same_heads_stand_below_them_without_empty_columns(capsys, terminal):
    table = Table({"kernel": ["add", "add", "mul"], "option": ["a", "", ""], "bytes": ["1", "2", "3"]}, ("bytes",), heads=1)
    assert printed([table], capsys) == (
        "add\noption  bytes\n─────────────\na           1\n            2\n\nmul\nbytes\n─────\n    3\n"
    )


def test_a_long_cell_is_cut_off_for_people_alone(capsys, terminal):
    table = Table({"what": ["x" * 200], "why": ["y"]})
    assert "…" in printed([table], capsys)
    assert "x" * 200 in console.text([table])


def test_colours_are_those_of_one_table_and_can_be_switched_off(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    console.show([Line("well", "good")])
    assert capsys.readouterr().out == "\x1b[32mwell\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    console.show([Line("well", "good")])
    assert capsys.readouterr().out == "well\n"


@pytest.mark.parametrize("name", ["\x1b[2Jkernel", "a\nb", "\u202eevil"])
def test_what_a_terminal_would_act_on_is_escaped(name, capsys, terminal):
    blocks = [Line(name), Facts(name, {name: name}), Table({name: [name]})]
    for text in (console.text(blocks), printed(blocks, capsys)):
        assert text.replace("\n", "").isprintable()


def test_markup_is_text(capsys, terminal):
    assert printed([Line("[red]x[/red] :smile:"), Table({"[b]h": ["[b]x"]})], capsys).splitlines() == [
        "[red]x[/red] :smile:", "[b]h", "────", "[b]x",
    ]  # fmt: skip


def test_a_warning_is_one_line_on_standard_error(capsys):
    console.warn("it\nis late")
    assert capsys.readouterr() == ("", "Warning: it\\nis late\n")


def test_numbers_of_things_are_counted_in_words():
    assert [console.count(number, what) for number, what in ((1, "entry"), (2, "entry"), (0, "kernel"), (1, "kernel"))] == [
        "1 entry", "2 entries", "0 kernels", "1 kernel",
    ]  # fmt: skip
