# SPDX-License-Identifier: MIT
"""What all commands have in common: help texts, exit statuses, completion, and what terminals and programs are shown."""

import re
import shlex

import click
import pytest
from click.shell_completion import ShellComplete
from triton.backends.graft import settings, wings
from triton.backends.graft.tools import cli, doctor
from triton.backends.graft.usage import Command
from triton.backends.graft.wings import Notice, Problem


def commands(group=cli.graft, path=()):
    """Every command with its path, groups too."""
    yield " ".join(path), group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


COMMANDS = dict(commands())
LEAVES = [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)]


def in_terminal(monkeypatch, columns):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# -- Help


@pytest.mark.parametrize("path", COMMANDS)
def test_help_fits_80_columns(path, graft, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = graft(*path.split(), "--help")
    assert done.exit_code == 0
    assert [line for line in done.output.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("path", [path for path, command in COMMANDS.items() if isinstance(command, click.Group)])
def test_a_group_lists_its_commands_with_their_whole_first_sentence(path, graft, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = [" ".join(line.split()) for line in graft(*path.split(), "--help").output.splitlines()]
    for name, command in COMMANDS[path].commands.items():
        sentence = command.help.partition("\n\n")[0].replace("\n", " ")
        assert f"{name} {sentence}" in lines


@pytest.mark.parametrize("path", LEAVES)
def test_help_has_an_example_of_the_command_and_its_exit_statuses(path, graft, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    command = COMMANDS[path]
    assert isinstance(command, Command)
    assert command.example.startswith(f"graft {path} ") or command.example == f"graft {path}"
    text = graft(*path.split(), "--help").output
    assert f"Example:\n  {command.example}\n" in text
    assert re.findall(r"^  (\d)  \S", text.partition("Exit status:")[2], re.M) == ["0", "1", "2"]


@pytest.mark.parametrize("path", LEAVES)
def test_an_example_is_a_command_line_that_the_command_takes(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "check.py").touch()
    command, words = COMMANDS[path], shlex.split(COMMANDS[path].example)
    context = command.make_context(path, words[1 + len(path.split()) :])
    assert not context.args


@pytest.mark.parametrize("path", [path for path, command in COMMANDS.items() if isinstance(command, click.Group)])
def test_a_group_alone_prints_its_help(path, graft):
    assert graft(*path.split()).output == graft(*path.split(), "--help").output
    assert graft(*path.split()).exit_code == 0


def test_the_commands_stand_under_headings_with_examples_below(graft):
    text = graft("--help").output
    headings = re.findall(r"^(\w.*):$", text, re.M)
    there = [heading for wing in wings.present().values() for heading in wing.commands()]
    assert headings == ["Options", *dict.fromkeys(there), "Examples", "Completion"]


def test_wrong_usage_has_status_2_and_the_nearest_command_is_suggested(graft):
    done = graft("docto")
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, "Error: No such command 'docto'. Did you mean 'doctor'?")
    assert graft("doctor", "--jsom").exit_code == 2


# -- Completion


def completed(*words):
    """What a shell is told after *words*, of which the last is not finished."""
    complete = ShellComplete(cli.graft, {}, "graft", "_GRAFT_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


def test_commands_and_options_are_completed():
    assert completed("do") == ["doctor"]
    assert completed("doctor", "--j") == ["--json"]


@pytest.mark.parametrize("path", [path for path in LEAVES if any(param.metavar == "TARGET" for param in COMMANDS[path].params)])
def test_targets_are_completed(path):
    targets = [f"cuda:{capability}" for capability in settings.CAPABILITIES]
    assert completed(*path.split(), "--target", "cuda:") == targets
    assert completed(*path.split(), "--target", "cuda:12") == ["cuda:120", "cuda:121"]


# -- Doctor

SECTIONS = {
    "versions": {"Triton": "3.9.0"},
    "cache": {
        "folder": "/a/folder/whose/name/is/long/and/without/a/single/space/in/all/of/it",
        "compiler.python": "0123456789ab" + "cdef" * 13,
    },
    "environment": {},
}

IN_80 = """\
all is well: what is there can be used

versions:
  Triton           3.9.0

cache:
  folder
    /a/folder/whose/name/is/long/and/without/a/single/space/in/all/of/it
  compiler.python  0123456789ab
"""

WRONG = {
    "built parts": {"passes": Problem("error: they were built for another Triton; build them anew"), "wings": "cache"},
    "cache": {"folder": Notice("cannot be written")},
}


@pytest.fixture
def sections(monkeypatch):
    """Has `doctor` find SECTIONS, or others."""
    found = dict(SECTIONS)
    monkeypatch.setattr(doctor, "report", lambda: found)
    return found


def test_doctor_shortens_digests_and_breaks_no_value_on_a_terminal(graft, sections, monkeypatch):
    in_terminal(monkeypatch, 80)
    done = graft("doctor")
    assert (done.exit_code, without_colours(done.stdout)) == (0, IN_80)
    in_terminal(monkeypatch, 140)
    assert f"  folder           {SECTIONS['cache']['folder']}\n" in without_colours(graft("doctor").stdout)


def test_doctor_tells_programs_the_whole_of_it_on_a_line(graft, sections):
    lines = graft("doctor").stdout.splitlines()
    for name, value in SECTIONS["cache"].items():
        assert f"  {name:15}  {value}" in lines


def test_doctor_says_first_what_is_wrong_and_ends_with_status_1(graft, sections):
    sections.clear()
    sections.update(WRONG)
    done = graft("doctor")
    assert (done.exit_code, done.stdout) == (
        1,
        """\
1 thing cannot be used:
  passes  error: they were built for another Triton; build them anew

1 thing to know:
  folder  cannot be written

built parts:
  wings   cache
""",
    )
    assert graft("doctor", "--json").exit_code == 1


def test_doctor_ends_with_status_0_where_there_is_only_something_to_know(graft, sections):
    sections["cache"] = WRONG["cache"]
    assert graft("doctor").exit_code == 0


def test_a_variable_with_a_text_that_is_not_allowed_is_wrong(graft, monkeypatch):
    option = next(iter(wings.options().values()))
    monkeypatch.setenv(option.variable, "banana")
    monkeypatch.setenv(f"{settings.PREFIX}TARGET", "cuda:1")
    monkeypatch.setenv(f"{settings.PREFIX}LAUNCHER", "perhaps")
    wrong = doctor.problems(doctor.report())
    assert set(wrong) == {f"{settings.PREFIX}TARGET", f"{settings.PREFIX}LAUNCHER", option.variable}
    assert all("expected" in said for said in wrong.values())


def test_parts_that_cannot_be_loaded_are_wrong(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.plugin, "available", lambda: False)
    monkeypatch.setattr(doctor.plugin, "LIBRARY", tmp_path / "missing.so")
    assert "missing.so" in doctor.problems(doctor.report())["passes"]


# -- Terminals and programs


@pytest.mark.parametrize("command", [["--help"], ["doctor"], ["bundle", "--help"]])
def test_programs_get_no_escape_codes(command, graft):
    assert "\x1b" not in graft(*command).output


def test_no_color_leaves_no_colours(graft, sections, monkeypatch):
    in_terminal(monkeypatch, 80)
    coloured = re.compile(r"\x1b\[[0-9;]*3\dm")
    assert coloured.search(graft("doctor").stdout)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured.search(graft("doctor").stdout)
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in graft("doctor").stdout
