"""Int8 without quantize layers: ranges that a script set, that its calibrator kept, or that its batches show."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minirt.api.addresses import place_of
from minirt.api.boundary import Sink, call_back
from minirt.api.dialect import VERSIONS, dialect_of
from minirt.api.profile import core_profile
from minirt.build.calibrate import measured, usual_sizes
from minirt.build.network import NetworkCells, TensorCell
from minirt.build.options import Options, Profile
from minirt.errors import ApiError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value
from minirt.ops.quantize import Dequantize, Quantize
from minirt.optimize.calibrated import LEVELS, quantized, readers, sources
from minirt.trace import no_progress, phase
from minirt.types.dtype import i8

_TITLES = {
    "ENTROPY_CALIBRATION_2": "EntropyCalibration2",
    "ENTROPY_CALIBRATION": "EntropyCalibration",
    "MINMAX_CALIBRATION": "MinMaxCalibration",
    "LEGACY_CALIBRATION": "LegacyCalibration",
}
_MAGIC = "TRT-"
_QUANTILE = 0.9999


@dataclass(frozen=True)
class Asked:
    """What a config says of int8: a calibrator, the profile that it has batches for, and where problems are told."""

    calibrator: Any
    profile: Any
    sink: Sink


def in_int8(cells: NetworkCells, graph: Graph, asked: Asked, options: Options) -> Graph:
    """Return a network's graph with products and convolutions through int8, where ranges of their operands are known.

    Layers whose precision was set to another type stay as they are, and so do networks that quantize themselves.
    Raises ApiError where a calibrator gives neither batches nor a cache.
    """
    if any(isinstance(node.op, Quantize | Dequantize) for node in graph.nodes):
        if asked.calibrator is not None:
            asked.sink.log("WARNING", "the calibrator is not asked: quantize and dequantize layers say what is int8")
        return graph
    left = [layer.name for layer in cells.layers if layer.extras.get("precision", i8) is not i8]
    reached = readers(graph, left)
    tensors = _tensors(cells, reached)
    scales = {value: scale for value, found in tensors.items() if (scale := _set(found)) is not None}
    wanted = {t.name: cells.typed[t] for v, found in tensors.items() if v not in scales for t in found[:1]}
    if asked.calibrator is not None and wanted:
        by_name = _calibrated(cells, graph, wanted, asked, options)
        for value in tensors.keys() - scales.keys():
            found = [by_name[t.name] for t in tensors[value] if t.name in by_name]
            scales |= dict.fromkeys([value], found[0]) if found else {}
    if not scales:
        why = "there are no ranges, no calibrator, and no quantize layers"
        why = why if asked.calibrator is None else "there is no product of a tensor and constant weights"
        asked.sink.log("WARNING", f"BuilderFlag.INT8: nothing is computed in int8, {why}")
        return graph
    for value in [v for v in reached if v not in scales]:
        what = f"tensor '{tensors[value][0].name}' has no range" if tensors[value] else "it reads no tensor as it is"
        asked.sink.log("WARNING", f"layer '{reached[value][0].label}' is not computed in int8: {what}")
    return quantized(graph, scales, left)


def _tensors(cells: NetworkCells, reached: Iterable[Value]) -> dict[Value, list[TensorCell]]:
    """Return the tensors whose ranges hold for each value, the nearest first."""
    known: dict[Value, list[TensorCell]] = {}
    for tensor, value in cells.typed.items():
        known.setdefault(value, []).append(tensor)
    return {value: [t for v in sources(value) for t in known.get(v, ())] for value in reached}


def _set(tensors: Sequence[TensorCell]) -> float | None:
    """Return the scale of the first tensor whose range was set."""
    ranges = [t.extras["range"] for t in tensors if "range" in t.extras]
    return max(map(abs, ranges[0])) / LEVELS or 1.0 if ranges else None


def _calibrated(
    cells: NetworkCells, graph: Graph, wanted: Mapping[str, Value], asked: Asked, options: Options
) -> Mapping[str, float]:
    """Return scales by the names of tensors: those that the calibrator kept, or of its batches, which it then keeps."""
    calibrator, sink = asked.calibrator, asked.sink
    algorithm = getattr(call_back(calibrator, "get_algorithm", None), "name", "ENTROPY_CALIBRATION_2")
    title = _TITLES[algorithm]
    kept = call_back(calibrator, "read_calibration_cache", None)
    if kept is not None and len(bytes(kept)):
        found_title, found = read_table(bytes(kept))
        if found_title == title:
            return found
        sink.log("WARNING", f"the calibration cache is one of {found_title}, not of {title}: calibrating anew")
    profile = options.profiles[0] if asked.profile is None else core_profile(asked.profile)
    usual = usual_sizes(graph, _batched(cells, profile, calibrator))
    fixed = replace(options, profiles=(usual,), progress=no_progress, selector=None)
    if fixed.formats:
        where = f"tensor '{next(iter(fixed.formats))}'"
        raise ApiError("batches are row-major, which it is not", where, "calibrate with row-major inputs and outputs")
    told = [v.op.label for v in graph.inputs if isinstance(v.op, Input) and not v.op.values]
    with phase("calibrate"):
        histograms = measured(graph, list(wanted.values()), fixed, _batches(calibrator, told))
    if not any(h.most for h in histograms.values()):
        raise ApiError("its batches and its cache are empty", f"calibrator {type(calibrator).__name__}")
    quantile = (
        float(call_back(calibrator, "get_quantile", _QUANTILE)) if hasattr(calibrator, "get_quantile") else _QUANTILE
    )
    scales = {name: histograms[value].threshold(algorithm, quantile) / LEVELS for name, value in wanted.items()}
    call_back(calibrator, "write_calibration_cache", None, memoryview(table(title, scales, dialect_of(calibrator))))
    return scales


def _batched(cells: NetworkCells, profile: Profile, calibrator: Any) -> Profile:
    """Return a profile, of batches as large as the calibrator's where the network leaves the batch out."""
    if not cells.implicit_batch:
        return profile
    size = int(call_back(calibrator, "get_batch_size", 1) or 1)
    shapes = {name: (size, *usual[1:]) for name, (_, usual, _) in profile.shapes.items()}
    return Profile({name: (shape, shape, shape) for name, shape in shapes.items()})


