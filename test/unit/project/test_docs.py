# SPDX-License-Identifier: MIT
"""The documentation says what is so."""

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import triton
from click.testing import CliRunner
from support import clean_environment
from triton.backends.graft import wings
from triton.backends.graft.tools import cli

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def blocks(language, page=README):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.S | re.M)
    return [text for name, text in fenced if name == language]


@pytest.fixture
def script(monkeypatch):
    """Imports a script of `cmake/` by its name."""
    monkeypatch.syspath_prepend(ROOT / "cmake")
    return importlib.import_module


def test_the_readme_has_the_table_of_options_as_make_docs_writes_it(script):
    option_docs = script("option_docs")
    assert all(f"| `{name}` |" in option_docs.rows() for name in wings.options())
    assert option_docs.updated(README) == README, "run `make docs`"


def test_the_readmes_python_runs(tmp_path):
    script = tmp_path / "readme.py"
    compile_only = [block for block in blocks("python") if "target=" in block]
    imports = next(block for block in blocks("python") if "target=" not in block).replace(
        "Driver())", 'Driver(target="cuda:80"))'
    )
    script.write_text(imports + "".join(compile_only) + "triton.runtime.driver.active.get_current_target()\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.M))))
def test_every_make_target_of_the_readme_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


def test_every_path_of_the_layout_exists():
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    layout = next(text for text in blocks("", architecture) if "CMakeLists.txt" in text)
    folder = ROOT
    for line in layout.splitlines():
        indented = line.startswith("  ")
        names = re.split(r"\s{2,}", line.strip())
        paths = [name for column in names[:-1] or names for name in column.split()]
        for path in paths:
            assert ((folder / path) if indented else (ROOT / path)).exists(), line
        if not indented:
            folder = ROOT / paths[0]


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CODE_OF_CONDUCT.md",
        "SECURITY.md",
        "python/examples/gallery/README.md",
        *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    ],
)
def test_every_link_of_a_page_leads_somewhere(page):
    path = ROOT / page
    links = set(re.findall(r"\]\(((?:\.\./)*\w[\w/.-]*)(?:#[^)]*)?\)", path.read_text()))
    assert [link for link in sorted(links) if not (path.parent / link).exists()] == []


def test_the_citation_names_the_version_that_this_is():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)$", citation, re.M) == [importlib.import_module("triton.backends.graft").__version__]


def test_american_forms_and_hard_words_are_refused_but_in_code(tmp_path):
    page = tmp_path / "page.md"
    words = [line.split("->") for line in (ROOT / ".codespell-words.txt").read_text().splitlines()]
    page.write_text("".join(f"It is {word}; `{word}`, item.{word}, f({word}=1).\n" for word, _ in words))
    done = subprocess.run([Path(sys.executable).with_name("codespell"), page], cwd=ROOT, capture_output=True, text=True)
    expected = [f"{page}:{number}: {word} ==> {better}" for number, (word, better) in enumerate(words, 1)]
    assert done.stdout.splitlines() == expected, done.stderr


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 120


def test_the_pass_manual_is_in_step_with_the_passes(script):
    assert (ROOT / "docs" / "passes.md").read_text() == script("pass_docs").pass_docs(), "run `make docs`"


def test_the_pass_manual_lists_the_passes_in_their_order_with_what_switches_them_on():
    rows = re.findall(r"^\| \[(\S+)\]\(#-(\S+)\) \|.*\| `(\w+)` \|$", (ROOT / "docs" / "passes.md").read_text(), re.M)
    assert rows == [(step.name, step.name, step.switch) for step in wings.steps()]


def test_the_launchers_manual_names_each_way_that_a_launch_can_go():
    rows_of_reasons = (ROOT / "lib" / "Launcher" / "Stats.cpp").read_text()
    reasons = set(re.findall(r'\{Reason::\w+, Way::\w+,\s+"(.+)"\}', rows_of_reasons))
    manual = (ROOT / "docs" / "launcher.md").read_text()
    rows = set(re.findall(r"^\| ([^`|]+) \|", manual.split("## What is different")[0], re.M)) - {"entry"}
    assert rows | {"launched", "launched frozen", "tuned (a configuration chosen before)"} == reasons


def commands_of_the_manuals():
    """Every command of ours that the README or a manual shows, without its arguments."""
    texts = [README, *(path.read_text() for path in (ROOT / "docs").glob("*.md"))]
    shown = re.findall(r"^(?:python -m triton\.backends\.graft|graft) ((?:[a-z]+ ?)+)", "\n".join(texts), re.M)
    return sorted({" ".join(command.split()) for command in shown})


def test_every_command_of_the_manuals_exists():
    commands = commands_of_the_manuals()
    assert "doctor" in commands
    for command in commands:
        words = command.split()
        done = CliRunner().invoke(cli.graft, [*words[:2], "--help"])
        assert done.exit_code == 0, f"{command}: {done.output}"


def test_the_manual_of_the_cache_names_every_part_of_the_key():
    from triton.backends.graft.cache import identity

    manual = (ROOT / "docs" / "cache.md").read_text()
    for part in identity.compiler():
        assert f"`compiler.{part}`" in manual


@pytest.mark.parametrize("variable", wings.variables())
def test_every_variable_is_in_a_manual(variable):
    assert any(variable in path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))


BUNDLES = (ROOT / "docs" / "bundles.md").read_text()

