# SPDX-License-Identifier: MIT
"""A pass that fails on a kernel: the kernel compiles without it, and one warning leads to a reproducer."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from support import ROOT, make_vector_add, warm_up_vector_add
from triton.backends.graft import wings
from triton.backends.graft.driver import Driver
from triton.backends.graft.errors import GraftWarning
from triton.backends.graft.guard import guarded

MESSAGE = re.compile(
    r"vector_add is compiled without (graft-[a-z-]+), which failed: (.+); graft-opt makes it again from (.+\.mlir)", re.DOTALL
)


@pytest.fixture
def failing(monkeypatch):
    """Has a pass, named by the call, fail on every kernel: no CTA has no threads."""

    def fail(name):
        ours = [step._replace(options=lambda kernel: {"threads": 0}) if step.name == name else step for step in wings.steps()]
        monkeypatch.setattr(wings, "steps", lambda: tuple(ours))

    return fail


def warned(compile):
    """What *compile* returns, and the pass, the error and the reproducer of its one warning."""
    with pytest.warns(GraftWarning) as caught:
        compiled = compile()
    assert len(caught) == 1
    name, error, path = MESSAGE.fullmatch(str(caught[0].message)).groups()
    return compiled, name, error, Path(path)


def test_a_kernel_compiles_without_the_pass_that_fails(activate, failing, tmp_path):
    failing("graft-version-tiles")
    activate(Driver(target="cuda:90"))
    compiled, name, error, path = warned(lambda: warm_up_vector_add(make_vector_add()))
    assert name == "graft-version-tiles"
    assert error == "PassManager::run failed"
    assert path.parent == tmp_path / "cache" / "graft-reproducers"
    assert "scf.if" not in compiled.asm["ttir"] and "tt.load" in compiled.asm["ttir"]


def test_the_other_passes_run_all_the_same(activate, failing):
    failing("graft-split-masks")
    activate(Driver(target="cuda:90"))
    compiled, name, *_ = warned(lambda: warm_up_vector_add(make_vector_add()))
    assert name == "graft-split-masks"
    assert "scf.if" in compiled.asm["ttir"]


def test_the_kernel_is_that_of_a_compilation_without_the_pass(activate, failing):
    activate(Driver(target="cuda:90"))
    without = warm_up_vector_add(make_vector_add(), version_tiles=False).asm["ptx"]
    failing("graft-version-tiles")
    compiled, *_ = warned(lambda: warm_up_vector_add(make_vector_add()))
    assert compiled.asm["ptx"] == without


def test_graft_opt_makes_the_failure_again_from_the_reproducer(activate, failing):
    failing("graft-version-tiles")
    activate(Driver(target="cuda:90"))
    *_, path = warned(lambda: warm_up_vector_add(make_vector_add()))
    first = path.read_text().splitlines()[0]
    flag = re.fullmatch(r"// graft-opt <this file> -(graft-version-tiles)='(threads=0)'", first)
    command = [sys.executable, "-m", "triton.backends.graft.opt", str(path), f"-{flag[1]}={flag[2]}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert "threads must be a power of two (got 0)" in done.stderr


def test_two_failures_of_one_kernel_have_one_reproducer_for_each_pass(activate, failing):
    failing("graft-version-tiles")
    failing("graft-split-masks")
    activate(Driver(target="cuda:90"))
    with pytest.warns(GraftWarning) as caught:
        warm_up_vector_add(make_vector_add())
    found = [MESSAGE.fullmatch(str(warning.message)) for warning in caught]
    assert [match[1] for match in found] == ["graft-version-tiles", "graft-split-masks"]
    assert len({match[3] for match in found}) == 2


def test_where_no_reproducer_can_be_written_the_kernel_compiles_all_the_same(activate, failing, monkeypatch):
    failing("graft-version-tiles")
    activate(Driver(target="cuda:90"))

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(guarded, "write_file", full)
    with pytest.warns(match="; the reproducer could not be written$"):
        compiled = warm_up_vector_add(make_vector_add())
    assert compiled.asm["cubin"].startswith(b"\x7fELF")


def test_a_kernel_on_which_no_pass_fails_has_no_warning_and_no_reproducer(activate, tmp_path):
    activate(Driver(target="cuda:90"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GraftWarning)
        warm_up_vector_add(make_vector_add())
    assert not (tmp_path / "cache" / "graft-reproducers").exists()
