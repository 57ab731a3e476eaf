# SPDX-License-Identifier: MIT
"""Draws the pictures of the docs, light and dark, into docs/pictures, and puts them into the pages: python tools/pictures.py

Diagrams are drawn from docs/diagrams, plots from what the benchmarks measured, in docs/data. A page names a picture in a line
`<!-- picture: NAME -->`; what shows it is written behind that line. A picture whose source is not there is left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import diagrams
from triton.backends.graft.bench import plots
from triton.backends.graft.bench.drawing import WIDTH, Sheet
from triton.backends.graft.files import write_file

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"

#: The rows of `bench launch` that its picture has, and the size of the products in theirs.
_LAUNCHES = ("few", "nineteen", "tensors", "cdiv-grid", "autotuned", "freeze")
_SIZE = "16384"


class Picture(NamedTuple):
    """A picture by its source, a path in docs, and what stands in its place where it cannot be seen."""

    source: str
    instead: str
    draw: Callable[[Path, bool], Sheet]

    @property
    def path(self) -> Path:
        return ROOT / "docs" / self.source


def _document(path: Path) -> Any:
    return json.loads(path.read_text())


def _draw_whole(path: Path, dark: bool) -> Sheet:
    return plots.draw(_document(path), dark)


def _draw_launches(path: Path, dark: bool) -> Sheet:
    document = _document(path)
    return plots.draw(document | {"results": [result for result in document["results"] if result["row"] in _LAUNCHES]}, dark)


def _draw_products(path: Path, dark: bool) -> Sheet:
    document = _document(path)
    rows = [row for row in document["rows"] if row["section"] == "programs" and row["size"] == _SIZE]
    return plots.draw(document | {"rows": rows}, dark)


# -- Real libraries


def draw_libraries(document: Mapping[str, Any], size: str, dark: bool = False) -> Sheet:
    """How fast the operators of libraries are at one *size*, large or tiny.

    Of *document*, `rows` has for each `library`, `operator` and `size` how many times as fast it is on our side: `fwd`, and `full` with
    the backward part. Where an operator has no such part, `full` is missing.
    """
    groups: dict[str, list[plots.Dots]] = {}
    for row in document["rows"]:
        if row["size"] == size:
            forward, both = ([row[kind]] if kind in row else [] for kind in ("fwd", "full"))
            groups.setdefault(row["library"], []).append(plots.Dots(row["operator"], forward, both))
    where = {"large": "Large inputs", "tiny": "Small inputs: time on the host"}[size]
    reading = (
        f"{where}. Time in-tree divided by time under graft; more is better. Dots are forward, rings forward and backward."
    )
    around = plots.Around("Operators of libraries", reading, plots.describe(document["facts"], document["command"]))
    return plots.draw_dots(groups, around, dark=dark)


# -- All of them


def _diagram(source: str, instead: str) -> Picture:
    return Picture(f"diagrams/{source}", instead, diagrams.draw)


PICTURES = {
    "life-of-a-launch": _diagram("life-of-a-launch.toml", "The steps of a launch, and where it leaves native code"),
    "life-of-a-compilation": _diagram(
        "life-of-a-compilation.toml", "The stages of a compilation with our passes and the verdict"
    ),
    "look-up": _diagram("look-up.toml", "The parts of a kernel's key, and the places where it is looked for"),
    "wings": _diagram("wings.toml", "The core and the wings, and which stands on which"),
    "calls": _diagram("calls.mmd", "The calls from a kernel's first launch on, in order"),
    "launch": Picture("data/launch.json", "What launches cost, as multiples of a C loop", _draw_launches),
    "kernels": Picture("data/kernels.json", "The speed of kernels beside the in-tree driver", _draw_whole),
    "programs": Picture("data/kernels.json", "The speed of matrix products by the order of their programs", _draw_products),
    "startup": Picture("data/startup.json", "The time from the start of a process to its first launches", _draw_whole),
    "key": Picture(
        "data/key.json", "What finding kernels in the cache costs, as parts of what it costs under Triton", _draw_whole
    ),
    "libraries": Picture(
        "data/libraries.json",
        "The speed of libraries' operators with large inputs beside the in-tree driver",
        lambda path, dark: draw_libraries(_document(path), "large", dark),
    ),
    "libraries-small": Picture(
        "data/libraries.json",
        "The speed of libraries' operators with small inputs beside the in-tree driver",
        lambda path, dark: draw_libraries(_document(path), "tiny", dark),
    ),
}


def drawable() -> dict[str, Picture]:
    """The pictures whose source is there."""
    return {name: picture for name, picture in PICTURES.items() if picture.path.exists()}


def drawn() -> Iterator[tuple[str, bytes]]:
    """The name and content of each file in docs/pictures."""
    for name, picture in drawable().items():
        for dark in (False, True):
            yield file_name(name, dark), picture.draw(picture.path, dark).save(".svg")


def file_name(name: str, dark: bool) -> str:
    return f"{name}-dark.svg" if dark else f"{name}.svg"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


MARK = re.compile(r"^<!-- picture: (\S+) -->\n(?:<picture>\n(?:.*\n)*?</picture>\n)?", re.M)


def updated(text: str, folder: str) -> str:
    """*text*, a page, with what shows its pictures, which lie in *folder*. Raises `KeyError` for one that is not in the table."""

    def shown(found: re.Match) -> str:
        name = found[1]
        mark = f"<!-- picture: {name} -->\n"
        if not PICTURES[name].path.exists():
            return mark
        dark, light = (f"{folder}/{file_name(name, is_dark)}" for is_dark in (True, False))
        return (
            f'{mark}<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
            f'  <img src="{light}" width="{WIDTH}" alt="{PICTURES[name].instead}">\n</picture>\n'
        )

    return MARK.sub(shown, text)


def folder_from(page: Path) -> str:
    """Where the pictures lie, as *page* names it."""
    return FOLDER.relative_to(page.parent).as_posix()


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    files = dict(drawn())
    for old in FOLDER.glob("*.svg"):
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        write_file(FOLDER / name, content)
    for page in pages():
        page.write_text(updated(page.read_text(), folder_from(page)))
    missing = sorted({picture.source for picture in PICTURES.values() if not picture.path.exists()})
    print(f"{len(files)} files in {FOLDER.relative_to(ROOT)}" + (f"; not there: {', '.join(missing)}" if missing else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
