"""Holding off the garbage collector."""

import gc
import threading

import pytest

from minirt.collector import held_off


def test_it_is_off_until_the_last_thread_is_out() -> None:
    assert gc.isenabled()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with held_off():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with held_off():
        thread.start()
        assert entered.wait(10)
    assert not gc.isenabled()
    leave.set()
    thread.join()
    assert gc.isenabled()


def test_what_is_raised_passes_and_a_collector_that_was_off_stays_off() -> None:
    with pytest.raises(KeyError), held_off():
        raise KeyError
    assert gc.isenabled()
    gc.disable()
    try:
        with held_off():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