def _batches(calibrator: Any, names: Sequence[str]) -> Iterator[Mapping[str, int]]:
    """Yield the addresses of the inputs of each batch."""
    while True:
        given = call_back(calibrator, "get_batch", None, list(names))
        if given is None or not len(given):
            return
        if len(given) != len(names):
            what = f"get_batch gave {len(given)} addresses for the inputs {', '.join(names)}"
            raise ApiError(what, f"calibrator {type(calibrator).__name__}")
        yield {name: place_of(memory).address for name, memory in zip(names, given, strict=True)}


def table(title: str, scales: Mapping[str, float], dialect: int = 10) -> bytes:
    """Return scales as TensorRT writes them: a title, and for each tensor its name and the bits of its float32."""
    major, minor, patch = (int(part) for part in VERSIONS[dialect].split(".")[:3])
    number = major * (1000 if major < 10 else 10000) + minor * 100 + patch
    rows = [f"{name}: {struct.pack('>f', scale).hex()}" for name, scale in scales.items()]
    return "\n".join([f"{_MAGIC}{number}-{title}", *rows, ""]).encode()


def read_table(data: bytes) -> tuple[str, dict[str, float]]:
    """Return the title and the scales of a table of TensorRT's, of any version; raises ApiError for anything else."""
    try:
        head, *rows = data.decode().splitlines()
        version, _, title = head.removeprefix(_MAGIC).partition("-")
        if not head.startswith(_MAGIC) or not version.isdigit():
            raise ValueError(head[:40])
        pairs = [row.rpartition(":") for row in rows if row.strip()]
        found = {name: struct.unpack(">f", bytes.fromhex(bits.strip().zfill(8)))[0] for name, _, bits in pairs}
    except (ValueError, struct.error) as error:
        raise ApiError(f"the calibration cache is none of TensorRT's: {error}", fix="delete it") from error
    return title, {name: scale for name, scale in found.items() if 0 < scale < float("inf")}
