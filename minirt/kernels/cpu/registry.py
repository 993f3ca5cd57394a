"""Every CPU kernel class: importing this registers them."""

from minirt.kernels.cpu.convolution import ConvDepthwiseLanes, ConvTiled
from minirt.kernels.cpu.dims import DimsWrite
from minirt.kernels.cpu.gather import GatherStrided, ScatterStrided
from minirt.kernels.cpu.gemm import GemmTiled
from minirt.kernels.cpu.movement import ConcatStrided, MoveStrided
from minirt.kernels.cpu.normalization import NormalizeStrided
from minirt.kernels.cpu.ordering import ArgStrided, CumulativeStrided, TopKHeap
from minirt.kernels.cpu.pad import PadConstant, PadMirrored
from minirt.kernels.cpu.pairs import ConvDepthwiseShorts, ConvPairs, GemmPairs
from minirt.kernels.cpu.plain import ConvPlain, GemmPlain
from minirt.kernels.cpu.pointwise import MapStrided
from minirt.kernels.cpu.pool import PoolWindow
from minirt.kernels.cpu.pool_plain import PoolPlain
from minirt.kernels.cpu.recurrent import RecurrentTiled
from minirt.kernels.cpu.reduce import ReduceStrided
from minirt.kernels.cpu.resize import ResizeAxes
from minirt.kernels.cpu.softmax import SoftmaxStrided
from minirt.kernels.cpu.transposed import ConvTransposePhases

__all__ = [
    "ArgStrided",
    "ConcatStrided",
    "ConvDepthwiseLanes",
    "ConvDepthwiseShorts",
    "ConvPairs",
    "ConvPlain",
    "ConvTiled",
    "ConvTransposePhases",
    "CumulativeStrided",
    "DimsWrite",
    "GatherStrided",
    "GemmPairs",
    "GemmPlain",
    "GemmTiled",
    "MapStrided",
    "MoveStrided",
    "NormalizeStrided",
    "PadConstant",
    "PadMirrored",
    "PoolPlain",
    "PoolWindow",
    "RecurrentTiled",
    "ReduceStrided",
    "ResizeAxes",
    "ScatterStrided",
    "SoftmaxStrided",
    "TopKHeap",
]
