"""The enums of layers: functions, modes and the kinds themselves; the notation is that of `minirt.api.enums`."""

from __future__ import annotations

from minirt.api.enum import Enum


class ActivationType(
    Enum,
    members="RELU=0 SIGMOID=1 TANH=2 LEAKY_RELU=3 ELU=4 SELU=5 SOFTSIGN=6 SOFTPLUS=7 CLIP=8 HARD_SIGMOID=9 "
    "SCALED_TANH=10 THRESHOLDED_RELU=11 GELU_ERF=10:12 GELU_TANH=10:13",
):
    """The functions of an activation layer."""


class AttentionIOForm(Enum, members="PADDED_BHND=11:0 PACKED_NHD=11:1", since=11):
    """How sequences lie in the inputs and outputs of attention: padded per batch, or packed."""


class AttentionNormalizationOp(Enum, members="NONE=10:0 SOFTMAX=10:1", since=10):
    """How attention scores are normalized."""


class BoundingBoxFormat(Enum, members="CORNER_PAIRS=8:0 CENTER_SIZES=8:1", since=8):
    """How four numbers make a box: two corners, or a centre and sizes."""


class CausalMaskKind(Enum, members="NONE=11:0 UPPER_LEFT=11:1 LOWER_RIGHT=11:2", since=11):
    """Which corner a causal mask starts from."""


class CollectiveOperation(
    Enum,
    members="ALL_REDUCE=10:0 ALL_GATHER=10:1 BROADCAST=10:2 REDUCE=10:3 REDUCE_SCATTER=10:4 ALL_TO_ALL=11:5 "
    "GATHER=11:6 SCATTER=11:7",
    since=10,
):
    """What a collective over ranks does."""


class CumulativeOperation(Enum, members="SUM=10:0", since=10):
    """What a cumulative layer accumulates by."""


class ElementWiseOperation(
    Enum,
    members="SUM=0 PROD=1 MAX=2 MIN=3 SUB=4 DIV=5 POW=6 FLOOR_DIV=7 AND=8 OR=9 XOR=10 EQUAL=11 GREATER=12 LESS=13",
):
    """The functions of two tensors, element by element."""


class FillOperation(Enum, members="LINSPACE=0 RANDOM_UNIFORM=1 RANDOM_NORMAL=8:2"):
    """How a fill layer makes its numbers."""


class GatherMode(Enum, members="DEFAULT=8:0 ELEMENT=8:1 ND=8:2", since=8):
    """What the indices of a gather select: slices, elements, or tuples."""


class InterpolationMode(Enum, members="NEAREST=8:0 LINEAR=8:1 CUBIC=8:2", since=8):
    """How a value between samples is found."""


class KVCacheMode(Enum, members="LINEAR=10:0", since=10):
    """How a key-value cache is written."""


class LayerType(
    Enum,
    members="CONVOLUTION=0 FULLY_CONNECTED=1,10:- ACTIVATION=2 POOLING=3 LRN=4 SCALE=5 SOFTMAX=6 DECONVOLUTION=7 "
    "CONCATENATION=8 ELEMENTWISE=9 PLUGIN=10 RNN=11,8:- UNARY=12,8:11 PADDING=13,8:12 SHUFFLE=14,8:13 "
    "REDUCE=15,8:14 TOPK=16,8:15 GATHER=17,8:16 MATRIX_MULTIPLY=18,8:17 RAGGED_SOFTMAX=19,8:18 "
    "CONSTANT=20,8:19 RNN_V2=21,8:20,10:- IDENTITY=22,8:21,10:20 PLUGIN_V2=23,8:22,10:21 "
    "SLICE=24,8:23,10:22 SHAPE=25,8:24,10:23 PARAMETRIC_RELU=26,8:25,10:24 RESIZE=27,8:26,10:25 "
    "TRIP_LIMIT=28,8:27,10:26 RECURRENCE=29,8:28,10:27 ITERATOR=30,8:29,10:28 LOOP_OUTPUT=31,8:30,10:29 "
    "SELECT=32,8:31,10:30 FILL=33,8:32,10:31 QUANTIZE=8:33,10:32 DEQUANTIZE=8:34,10:33 "
    "CONDITION=8:35,10:34 CONDITIONAL_INPUT=8:36,10:35 CONDITIONAL_OUTPUT=8:37,10:36 SCATTER=8:38,10:37 "
    "EINSUM=8:39,10:38 ASSERTION=8:40,10:39 ONE_HOT=8:41,10:40 NON_ZERO=8:42,10:41 GRID_SAMPLE=8:43,10:42 "
    "NMS=8:44,10:43 REVERSE_SEQUENCE=8:45,10:44 NORMALIZATION=8:46,10:45 PLUGIN_V3=10:46 CAST=8:47,10:1 "
    "SQUEEZE=10:47 UNSQUEEZE=10:48 CUMULATIVE=10:49 DYNAMIC_QUANTIZE=10:50 ATTENTION_INPUT=10:51 "
    "ATTENTION_OUTPUT=10:52 ROTARY_EMBEDDING=10:53 KV_CACHE_UPDATE=10:54 MOE=10:55 DIST_COLLECTIVE=10:56",
):
    """The kinds of layers."""


