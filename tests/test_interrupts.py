"""An interrupt that has to wait is not lost."""

from __future__ import annotations

import signal
import threading

import pytest

from minirt.interrupts import after_interrupts


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    before, done = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt), after_interrupts():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done == [True] and signal.getsignal(signal.SIGINT) is before


def test_errors_and_other_threads_pass() -> None:
    with pytest.raises(KeyError), after_interrupts():
        raise KeyError
    seen: list[bool] = []

    def work() -> None:
        with after_interrupts():
            seen.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
