# SPDX-License-Identifier: MIT
"""Interrupts (SIGINT) that come where Python must not raise them: they are held back until there is a place for them.

Python calls the handler of an interrupt between any two instructions, and the usual one raises there: a lock that was just taken
stays taken, a folder that was just made belongs to nobody, and in a callback the exception is printed and forgotten.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def held() -> Iterator[Callable[[], None]]:
    """Holds interrupts back in the block and hands on those that came to the handler there was when the block ends.

    The function that it gives hands them on at once, so it raises `KeyboardInterrupt` with the usual handler. Nothing is held back in
    another thread than the main one, where no handler is called, or where the process ignores interrupts or is ended by them.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield lambda: None
        return
    calls: list[tuple[Any, ...]] = []

    def hand_on() -> None:
        while calls:
            handler(*calls.pop(0))

    signal.signal(signal.SIGINT, lambda *call: calls.append(call))
    try:
        yield hand_on
    finally:
        signal.signal(signal.SIGINT, handler)
        hand_on()
