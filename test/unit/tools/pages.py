# SPDX-License-Identifier: MIT
"""Pages of `graft explain --html` for tests: kernels, the page of one, and what a page says."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from triton.backends.graft.tools import compiling, kernel_page, kernel_report

#: What would break out of a page that does not escape.
HOSTILE = "</script></style></code><img src=x onerror=alert(1)>{{ 7 * 7 }}"

KERNELS = f'''
import triton
import triton.language as tl

@triton.jit
def read(pointers, mask):
    return tl.load(pointers, mask)

@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    a = read(x + offs, offs < n)
    b = read(y + offs, offs < n)
    tl.store(out + offs, a + b, offs < n)

@triton.jit
def product(a, b, c, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tile = i[:, None] * BLOCK + i[None, :]
    tl.store(c + tile, tl.dot(tl.load(a + tile), tl.load(b + tile)))

@triton.jit
def total(x, out, N: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    tl.store(out, tl.sum(tl.load(x + offs, offs < N, 0.0), 0))

@triton.jit
def running(x, out, n, BLOCK: tl.constexpr):
    sums = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        sums += tl.load(x + offs, offs < n, 0.0)
    tl.store(out, tl.sum(sums, 0))

@triton.jit
def hostile(out, TEXT: tl.constexpr):
    # {HOSTILE}
    tl.device_print("{HOSTILE}", tl.program_id(0))
    tl.store(out, 1)
'''

ARGUMENTS = {
    "add": "*fp16, *fp16, *fp16, n=1001, BLOCK=1024",
    "product": "*fp16, *fp16, *fp32, 64",
    "total": "*fp16, *fp16, 1004, 1024",
    "running": "*fp32, *fp32, 1001, 1024",
    "hostile": f"*i32, {HOSTILE!r}",
}


def write_kernels(folder: Path) -> Path:
    """The file with the kernels in *folder*, which no other test has imported."""
    path = folder / f"kernels_{folder.name.replace('-', '_')}.py"
    path.write_text(KERNELS)
    return path


def compiled(path: Path, name: str, **options):
    """The launch of kernel *name* in *path* for cuda:90, and what it is compiled to."""
    launch = compiling.Launch.of(f"{path}:{name}", ARGUMENTS[name], "cuda:90", options)
    return launch, compiling.compile_launch(launch)


def page_of(path: Path, name: str, **options) -> str:
    """The page of kernel *name* in *path*."""
    launch, made = compiled(path, name, **options)
    return kernel_page.render(kernel_report.tell(launch, made), launch, made)


def number_of(text: str, nth: int = 0) -> int:
    """The number of the *nth* line of the kernels that has *text*."""
    return [number for number, line in enumerate(KERNELS.splitlines(), 1) if text in line][nth]


@dataclass
class Element:
    """An element with its attributes, what it holds, and all its text."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    def all(self, tag: str = "", class_: str = "") -> list[Element]:
        """The elements in this one, in order, with this tag and class."""
        found = []
        for child in self.children:
            if tag in ("", child.tag) and (not class_ or class_ in child.classes):
                found.append(child)
            found += child.all(tag, class_)
        return found

    @property
    def code(self) -> str:
        """The code of a line."""
        (code,) = self.all("code")
        return code.text


class _Reader(HTMLParser):
    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in self.VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> in <{self.open[-1].tag}>, line {self.getpos()[0]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read_page(text: str) -> Element:
    """The elements of a page, each of which has to be closed in its place."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1
    return reader.open[0]


def lines_of(page: Element, stage: str) -> list[Element]:
    """The lines of a stage, or of `source`."""
    column = next(one for one in page.all(class_="column") if one.attributes.get("id") == stage or stage in one.classes)
    return column.all(class_="line")