class LoopOutput(Enum, members="LAST_VALUE=0 CONCATENATE=1 REVERSE=2"):
    """What a loop returns of a value of its body."""


class MatrixOperation(Enum, members="NONE=0 TRANSPOSE=1 VECTOR=2"):
    """What is done to an operand of a matrix product first."""


class MoEActType(Enum, members="NONE=10:0 SILU=10:1", since=10):
    """The activation between the two products of an expert."""


class PaddingMode(
    Enum,
    members="EXPLICIT_ROUND_DOWN=0 EXPLICIT_ROUND_UP=1 SAME_UPPER=2 SAME_LOWER=3 CAFFE_ROUND_DOWN=4,10:- "
    "CAFFE_ROUND_UP=5,10:-",
):
    """How padding and rounding of windows are chosen."""


class PoolingType(Enum, members="MAX=0 AVERAGE=1 MAX_AVERAGE_BLEND=2"):
    """What a pooling window yields."""


class RNNDirection(Enum, members="UNIDIRECTION=0 BIDIRECTION=1", until=8):
    """In which directions an RNN goes through a sequence."""


class RNNGateType(Enum, members="INPUT=0 OUTPUT=1 FORGET=2 UPDATE=3 RESET=4 CELL=5 HIDDEN=6", until=8):
    """The gates of RNN cells."""


class RNNInputMode(Enum, members="LINEAR=0 SKIP=1", until=8):
    """Whether the input of an RNN passes through a product first."""


class RNNOperation(Enum, members="RELU=0 TANH=1 LSTM=2 GRU=3", until=8):
    """The cells of RNNs."""


class ReduceOperation(Enum, members="SUM=0 PROD=1 MAX=2 MIN=3 AVG=4 NONE=10:5"):
    """What a reduction computes."""


class ResizeCoordinateTransformation(Enum, members="ALIGN_CORNERS=8:0 ASYMMETRIC=8:1 HALF_PIXEL=8:2", since=8):
    """How the place of a resized sample maps to the original."""


class ResizeMode(Enum, members="NEAREST=0 LINEAR=1", until=7):
    """How a resized sample is found."""


class ResizeRoundMode(Enum, members="HALF_UP=8:0 HALF_DOWN=8:1 FLOOR=8:2 CEIL=8:3", since=8):
    """How nearest-neighbour places round."""


class ResizeSelector(Enum, members="FORMULA=8:0 UPPER=8:1", since=8):
    """Where the sample of a one-wide output is taken."""


class SampleMode(Enum, members="DEFAULT=8:0,10:- STRICT_BOUNDS=8:0 WRAP=8:1 CLAMP=8:2 FILL=8:3 REFLECT=8:4", since=8):
    """What reading outside of a tensor yields."""


class ScaleMode(Enum, members="UNIFORM=0 CHANNEL=1 ELEMENTWISE=2"):
    """What the weights of a scale layer belong to: the whole, a channel, or an element."""


class ScatterMode(Enum, members="ELEMENT=8:0 ND=8:1", since=8):
    """What the indices of a scatter select: elements, or tuples."""


class SliceMode(Enum, members="DEFAULT=0 WRAP=1", until=7):
    """What slicing outside of a tensor yields."""


class TopKOperation(Enum, members="MAX=0 MIN=1"):
    """Whether the largest or the smallest are taken."""


class TripLimit(Enum, members="COUNT=0 WHILE=1"):
    """What ends a loop: a count, or a condition."""


class UnaryOperation(
    Enum,
    members="EXP=0 LOG=1 SQRT=2 RECIP=3 ABS=4 NEG=5 SIN=6 COS=7 TAN=8 SINH=9 COSH=10 ASIN=11 ACOS=12 ATAN=13 "
    "ASINH=14 ACOSH=15 ATANH=16 CEIL=17 FLOOR=18 ERF=19 NOT=20 SIGN=8:21 ROUND=8:22 ISINF=8:23 "
    "ISNAN=10:24",
):
    """The functions of one tensor, element by element."""


InterpolationMode.goes_by(ResizeMode, 7)
SampleMode.goes_by(SliceMode, 7)
