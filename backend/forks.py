# SPDX-License-Identifier: MIT
"""Locks in a process that forks while other threads hold them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


class ForkedLock:
    """A lock, made by *make*, that a fork waits for, so that nobody holds it in the child.

    A thread may make one while another is in the middle of a fork, which then has not waited for it: the parent has nothing to release,
    and the child gets a new one.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make, self._lock, self._is_forking = make, make(), False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after_in_child)

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking=blocking)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def _before(self) -> None:
        self._lock.acquire()
        self._is_forking = True

    def _after(self) -> None:
        if self._is_forking:
            self._is_forking = False
            self._lock.release()

    def _after_in_child(self) -> None:
        if not self._is_forking:
            self._lock = self._make()
        self._after()
