"""Plans print as people read them, whatever steps they hold."""

from __future__ import annotations

from minirt.plan.launch import Spec
from minirt.plan.plan import (
    Binding,
    Buffer,
    Choice,
    HostStep,
    IfStep,
    KernelStep,
    LoopStep,
    Plan,
    ReadStep,
    Step,
    View,
    Weight,
)
from minirt.plan.text import print_plan
from minirt.types.dim import symbol
from minirt.types.dtype import bool_, f32, i64
from minirt.types.tensor import Tensor

N = symbol("N")
NO_TACTIC: Spec = {}


def view(buffer: int, shape: tuple[object, ...] = (N, 4), offset: int = 0, layout: tuple[int, ...] = ()) -> View:
    tensor = Tensor(f32, shape, layout)  # type: ignore[arg-type]
    return View(buffer, tensor, offset, tensor.strides)


def plan(*steps: Step) -> Plan:
    """A plan of input b0, output b1, weight b2 and scratch b3, and these steps."""
    return Plan(
        "cpu",
        (Binding("x", view(0)),),
        (Binding("y", view(1)),),
        (
            Buffer("input", 16 * N, name="x"),
            Buffer("output", 16 * N, name="y"),
            Buffer("weight", 64, weight=0),
            Buffer("arena", 16 * N, offset=256, host=True),
        ),
        steps,
        (Weight("0123456789abcdef", "pack_product", {"width": 16}),),
        512,
        {"N": (1, 8)},
        ((N, 4, "join"),),
    )


HEAD = """\
plan cpu, N in 1..8, arena 512 bytes
b0 input "x": 16*N bytes
b1 output "y": 16*N bytes
b2 weight 0123456789ab, packed by pack_product
b3 arena at 256: 16*N bytes, read by the host
check N == 4 for "join"
"""
TAIL = 'output "y" is b1 f32[N,4]\n'


def test_kernel_steps() -> None:
    one = KernelStep("fc", (Choice(1, "GemmTiled", NO_TACTIC),), (view(0), view(2, (4, 4))), (view(3),))
    two = (Choice(N, "Small", NO_TACTIC), Choice(1, "Large", NO_TACTIC))
    moved = View(3, Tensor(f32, (4, N)), 64, (1, 4))
    either = KernelStep("act", two, (moved,), (view(1, layout=(1, 0)),))
    assert (
        print_plan(plan(one, either))
        == HEAD
        + (
            '0 "fc" GemmTiled: b0 f32[N,4], b2 f32[4,4] -> b3 f32[N,4]\n'
            '1 "act" one of 2: b3+64 f32[4,N] strides (1, 4) -> b1 f32[N,4]@10\n'
            "    Small where N\n"
            "    Large where 1\n"
        )
        + TAIL
    )


def test_steps_of_the_host() -> None:
    host = HostStep("find", '["NonZero",1,{"dims":["data_0"]}]', (view(0),), (view(3),), ("data_0",))
    read = ReadStep("size", View(3, Tensor(i64, (2,)), 0, (1,)), ("", "data_1"))
    assert (
        print_plan(plan(host, read))
        == HEAD
        + (
            '0 "find" NonZero on the host: b0 f32[N,4] -> b3 f32[N,4], tells data_0\n'
            '1 "size" read: b3 i64[2], tells data_1\n'
        )
        + TAIL
    )


def test_steps_that_hold_plans() -> None:
    inner = Plan("cpu", (), (Binding("y", view(0)),), (Buffer("dynamic", 16 * N),), (), (), 0, {})
    flag, count = View(3, Tensor(bool_, ()), 0, ()), View(3, Tensor(i64, ()), 8, ())
    held = ["    plan cpu, arena 0 bytes", "    b0 dynamic: 16*N bytes", '    output "y" is b0 f32[N,4]']
    choice = IfStep("if", flag, inner, inner, (view(0),), (view(1),))
    loops = [
        LoopStep("a", inner, None, None, (view(0),), (view(2),), (view(1),), count=N),
        LoopStep("b", inner, count, flag, (), (), (view(1),), ("data_0",)),
    ]
    assert print_plan(plan(choice, *loops)).splitlines() == [
        *HEAD.splitlines(),
        '0 "if" if b3 bool[]: b0 f32[N,4] -> b1 f32[N,4]',
        *held,
        "    else",
        *held,
        '1 "a" loop N times: b0 f32[N,4], b2 f32[N,4] -> b1 f32[N,4]',
        *held,
        '2 "b" loop at most b3+8 i64[] times and while b3 bool[]: -> b1 f32[N,4], tells data_0',
        *held,
        *TAIL.splitlines(),
    ]
