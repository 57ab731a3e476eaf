# SPDX-License-Identifier: MIT
"""A user's mistake ends in one error, whatever the command: never in a traceback of ours."""

import json
import subprocess
import sys

import pytest
import wrong_inputs
from support import clean_environment
from test_command_line import LEAVES


@pytest.mark.parametrize("path", LEAVES)
def test_a_wrong_input_does_not_end_in_a_traceback(path, tmp_path):
    pytest.importorskip("cryptography")
    folder = tmp_path / "folder"
    folder.mkdir()
    # Without a device, and without git and the formatters, so that `new` writes nothing.
    env = clean_environment(tmp_path, CUDA_VISIBLE_DEVICES="", PATH="")
    command = [sys.executable, wrong_inputs.__file__, *path.split()]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    count, wrong = json.loads(done.stdout.splitlines()[-1])
    assert wrong == {}
    assert count > 0


def test_an_input_of_graft_opt_that_is_no_text_does_not_end_in_a_traceback(tmp_path):
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    done = subprocess.run(
        [sys.executable, "-m", "triton.backends.graft.opt", "binary"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "graft-opt: binary: Parse MLIR file failed.")
