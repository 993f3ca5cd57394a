"""A kernel's launches in terms of a plan: its operands, scratch and packed constants become buffers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from minirt.build.drafts import Place, byte_offset
from minirt.plan.launch import Address, Arg, Launch, TensorMap

WRITTEN = ("out", "work")


@dataclass
class Resolver:
    """Knows where "in" and "out" lie (``operands``), and the buffers of "work" and "pack" (``made``).

    ``used`` gathers every buffer that was asked for.
    """

    operands: Mapping[str, Sequence[Place]]
    made: Mapping[str, Sequence[int]]
    used: set[int] = field(default_factory=set)

    def address(self, arg: Address) -> Address:
        """An operand's address as a buffer's."""
        if arg.of in self.made:
            number, offset = self.made[arg.of][arg.index], arg.offset
        else:
            place = self.operands[arg.of][arg.index]
            number, offset = place.buffer, arg.offset + byte_offset(place.at.offset, place.at.type)
        self.used.add(number)
        return Address("buffer", number, offset)

    def launch(self, launch: Launch) -> Launch:
        """The launch over buffers, and which it writes."""
        given = [a.address if isinstance(a, TensorMap) else a for a in launch.args]
        writes = {self.address(a).index for a in given if isinstance(a, Address) and a.of in WRITTEN}
        return replace(launch, args=tuple(self._argument(a) for a in launch.args), writes=tuple(sorted(writes)))

    def _argument(self, arg: Arg) -> Arg:
        if isinstance(arg, TensorMap):
            return replace(arg, address=self.address(arg.address))
        return self.address(arg) if isinstance(arg, Address) else arg
