"""Events: order between streams, and times measured on the device."""

from __future__ import annotations

import weakref

from minirt.runtime.device.device import Device
from minirt.runtime.device.driver import driver, fail
from minirt.runtime.device.streams import wait_for


class Event:
    """A point in a stream's work on one device; without `timing` it is cheaper and only orders."""

    def __init__(self, device: Device, *, timing: bool = True) -> None:
        self.device = device
        runtime = driver().runtime
        with device.current():
            flag = runtime.eventDefault if timing else runtime.eventDisableTiming
            self.handle = int(runtime.eventCreateWithFlags(flag))
        self._finalizer = weakref.finalize(self, _destroy, device, self.handle)
        self._finalizer.atexit = False

    def record(self, stream: int) -> None:
        """Mark this point of `stream`, which belongs to the same device."""
        driver().runtime.eventRecord(self.handle, stream)

    def hold(self, stream: int) -> None:
        """Make later work on `stream` wait for the event; `stream` may belong to another device."""
        wait_for(stream, self.handle)

    def done(self) -> bool:
        """True once the work before the event is complete."""
        runtime = driver().runtime
        try:
            return int(runtime.eventQuery(self.handle)) == 0
        except runtime.CUDARuntimeError as error:
            if "NotReady" in str(error):
                return False
            fail(error, "work before the event failed")

    def synchronize(self) -> None:
        """Wait until the work before the event is complete; raises DeviceError with a fault that happened there."""
        try:
            driver().runtime.eventSynchronize(self.handle)
        except Exception as error:
            fail(error, "work before the event failed")

    def milliseconds_since(self, earlier: Event) -> float:
        """Time from `earlier` to this event, in ms on the device; waits for neither, both must be complete."""
        return float(driver().runtime.eventElapsedTime(earlier.handle, self.handle))

    def close(self) -> None:
        """Destroy the event."""
        self._finalizer()


def _destroy(device: Device, handle: int) -> None:
    with device.releasing():
        driver().runtime.eventDestroy(handle)
