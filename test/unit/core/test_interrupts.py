# SPDX-License-Identifier: MIT
"""Holding interrupts back: until the block ends, until it asks, and where there is nothing to hold."""

import signal
import threading

import pytest
from triton.backends.graft.interrupts import held


@pytest.fixture(autouse=True)
def handler():
    """The usual handler of interrupts, during the test."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_raised_when_the_block_ends():
    done = []
    with pytest.raises(KeyboardInterrupt), held():
        signal.raise_signal(signal.SIGINT)
        done.append("the rest of the block")
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_raised_once_when_the_block_asks():
    with held() as hand_on:
        hand_on()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            hand_on()
        hand_on()


def test_an_interrupt_goes_before_the_error_of_the_block():
    with pytest.raises(KeyboardInterrupt), held():
        signal.raise_signal(signal.SIGINT)
        raise ArithmeticError


def test_the_handler_of_the_program_gets_what_was_held_back():
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append((number, frame.f_code.co_name)))
    with held():
        signal.raise_signal(signal.SIGINT)
        assert calls == []
    assert calls == [(signal.SIGINT, "test_the_handler_of_the_program_gets_what_was_held_back")]


@pytest.mark.parametrize("ignored", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_without_a_handler_of_its_own_stays_so(ignored):
    signal.signal(signal.SIGINT, ignored)
    with held() as hand_on:
        hand_on()
        assert signal.getsignal(signal.SIGINT) is ignored


def test_another_thread_holds_nothing_back():
    seen = []

    def work():
        with held() as hand_on:
            hand_on()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
