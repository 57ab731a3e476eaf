# SPDX-License-Identifier: MIT
"""Adds a pass or an option to a project: the files of it, and its row in each table."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import OptionError
from . import none, rendering, repository, writing
from .errors import TemplateError
from .names import Names, check_word

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
#: The longest name of a pass or an option; the first line of a pass's files has room for it.
_LONGEST = 30
_AT_MOST = f"at most {_LONGEST} characters"
#: What Triton 3.9 has at a launch: its options for the target, what `run` takes, and what options themselves have.
_OF_TRITON = frozenset(
    (
        "allowed_dot_input_precisions", "arch", "backend_name", "clc", "debug", "default_dot_input_precision", "deprecated_fp8_dot_operand_dtypes",
        "enable_fp_fusion", "enable_reflect_ftz", "extern_libs", "fpsan_homomorphic_casts", "grid", "hash", "instrumentation_mode", "ir_override",
        "launch_cooperative_grid", "launch_pdl", "max_num_imprecise_acc_default", "maxnreg", "min_shared_mem", "num_ctas", "num_stages",
        "num_warps", "ptx_options", "ptx_version", "sanitize_overflow", "sched4reg", "self", "stream", "supported_fp8_dtypes", "warmup", "warp_size",
    )
)  # fmt: skip
#: The largest value of an option that is a number, unless its default is larger.
_MOST = 65536


@dataclass
class Changes:
    """What becomes of the files of the project in *root*, or of *files* alone; nothing is written before all is known."""

    root: Path | None
    files: dict[str, str] = field(default_factory=dict)

    def has(self, path: str) -> bool:
        """Whether there is a file *path*."""
        return path in self.files or (self.root is not None and (self.root / path).is_file())

    def read(self, path: str) -> str:
        """The file *path* as it is to be. Raises `TemplateError` if there is none."""
        if path not in self.files:
            if self.root is None or not self.has(path):
                raise TemplateError(f"{self.root} has no {path} to add a line to; is it a project made by `graft new`?")
            self.files[path] = (self.root / path).read_text()
        return self.files[path]

    def has_tables(self) -> bool:
        """Whether the project has tables of passes and options. One for another chip has a stage and a dataclass in their place."""
        return self.has("backend/steps.py")

    def wings(self) -> list[str]:
        """The modules of wings in which options may stand."""
        found = {path for path in self.files if re.fullmatch(r"backend/\w+/wing\.py", path)}
        if self.root:
            found |= {path.relative_to(self.root).as_posix() for path in self.root.glob("backend/*/wing.py")}
        return sorted(found)

    def create(self, path: str, text: str) -> None:
        if self.has(path):
            raise TemplateError(f"{path} exists; take another name, or remove it")
        self.files[path] = text

    def insert(self, path: str, line: int, text: str) -> None:
        """Puts *text* behind line number *line* of *path*."""
        lines = self.read(path).splitlines(keepends=True)
        self.files[path] = "".join([*lines[:line], text, *lines[line:]])

    def append(self, path: str, name: str, row: str) -> None:
        """Puts *row* behind the last of the tuple *name* in *path*. Raises `TemplateError` if there is none."""
        table = _table(self, path, name)
        if not isinstance(table, ast.Tuple):
            raise TemplateError(f"{name} in {path} is not a tuple, so no row can be added to it")
        lines = self.read(path).encode().splitlines(keepends=True)  # columns are those of bytes
        last = table.elts[-1] if table.elts else table
        number, column = (last.end_lineno or 0) - 1, last.end_col_offset or 0
        if table.elts:
            before, between, behind = lines[number][:column], ",\n", lines[number][column:]
        else:
            before, between, behind = lines[number][: column - 1], "\n", b",\n" + lines[number][column - 1 :]
        lines[number] = before + (between + row).encode() + behind
        self.files[path] = b"".join(lines).decode()

    def write(self) -> list[str]:
        """Writes them, formatted, to their folder; returns the paths of those that are other now. Where that fails, the files are as they were."""
        if self.root is None:
            raise ValueError("these files have no folder")
        tools = writing.formatters()
        places = {path: self.root / path for path in self.files}
        before = {place: place.read_bytes() if place.is_file() else None for place in places.values()}
        try:
            for path, text in self.files.items():
                writing.put(places[path], text.encode())
            writing.reformat(self.root, tuple(self.files), tools)
        except BaseException as error:
            for place, content in before.items():
                with contextlib.suppress(OSError):
                    if content is None:
                        place.unlink(missing_ok=True)
                    elif place.read_bytes() != content:
                        place.write_bytes(content)
            if isinstance(error, OSError):
                raise TemplateError(f"{error.filename} cannot be written: {error.strerror}") from None
            raise
        return sorted(path for path, place in places.items() if place.read_bytes() != before[place])


def find_project(start: Path) -> tuple[Path, Names]:
    """The project around *start*, and its name. Raises `TemplateError` if there is none."""
    for folder in (start, *start.parents):
        conf = folder / "backend" / "name.conf"
        if conf.is_file():
            return folder, Names(conf.read_text().strip())
    raise TemplateError(f"{start} is not in a project: no folder around it has a file backend/name.conf")


def add_option(changes: Changes, name: str, default: str, says: str) -> None:
    """Adds the kernel option *name*, whose default is true, false or an integer; *says* is what it does, for tables."""
    if not _SNAKE.fullmatch(name) or len(name) > _LONGEST:
        raise OptionError("NAME", name, f"lower-case words of letters and digits, joined by underscores, {_AT_MOST}")
    check_word(name)
    if name in _OF_TRITON:
        raise OptionError("NAME", name, "a name that Triton does not use already where a kernel is launched")
    if not says.strip() or not says.isprintable() or set(says) & set("|\\"):
        raise OptionError("--help-text", says, r"one line of printable characters, without | and \ ")
    value, kind = _parse_default(default)
    if not changes.has_tables():
        _add_field(changes, name, value, says)
        return
    for table in ("backend/settings.py", *changes.wings()):
        if re.search(rf'\bOption\(\s*"{name}"', changes.read(table)):
            raise OptionError("NAME", name, f"a name that {table} has for no other option")
    changes.append(
        "backend/settings.py", "OPTIONS", f'    Option("{name}", {value}, {kind}, {json.dumps(says, ensure_ascii=False)})'
    )
    _add_row(changes, "README.md", "option", f"| `{name}` | `{value}` | {says} |\n")


def add_pass(changes: Changes, names: Names, name: str) -> None:
    """Adds the pass *name*, in the words that MLIR has for it on a command line, with an option that switches it on."""
    if not _KEBAB.fullmatch(name) or len(name) > _LONGEST:
        raise OptionError(
            "NAME", name, f"lower-case words of letters and digits, joined by hyphens, as in double-to-add, {_AT_MOST}"
        )
    camel, snake = "".join(part.capitalize() for part in name.split("-")), name.replace("-", "_")
    check_word(snake)
    header = f"include/{names.lower}/Transforms/{camel}.h"
    if changes.has(header):
        raise TemplateError(f"{header} exists, for something else; take another name")
    if not changes.has_tables():
        for path, text in none.pass_like_ours(names, camel, name).items():
            changes.create(path, text)
        _add_call(changes, f"{names.lower}-{name}")
        return
    made = rendering.render(repository.templates("pass"), names, **{"pass": camel, "hyphened": name})
    for path, content in made.items():
        changes.create(path, content.decode())
    add_option(changes, snake, "true", f"`{names.lower}-{name}` adds a number to itself where it is doubled")
    full = f"{names.lower}-{name}"
    changes.append("backend/steps.py", "STEPS", f'    Step("{full}", "{snake}", lambda kernel: {{}})')
    row = f"| [{full}](#-{full}) | numbers that are doubled are added to themselves | `{snake}` |\n"
    _add_row(changes, "cmake/pass_docs.py", "pass", row)


def _add_field(changes: Changes, name: str, value: str, says: str) -> None:
    """Puts the option *name* behind the last field of the dataclass `Options`."""
    text = changes.read("backend/compiler.py")
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name="Options", body=body):
                found = [each for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
                if any(ast.unparse(each.target) == name for each in found):
                    raise OptionError(
                        "NAME", name, "the name of an option that `Options` in backend/compiler.py does not have yet"
                    )
                if found:
                    kind = "bool" if value in ("True", "False") else "int"
                    line = found[-1].end_lineno or 0
                    changes.insert("backend/compiler.py", line, f"    #: {says}\n    {name}: {kind} = {value}\n")
                    return
    raise TemplateError("backend/compiler.py has no class `Options` with fields, behind which another could go")


def _add_call(changes: Changes, full: str) -> None:
    """Runs the pass *full* behind the last of ours in the stage `make_ttir`."""
    before, stage, rest = changes.read("backend/compiler.py").partition("def make_ttir(")
    ours = list(re.finditer(r"^ *plugin\.add\(pm, .*\n", rest.partition("\n    def ")[0], re.M))
    if not stage or not ours:
        raise TemplateError("make_ttir in backend/compiler.py has no line `plugin.add(pm, …)`, behind which another could go")
    indent = ours[-1].group().partition("plugin")[0]
    line = (before + stage + rest[: ours[-1].end()]).count("\n")
    changes.insert("backend/compiler.py", line, f'{indent}plugin.add(pm, "{full}")\n')


def write_pass_docs(root: Path) -> bool:
    """Writes docs/passes.md anew; returns whether it is, for which mlir-tblgen is needed."""
    if not (root / "cmake" / "pass_docs.py").is_file():
        return True
    done = subprocess.run([sys.executable, "cmake/pass_docs.py"], cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        return False
    try:
        (root / "docs" / "passes.md").write_text(done.stdout)
    except OSError:
        return False
    return True


def _parse_default(text: str) -> tuple[str, str]:
    """The default that *text* says, and the kind of the option, as Python writes them."""
    if text in ("true", "false"):
        return text.capitalize(), "Flag()"
    if re.fullmatch(r"[0-9]{1,9}", text):
        return str(int(text)), f"Integer(0, {max(int(text), _MOST)})"
    raise OptionError("--default", text, "true, false or a number of at most nine digits")


def _table(changes: Changes, path: str, name: str) -> ast.expr:
    """What *name* is assigned in *path*."""
    for node in ast.parse(changes.read(path)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return value
            case ast.AnnAssign(target=ast.Name(id=found), value=value) if found == name and value:
                return value
    raise TemplateError(f"{path} has no table {name} to add a row to")


def _add_row(changes: Changes, path: str, head: str, row: str) -> None:
    """Puts *row* behind the last of the table of *path* whose first column is headed by *head*."""
    table = re.search(rf"^\| {head} \|.*\n\|-.*\n(\|.*\n)*", changes.read(path), re.M)
    if table is None:
        raise TemplateError(f"{path} has no table to add `{row.strip()}` to")
    changes.insert(path, changes.read(path).count("\n", 0, table.end()), row)
