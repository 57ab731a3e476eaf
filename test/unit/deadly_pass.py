# SPDX-License-Identifier: MIT
"""A pass that takes the process with it. `install` writes a folder for PYTHONPATH: processes that have it there die so.

The variable DEADLY_PASS names the pass and DEADLY_WAY the way, one of `WAYS`; with DEADLY_TO=first it spares the child that tries
again. Each time, a line is added to the file that DEADLY_LOG names.
"""

import ctypes
import os
import signal
import sys

SITE = "import deadly_pass; deadly_pass.arm()"


def _overflow():
    """Runs out of stack in C."""
    nested = ()
    for _ in range(1_000_000):
        nested = (nested,)
    hash(nested)


def _spin():
    while True:
        pass


#: What is done in the pass, and the signal that ends the process if any does.
WAYS = {
    "segmentation fault": (lambda: ctypes.string_at(0), signal.SIGSEGV),
    "abort": (os.abort, signal.SIGABRT),
    "stack overflow": (_overflow, signal.SIGSEGV),
    "killed": (lambda: os.kill(os.getpid(), signal.SIGKILL), signal.SIGKILL),
    "loop": (_spin, None),
}


def install(folder):
    """Makes *folder* what makes a pass deadly."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    return folder


def arm():
    """Replaces the door to the passes in this process."""
    from triton.backends.graft import plugin
    from triton.backends.graft.guard import crashes

    crashes.CPU_SECONDS = 2
    add_text = plugin.add_text
    is_child = any(argument.endswith("crash_child") for argument in sys.orig_argv)

    def deadly(pm, pipeline):
        if pipeline.startswith(os.environ["DEADLY_PASS"]):
            with open(os.environ["DEADLY_LOG"], "a") as log:
                log.write("child\n" if is_child else "process\n")
            if not is_child or os.environ["DEADLY_TO"] == "all":
                WAYS[os.environ["DEADLY_WAY"]][0]()
        return add_text(pm, pipeline)

    plugin.add_text = deadly
