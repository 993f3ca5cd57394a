"""Groups of steps put on a stream in turn: in NVTX ranges, or each to its end, where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from minirt.errors import DeviceError
from minirt.runtime.backend import Backend, Manner
from minirt.runtime.groups import Group

Run = Callable[[int, Group, int], object]


def run_groups(
    groups: Sequence[Group], run: Run, backend: Backend, manner: Manner, stream: int, *, recording: bool
) -> None:
    """Run the groups as a context wants it; on a stream that is being recorded nothing is waited for.

    Raises DeviceError naming the node that fails, where each step is waited for.
    """
    if manner.done is not None and not recording:
        run = _checked(run, backend, manner.done)
    if manner.ranges == "NONE" or backend.host_memory:
        for number, group in enumerate(groups):
            run(number, group, stream)
        return
    with backend.marked(manner.name):
        for number, group in enumerate(groups):
            with nullcontext() if group.native else backend.marked(group.steps[0].label):
                run(number, group, stream)


def _checked(run: Run, backend: Backend, done: Callable[[str], None]) -> Run:
    """A run of a group to its end; kernels that are one list of launches are waited for launch by launch already."""

    def checked(number: int, group: Group, stream: int) -> None:
        label = group.steps[0].label
        try:
            run(number, group, stream)
            if not group.native or group.loop:
                backend.read(0, 0, stream)
        except DeviceError as error:
            raise DeviceError(error.what, error.where or f"node {label!r}", error.fix) from error
        if not group.native:
            done(label)

    return checked
