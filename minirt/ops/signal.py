"""Fourier transforms and mel filters, as products with constant matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Mul
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import reshaped, transposed
from minirt.ops.waves import waved
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import Array, DType, f32, from_onnx

_LONGEST = 4096


def transform(size: int, length: int, parts: int, inverse: bool, onesided: bool) -> Array:
    """[size * parts, bins * out parts] float64: what each element of a signal adds to its discrete Fourier transform.

    ``parts`` is 2 for complex signals (real, imaginary), else 1.  A signal longer or shorter than ``length`` is cut
    or filled with zeros.  Onesided transforms keep length // 2 + 1 bins; an inverse of those is real.
    """
    if max(size, length) > _LONGEST:
        raise MinirtError(f"transforms longer than {_LONGEST} are not supported")
    basis = np.eye(size) if parts == 1 else np.stack([np.eye(size), 1j * np.eye(size)], axis=1).reshape(size * 2, size)
    if inverse and onesided:
        return np.fft.irfft(basis, length, axis=1)
    made: Any = np.fft.ifft(basis, length, axis=1) if inverse else np.fft.fft(basis, length, axis=1)
    kept = made[:, : length // 2 + 1] if onesided else made
    return np.stack([kept.real, kept.imag], axis=-1).reshape(len(basis), -1)


def waves(length: int, parts: int, onesided: bool, dtype: DType) -> Array:
    """``transform`` of a frame [length, parts, out] as onnxruntime has it in this type, which users compare with.

    In float32 its transform of a length that is no power of two is Bluestein's, nk = (n n + k k - (k - n) (k - n)) / 2,
    with each angle pi n n / length rounded to float32: off the exact matrix by up to 2e-4 at 400, 7e-4 at 1,200.
    """
    exact = transform(length, length, parts, False, onesided)
    if dtype is not f32 or not length & (length - 1):
        return exact.reshape(length, parts, -1)
    n, bins = np.arange(length), np.arange(exact.shape[1] // 2)
    angles = np.float32(np.pi) * n.astype(np.float32) * n.astype(np.float32) / np.float32(length)
    chirp = np.exp(-1j * angles.astype(np.float64))
    made = chirp[:, None] * chirp[bins] * chirp[np.abs(bins - n[:, None])].conj()
    rows = made[:, None] * np.array([1, 1j])[:parts, None]
    return np.stack([rows.real, rows.imag], axis=-1).reshape(length, parts, -1)


def _whole(value: Value | None, what: str) -> int | None:
    """The one number that an operand holds."""
    if value is None:
        return None
    found = value.ints
    if found is None or len(found) != 1 or not isinstance(found[0], int):
        raise MinirtError(f"{what} must be known when the network is built")
    return found[0]


def _static(size: Dim, what: str) -> int:
    if not isinstance(size, int):
        raise MinirtError(f"{what} must not depend on the input's dims")
    return size


def _length(value: Value | None, usual: Dim) -> Dim:
    """The length of a transform, ``usual`` where it is not given."""
    if value is None:
        return usual
    if value.ints is None or len(value.ints) != 1:
        raise MinirtError("dft_length must be known when the network is built, or follow from dims")
    return value.ints[0]


@importer("DFT")
def _dft(node: OnnxNode) -> Result:
    x = node.input(0)
    inverse, onesided = bool(node.attributes.get("inverse", 0)), bool(node.attributes.get("onesided", 0))
    if node.opset < 20:
        axis = int(node.attributes.get("axis", 1))
    else:
        given = _whole(node.optional(2), "axis")
        axis = -2 if given is None else given
    axis %= x.rank
    if axis == x.rank - 1:
        raise MinirtError("the last axis holds real and imaginary parts and is not transformed")
    size, parts = x.shape[axis], _static(x.shape[-1], "the last axis")
    length = _length(node.optional(1), 2 * (size - 1) if inverse and onesided else size)
    kept = 1 if inverse and onesided else 2
    order = [*(i for i in range(x.rank - 1) if i != axis), axis, x.rank - 1]
    moved = transposed(x, order)
    if isinstance(size, Expr) or isinstance(length, Expr):
        found = waved(moved, size, length, inverse, onesided)
        return transposed(found, [order.index(i) for i in range(x.rank)])
    table = transform(int(size), int(length), parts, inverse, onesided)
    flat = reshaped(moved, (*moved.shape[:-2], size * parts))
    product = apply(Gemm(), flat if flat.rank > 1 else reshaped(flat, (1, *flat.shape)), constant(table, x.dtype))
    apart = reshaped(product, (*moved.shape[:-2], table.shape[1] // kept, kept))
    return transposed(apart, [order.index(i) for i in range(x.rank)])


@importer("STFT")
def _stft(node: OnnxNode) -> Result:
    """Short-time transforms are a convolution of the signal with windowed waves, one channel for each part of a bin."""
    x, window = node.input(0), node.optional(2)
    step = _whole(node.input(1), "frame_step")
    length = _whole(node.optional(3), "frame_length")
    if length is None:
        if window is None:
            raise MinirtError("a window or frame_length is needed")
        length = _static(window.shape[0], "the window's length")
    onesided = bool(node.attributes.get("onesided", 1))
    if x.rank not in (2, 3) or not step:
        raise MinirtError(f"a signal of rank {x.rank} in steps of {step} has no short-time transform")
    parts = 1 if x.rank == 2 else _static(x.shape[2], "the last axis")
    table = waves(length, parts, onesided, x.dtype)
    kernel = constant(table.transpose(2, 1, 0), x.dtype)
    if window is not None:
        kernel = apply(Mul(), kernel, window)
    channels = reshaped(x, (x.shape[0], 1, x.shape[1])) if parts == 1 else transposed(x, (0, 2, 1))
    found = apply(Conv((step,), (0, 0), (1,)), channels, kernel)
    batch, _, frames = found.shape
    return transposed(reshaped(found, (batch, table.shape[2] // 2, 2, frames)), (0, 3, 1, 2))


def mel_filters(bands: int, length: int, rate: int, low: float, high: float) -> Array:
    """[length // 2 + 1, bands] triangles, evenly spaced on the mel scale (MelWeightMatrix-17)."""
    ends = [2595 * np.log10(1 + f / 700) for f in (low, high)]
    mels = np.arange(bands + 2) * ((ends[1] - ends[0]) / (bands + 2)) + ends[0]
    places = ((length + 1) * (700 * (10 ** (mels / 2595) - 1)) // rate).astype(int)
    out = np.zeros((length // 2 + 1, bands))
    for i, (left, middle, right) in enumerate(zip(places, places[1:], places[2:], strict=False)):
        if left == middle:
            out[middle, i] = 1
        else:
            rise = np.arange(left, middle + 1)
            out[rise, i] = (rise - left) / (middle - left)
        if right > middle:
            fall = np.arange(middle, right)
            out[fall, i] = (right - fall) / (right - middle)
    return out


@importer("MelWeightMatrix")
def _mel_weight_matrix(node: OnnxNode) -> Result:
    whole = [_whole(node.input(i), "the number of bands, length or rate") for i in range(3)]
    edges = [node.input(i).ints for i in (3, 4)]
    if any(e is None or isinstance(e[0], Expr) for e in edges) or any(w is None for w in whole):
        raise MinirtError("frequencies must be known when the network is built")
    bands, length, rate = (w or 0 for w in whole)
    low, high = (float(e[0]) for e in edges if e is not None and not isinstance(e[0], Expr))
    table = mel_filters(bands, length, rate, low, high)
    return constant(table, from_onnx(int(node.attributes.get("output_datatype", 1))))
