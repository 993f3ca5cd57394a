"""Runs made again on a device: one call of the driver for each part, and little of Python around it.

What a run asks each time is bound once, when it is made: an inference that the host puts on a stream in a few
microseconds has no room for lookups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minirt.runtime.backend import Again
from minirt.runtime.device.device import Device
from minirt.runtime.device.driver import driver, fail
from minirt.runtime.device.ranges import Marked
from minirt.runtime.device.streams import LEGACY, is_recorded


def rerun(device: Device, parts: Sequence[Again], name: str) -> Callable[[int, bool], bool]:
    """What puts the parts on a stream again, in order, within an NVTX range of that name where asked.

    It returns False, with nothing done, while the stream is capturing and once a part is not as it was.
    """
    index, runtime, marked = device.index, driver().runtime, Marked(name)
    current, make_current = runtime.getDevice, runtime.setDevice
    ready = [part.ready for part in parts]
    submit = [part.submit for part in parts]

    def put(stream: int, ranged: bool) -> bool:
        before = current()
        try:
            make_current(index)  # also where equal: a new thread has no context before
        except Exception as error:
            fail(error, f"cuda:{index} cannot be used")
        try:
            if stream not in (0, LEGACY) and is_recorded(runtime, stream):
                return False
            for asked in ready:
                if not asked():
                    return False
            if ranged:
                marked.begin()
            try:
                for part in submit:
                    part(stream)
            finally:
                if ranged:
                    marked.end()
        finally:
            if before != index:
                make_current(before)
        return True

    return put
