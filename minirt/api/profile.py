"""IOptimizationProfile: the least, best and greatest shapes that an engine is made for."""

from __future__ import annotations

from dataclasses import dataclass, field

from minirt.api.declare import method, plain
from minirt.api.dialect import Api
from minirt.api.dims import Dims, dims_of
from minirt.build.options import Profile

Range = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@dataclass
class ProfileState:
    """Shapes of inputs, and numbers of inputs that are shapes, by the input's name."""

    shapes: dict[str, Range] = field(default_factory=dict)
    values: dict[str, Range] = field(default_factory=dict)
    extra_memory_target: float = 1.0
    profile_stream: int = 0


def _ordered(ranges: dict[str, Range]) -> bool:
    return all(
        len(low) == len(best) == len(high) and all(0 <= a <= b <= c for a, b, c in zip(low, best, high, strict=True))
        for low, best, high in ranges.values()
    )


class IOptimizationProfile(Api):
    """A range of shapes for each input of a network that has dims of -1."""

    _state: ProfileState
    extra_memory_target = plain("extra_memory_target", float, "Share of memory that other profiles leave.")
    profile_stream = plain("profile_stream", int, "The stream that measurements of this profile run on.", since=11)

    @method()
    def set_shape(self, input: str, min: Dims, opt: Dims, max: Dims) -> None:
        """Set the least, best and greatest shape of an input; their order is checked by `bool(profile)`."""
        self._state.shapes[input] = (tuple(min), tuple(opt), tuple(max))

    @method()
    def get_shape(self, input: str) -> list[Dims]:
        """Return the least, best and greatest shape of an input, none where they are not set."""
        return [dims_of(shape, self) for shape in self._state.shapes.get(input, ())]

    @method()
    def set_shape_input(self, input: str, min: list[int], opt: list[int], max: list[int]) -> None:
        """Set the least, best and greatest numbers of an input that is a shape."""
        self._state.values[input] = (tuple(min), tuple(opt), tuple(max))

    @method()
    def get_shape_input(self, input: str) -> list[list[int]]:
        """Return the least, best and greatest numbers of an input that is a shape, none where they are not set."""
        return [list(numbers) for numbers in self._state.values.get(input, ())]

    def __bool__(self) -> bool:
        return _ordered(self._state.shapes) and all(
            a <= b <= c
            for low, best, high in self._state.values.values()
            for a, b, c in zip(low, best, high, strict=True)
        )

    __nonzero__ = __bool__


def core_profile(profile: IOptimizationProfile) -> Profile:
    """Return a profile as the core takes it."""
    return Profile(dict(profile._state.shapes), dict(profile._state.values))
