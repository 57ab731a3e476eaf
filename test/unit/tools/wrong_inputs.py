# SPDX-License-Identifier: MIT
"""Gives a command wrong inputs: `python wrong_inputs.py COMMAND...`, in an empty folder. Prints what ended in a traceback, as JSON.

Each argument and option of the command gets each text of `TEXTS` in turn, beside what the command's example has.
"""

import json
import os
import shlex
import sys
from pathlib import Path

import bundles
import click
from click.testing import CliRunner
from triton.backends.graft.bench import key
from triton.backends.graft.errors import GraftError
from triton.backends.graft.runtime import format, signing
from triton.backends.graft.tools import cli

KERNELS = """
import triton
import triton.language as tl


@triton.jit
def add(x, n, BLOCK: tl.constexpr):
    tl.store(x + tl.arange(0, BLOCK), n)


def takes_one(argument):
    pass


def fails():
    raise KeyError("boo")
"""

#: Each is wrong nearly everywhere: files, places of functions, numbers, names.
TEXTS = (
    "", "missing", "folder", "empty", "binary", "wrong.json", "/dev/null", ".",
    "x:y", ".:f", "gone:f", "gone.py:f", "folder:f", "empty.py:f", "binary.py:f", "broken.py:f", "raises.py:f", "leaves.py:f",
    "kernels.py:gone", "kernels.py:add", "kernels.py:takes_one", "kernels.py:fails", "os:sep", "os:getcwd",
    "0", "-1", "1.5", "9" * 5000, "cuda:1", "(", "*fp17", "n=", "num_warp=4", "num_warps=x", "a b/ü", "some,thing",
)  # fmt: skip

#: What stands in the place of an example that would take long, or do what is asked.
EXAMPLES = {"bundle build": "--target cuda:90", "bisect": "check.py"}

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(cli.__file__)))


def prepare():
    """Writes what the examples name, and what `TEXTS` do."""
    Path("folder").mkdir()
    for name in ("empty", "empty.py", "check.py"):
        Path(name).touch()
    for name in ("binary", "binary.py"):
        Path(name).write_bytes(bytes(range(256)))
    Path("kernels.py").write_text(KERNELS)
    Path("broken.py").write_text("def f(:\n")
    Path("raises.py").write_text("1 / 0\n")
    Path("leaves.py").write_text("raise SystemExit\n")
    Path("wrong.json").write_text('[{"rows": 1}]')
    for name in ("kernels", "old", "new", "a100", "h100", "all"):
        Path(f"{name}.graft").write_bytes(format.pack(bundles.make_bundle()))
    signing.make_keys("release.pem")


def found(path):
    """The command that is called *path*."""
    command = cli.graft
    for name in path.split():
        command = command.commands[name]
    return command


def command_lines(path):
    """What comes behind *path*: one text in the place of each argument, and behind each option."""
    command = found(path)
    example = shlex.split(EXAMPLES[path]) if path in EXAMPLES else shlex.split(command.example)[1 + len(path.split()) :]
    yield example
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    given = next((place for place, word in enumerate(example) if word.startswith("-")), len(example))
    options = [param for param in command.params if isinstance(param, click.Option) and not param.is_flag]
    for text in TEXTS:
        for place in range(max(len(arguments), 1)):
            yield [*example[: min(place, given)], text, *example[place + 1 if place < given else given :]]
        for option in options:
            yield [*example, f"{option.opts[-1]}={text}" if option.opts[-1].startswith("--") else f"{option.opts[-1]}{text}"]


def refuse(*_):
    raise GraftError("nothing is measured here")


def complaint(arguments):
    """What is wrong about how the command line ends; empty if it is a status of ours, and no traceback has a line of ours."""
    done = CliRunner().invoke(cli.graft, arguments, prog_name="graft")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        return f"{type(done.exception).__name__}: {done.exception}"
    if done.exit_code not in (0, 1, 2):
        return f"exit status {done.exit_code}"
    return done.output if f'File "{PACKAGE}' in done.output else ""


if __name__ == "__main__":
    prepare()
    key.run = refuse
    # % if "template" in wings
    from triton.backends.graft.template import recipe

    recipe.Recipe.files = lambda made: dict.fromkeys(made.kept, b"")
    # % endif
    path = " ".join(sys.argv[1:])
    lines = [[*path.split(), *rest] for rest in command_lines(path)]
    wrong = {shlex.join(line)[:200]: said for line in lines if (said := complaint(line))}
    print(json.dumps([len(lines), wrong]))
