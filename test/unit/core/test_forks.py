# SPDX-License-Identifier: MIT
"""Locks of a process that forks, also those that are made in the middle of a fork."""

import os
import threading
import time

from support import output_of
from triton.backends.graft.forks import ForkedLock

LATE = """
import os, threading, time
import triton
from triton.backends.graft import hooks

def other():
    with hooks._lock:
        time.sleep(0.5)
        import triton.backends.graft.plugin

thread = threading.Thread(target=other)
thread.start()
time.sleep(0.2)
pid = os.fork()
if pid == 0:
    from triton.backends.graft import plugin
    with plugin._lock, hooks._lock:
        os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
thread.join()
"""


def test_a_fork_while_another_thread_imports_the_passes_goes_well(tmp_path):
    assert output_of(LATE, tmp_path) == "0\n"


def in_child(work):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_nobody_holds_the_lock_in_a_child_and_the_parent_goes_on():
    lock = ForkedLock(threading.Lock)

    def hold():
        with lock:
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(0.1)
    assert in_child(lambda: lock.acquire(blocking=False))
    thread.join()
    assert lock.acquire(blocking=False)
    lock.release()


def test_a_lock_that_no_fork_has_waited_for_is_released_by_none():
    lock = ForkedLock(threading.Lock)
    lock.acquire()
    lock._after()
    assert not lock.acquire(blocking=False)
    lock._after_in_child()
    assert lock.acquire(blocking=False)
    lock.release()  # the next fork waits for it
