# SPDX-License-Identifier: MIT
"""Runs a page of the manual as a reader does: its files are saved, its commands and programs run in their order."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support import ROOT, clean_environment

#: The pages that a reader goes through from the top: each block of them runs.
PAGES = sorted(
    path.relative_to(ROOT).as_posix() for path in [ROOT / "docs" / "start.md", *(ROOT / "docs" / "howto").glob("*.md")]
)

_FENCE = re.compile(r"^(<!-- needs a GPU -->\n)?```(\w+)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A block in *language*, `python` or `sh`, and the lines that it is said to print."""

    language: str
    text: str
    needs_gpu: bool
    expected: list[str]

    @property
    def file(self) -> str:
        """The file that it is to be saved as, or nothing if it is a program to run."""
        named = re.match(r"# (\w+\.py)\n", self.text) if self.language == "python" else None
        return named[1] if named else ""


def blocks(page: str) -> list[Block]:
    """The blocks of *page*, a path in the repository. A block of text is what the last of them prints."""
    found: list[Block] = []
    for gpu, language, text in _FENCE.findall((ROOT / page).read_text()):
        if language != "text":
            found.append(Block(language, text, bool(gpu), []))
        elif found:
            found[-1].expected.extend(text.splitlines())
    return found


def run_page(page: str, folder: Path, with_gpu: bool) -> int:
    """Goes through *page* in *folder*, without what needs a GPU unless *with_gpu*. Returns how many blocks ran; asserts what they print."""
    commands = folder / ".bin"
    commands.mkdir()
    (commands / "graft").write_text(f'#!/bin/sh\nexec {sys.executable} -m triton.backends.graft "$@"\n')
    (commands / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for command in commands.iterdir():
        command.chmod(0o755)
    env = clean_environment(folder, TRITON_DEFAULT_FP_FUSION="1")
    env["PATH"] = f"{commands}:{env['PATH']}"
    ran = 0
    for block in blocks(page):
        if block.file:
            (folder / block.file).write_text(block.text)
        if (block.file and not block.needs_gpu) or (block.needs_gpu and not with_gpu):
            continue
        run = (
            ["sh", "-ec", block.text]
            if block.language == "sh"
            else ["python", *([block.file] if block.file else ["-c", block.text])]
        )
        done = subprocess.run(run, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{page}:\n{block.text}\n{done.stdout}{done.stderr}"
        for line in block.expected:
            assert line in done.stdout.splitlines(), (
                f"{page}: {line!r} is not in what is printed by\n{block.text}\n{done.stdout}"
            )
        ran += 1
    return ran
