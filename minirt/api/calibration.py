"""Interfaces of int8 calibration and of algorithm selection, as scripts of TensorRT 7 to 10 subclass them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.api.callbacks import Interface, missing
from minirt.api.declare import fixed, warning
from minirt.api.dialect import Api, dialect_of, spanned, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import CalibrationAlgoType


class IInt8Calibrator(Interface, until=10):
    """Base of int8 calibrators."""

    @warning("quantize and dequantize layers", 10)
    def get_batch_size(self) -> int:
        """Return how many samples a batch holds; subclasses override this."""
        raise missing(self, "get_batch_size")

    def get_batch(self, names: Sequence[str]) -> Sequence[int] | None:
        """Return the device address of each named input of the next batch, or None at the end."""
        raise missing(self, "get_batch")

    def read_calibration_cache(self) -> Any:
        """Return what `write_calibration_cache` was given before, or None."""
        raise missing(self, "read_calibration_cache")

    def write_calibration_cache(self, cache: memoryview) -> None:
        """Keep the result of a calibration; subclasses override this."""
        raise missing(self, "write_calibration_cache")

    def get_algorithm(self) -> Any:
        """Return how scales are chosen; subclasses override this."""
        raise missing(self, "get_algorithm")


class IInt8LegacyCalibrator(IInt8Calibrator, until=10):
    """Base of calibrators by quantile and regression cutoff."""

    def get_algorithm(self) -> Any:
        """Return LEGACY_CALIBRATION."""
        return member(CalibrationAlgoType, "LEGACY_CALIBRATION", dialect_of(self))


class IInt8EntropyCalibrator(IInt8Calibrator, until=10):
    """Base of calibrators by entropy."""

    def get_algorithm(self) -> Any:
        """Return ENTROPY_CALIBRATION."""
        return member(CalibrationAlgoType, "ENTROPY_CALIBRATION", dialect_of(self))


class IInt8EntropyCalibrator2(IInt8Calibrator, until=10):
    """Base of calibrators by entropy, per tensor."""

    def get_algorithm(self) -> Any:
        """Return ENTROPY_CALIBRATION_2."""
        return member(CalibrationAlgoType, "ENTROPY_CALIBRATION_2", dialect_of(self))


class IInt8MinMaxCalibrator(IInt8Calibrator, until=10):
    """Base of calibrators by the extremes."""

    def get_algorithm(self) -> Any:
        """Return MINMAX_CALIBRATION."""
        return member(CalibrationAlgoType, "MINMAX_CALIBRATION", dialect_of(self))


class IAlgorithmIOInfo(Api, until=10):
    """What a kernel takes or gives: element type, strides, vector width."""

    dtype = fixed("dtype", "The element type.")
    strides = fixed("strides", "The strides of the dims, in elements.")
    tensor_format = fixed("tensor_format", "The memory layout.", until=8, instead="vectorized_dim", warns=(8,))
    components_per_element = fixed("components_per_element", "How many scalars a vector holds.", since=8)
    vectorized_dim = fixed("vectorized_dim", "The axis that is packed in vectors, -1 for none.", since=8)


class IAlgorithmVariant(Api, until=10):
    """Which kernel and which of its tactics."""

    implementation = fixed("implementation", "The kernel's number.")
    tactic = fixed("tactic", "The tactic's number.")


class IAlgorithm(Api, until=10):
    """One way of running a layer, with its measured time."""

    algorithm_variant = fixed("algorithm_variant", "Which kernel and tactic this is.")
    timing_msec = fixed("timing_msec", "Its time in milliseconds.")
    workspace_size = fixed("workspace_size", "Its scratch memory in bytes.")

    def get_algorithm_io_info(self, index: int) -> IAlgorithmIOInfo | None:
        """Return what the kernel takes or gives at a place: inputs first, then outputs."""
        places = self._state.places
        return wrap(IAlgorithmIOInfo, places[index], dialect_of(self)) if 0 <= index < len(places) else None


class IAlgorithmContext(Api, until=10):
    """The layer that a kernel is selected for."""

    name = fixed("name", "The layer's name.")
    num_inputs = fixed("num_inputs", "How many inputs it has.")
    num_outputs = fixed("num_outputs", "How many outputs it has.")

    def get_shape(self, index: int) -> list[Dims]:
        """Return the least, usual and greatest shape at a place: inputs first, then outputs."""
        return list(self._state.shapes[index])


class IAlgorithmSelector(Interface, until=10):
    """Base of selectors of kernels."""

    @spanned(since=8)
    def select_algorithms(self, context: IAlgorithmContext, choices: Sequence[IAlgorithm]) -> list[int]:
        """Return which choices may be taken; subclasses override this."""
        raise missing(self, "select_algorithms")

    @spanned(since=8)
    def report_algorithms(self, contexts: Sequence[IAlgorithmContext], choices: Sequence[IAlgorithm]) -> None:
        """Hear what was chosen for each layer; subclasses override this."""
        raise missing(self, "report_algorithms")