MODEL = """
import triton
import triton.language as tl

@triton.jit
def softmax(x, out, n, BLOCK: tl.constexpr):
    cols = tl.arange(0, BLOCK)
    tl.store(out + cols, tl.exp(tl.load(x + cols, cols < n, 0.0).to(tl.float32)), cols < n)

@triton.jit
def attention(q, k, out, n, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), tl.load(q + tl.arange(0, BLOCK)) + n)
"""


@pytest.mark.slow
def test_the_commands_and_programs_of_the_manual_of_bundles_run(tmp_path):
    """In the order of the manual, with a small model in the place of the reader's."""
    (tmp_path / "model.py").write_text(MODEL)
    warmup = next(block for block in re.findall(r"```python\n(# warmup\.py\n.*?)```", BUNDLES, re.S))
    (tmp_path / "warmup.py").write_text(warmup.replace("[1024, 4096]", "[64]").replace("[4, 8]", "4"))
    commands = re.findall(r"^graft (bundle .*?)(?: +#.*)?$", BUNDLES, re.M)
    assert [command.split()[1] for command in commands] == [
        "build", "show", "diff", "verify", "merge", "prune", "keygen", "sign", "verify",
    ]  # fmt: skip
    env = clean_environment(tmp_path)
    for number, command in enumerate(commands):
        run = [sys.executable, "-m", "triton.backends.graft", *command.split()]
        done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        if number == 0:
            for name in ("old", "new", "a100", "h100"):
                shutil.copy(tmp_path / "kernels.graft", tmp_path / f"{name}.graft")
    load = next(block for block in re.findall(r"```python\n(.*?)```", BUNDLES, re.S) if "bundle.load(" in block)
    program = load.replace("Driver()", 'Driver(target="cuda:90")') + "import warmup; warmup.warmup()"
    required = env | {"GRAFT_CACHE": "require", "TRITON_CACHE_DIR": str(tmp_path / "empty")}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=required, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


EXPLAINED = """
import triton
import triton.language as tl

@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.load(x + offs, offs < n) + tl.load(y + offs, offs < n), offs < n)
"""


@pytest.mark.slow
def test_the_commands_of_the_manual_of_explain_print_what_it_shows(tmp_path):
    """All but what is left out there, and what ptxas may change: the registers."""
    manual = (ROOT / "docs" / "explain.md").read_text()
    (tmp_path / "kernels.py").write_text(EXPLAINED)
    shown = re.findall(r"```sh\npython (.*?)\n```\n\n```\n(.*?)```", manual, re.S)
    assert len(shown) == 2
    for command, expected in shown:
        run = [sys.executable, *shlex.split(command)]
        done = subprocess.run(run, cwd=tmp_path, env=clean_environment(tmp_path), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for line in expected.splitlines():
            parts = map(re.escape, re.sub(r"\d+ registers", "…", line).split("…"))
            assert re.search(f"^{'.*'.join(parts)}$", done.stdout, re.M), f"{line}\n\n{done.stdout}"
    (command,) = re.findall(r"^python (.* --html add\.html)$", manual, re.M)
    run = [sys.executable, *shlex.split(command)]
    done = subprocess.run(run, cwd=tmp_path, env=clean_environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 'id="L8"' in (tmp_path / "add.html").read_text()


CONFORMANCE = (ROOT / "docs" / "conformance.md").read_text()

#: Four tests, and the drivers that are said to be the reader's.
SUMS = """
import os
import pytest
import triton

IS_OURS = "graft" in type(triton.runtime.driver.active).__module__

def test_nothing():
    pass

def test_product():
    assert not "a fault of both"

@pytest.mark.parametrize("dtype", ["fp16", "fp8"])
def test_sum(dtype):
    if IS_OURS and dtype == "fp8":
        os._exit(1)
    assert not IS_OURS, "2.0 is not 3.0"
"""
MINE = """
from support import OtherDriver
from triton.backends.graft.driver import Driver

class InTree(OtherDriver):
    def __init__(self):
        super().__init__(90)
"""


@pytest.mark.slow
def test_the_commands_of_the_manual_of_conformance_print_what_it_shows(tmp_path):
    """In the order of the manual, without a device, so with another baseline than the in-tree driver where it takes that."""
    tests = tmp_path / "triton" / "python" / "test" / "unit"
    tests.mkdir(parents=True)
    (tests / "test_sums.py").write_text(SUMS)
    (tests.parents[1] / "triton").mkdir()
    (tests.parents[1] / "triton" / "__init__.py").write_text(f'__version__ = "{triton.__version__}"\n')
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "allow.toml").write_text(re.search(r"```toml\n(.*?)```", CONFORMANCE, re.S)[1])
    env = clean_environment(tmp_path, GRAFT_TARGET="cuda:90")
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    shown = re.findall(r"```sh\n(graft .*?)\n```(?:\n\n```\n(.*?)```)?", CONFORMANCE, re.S)
    commands = [(command, expected) for lines, expected in shown for command in lines.splitlines()]
    assert len(commands) == 5
    for number, (command, expected) in enumerate(commands):
        run = [sys.executable, "-m", "triton.backends.graft", *shlex.split(command)[1:]]
        run += [] if "baseline" in command else ["--baseline-driver", "mine:InTree"]
        run += [] if "--baseline " in command else ["--out", "conformance" if expected else f"out-{number}"]
        done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 1, f"{command}: {done.stderr}"
        assert done.stdout == expected or not expected
        assert "| `python/test/unit/test_sums.py::test_sum[fp16]` |" in done.stdout
