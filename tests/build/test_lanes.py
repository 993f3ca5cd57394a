"""Streams of steps: branches apart, and no memory shared by what may run at once."""

from __future__ import annotations

from itertools import combinations

import onnx
from hypothesis import given
from hypothesis import strategies as st

from minirt.build.build import lower, optimize
from minirt.build.memory import Lifetime, plan_offsets
from minirt.build.options import Options
from minirt.kernels.kernel import Target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import KernelStep, Plan

HOPPER = Target("cuda:sm_90a", 132, 232448)
BRANCH = """
  s{0} = Softmax <axis = 1> (x)
  t{0} = Transpose <perm = [1, 0]> (s{0})
  u{0} = Softmax <axis = {1}> (t{0})
  m{0} = ReduceMean <keepdims = 1> (u{0}, axes)
  d{0} = Sub (u{0}, m{0})
"""


def plan_of(branches: int, streams: int, rows: int = 64, target: Target = HOPPER) -> Plan:
    """The plan of chains of one input whose results are added up, built for a target that need not be here."""
    body = "".join(BRANCH.format(i, i % 2) for i in range(branches))
    text = (
        '<ir_version: 10, opset_import: ["": 20]> g '
        f"(float[{rows}, 96] x) => (float[96, {rows}] y) {{ axes = Constant <value_ints = [0]> () {body} "
        f"y = Sum ({', '.join(f'd{i}' for i in range(branches))}) }}"
    )
    graph = optimize(import_graph(read_model(onnx.parser.parse_model(text).SerializeToString())))
    return lower(graph, target, Options((target,), streams=streams, level=0)).run()


def arena_of(plan: Plan, lane: int) -> set[tuple[int, int]]:
    """The stretches of the arena that the steps of a stream write."""
    written = {v.buffer for s in plan.steps if isinstance(s, KernelStep) and s.stream == lane for v in s.writes}
    buffers = [plan.buffers[b] for b in written if plan.buffers[b].kind == "arena"]
    return {(b.offset, b.offset + int(b.bytes)) for b in buffers}  # type: ignore[arg-type]


def test_branches_have_a_stream_each_and_memory_of_their_own() -> None:
    plan = plan_of(2, 3)
    assert plan.streams == 1
    for (a, b), (c, d) in [(x, y) for x in arena_of(plan, 0) for y in arena_of(plan, 1)]:
        assert b <= c or d <= a
    assert plan.arena > plan_of(2, 0).arena


def test_no_streams_where_none_are_allowed_or_there_is_nothing_to_do() -> None:
    assert plan_of(2, 0).streams == 0
    assert plan_of(2, -1).streams == 0
    assert plan_of(2, -1, rows=1 << 16).streams == 1
    assert plan_of(2, 3, target=Target("cpu")).streams == 0


@given(st.data())
def test_what_may_run_at_once_shares_no_memory(data: st.DataObject) -> None:
    """Steps of a random order, each after some before it; buffers that some of them use."""
    count = data.draw(st.integers(1, 8))
    before: list[int] = []
    for step in range(count):
        found = 0
        for earlier in data.draw(st.sets(st.integers(0, step - 1)) if step else st.just(set())):
            found |= before[earlier] | 1 << earlier
        before.append(found)
    lives = []
    for users in data.draw(st.lists(st.sets(st.integers(0, count - 1), min_size=1), max_size=8)):
        ended = -1
        for step in users:
            ended &= before[step]
        mask = sum(1 << step for step in users)
        lives.append((users, Lifetime(data.draw(st.integers(1, 999)), min(users), max(users), mask, ended)))
    offsets, _ = plan_offsets([life for _, life in lives])
    for (i, (one, a)), (j, (two, b)) in combinations(enumerate(lives), 2):
        apart = offsets[i] + a.bytes <= offsets[j] or offsets[j] + b.bytes <= offsets[i]
        ordered = all(before[t] >> s & 1 for s in one for t in two) or all(before[s] >> t & 1 for s in one for t in two)
        assert apart or ordered


def test_streams_change_nothing_else() -> None:
    one, several = ([s.label for s in plan_of(3, n).steps] for n in (0, 3))
    assert one == several
