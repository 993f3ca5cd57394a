"""Choosing tactics by their times: what is known is looked up, the rest is noted, measured, and looked up again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from minirt.build.bench import bench_of, launches_of, timer_for, units_of
from minirt.build.compile import kernel_version
from minirt.build.select import Way
from minirt.build.timing_store import file_of, files_for, load, merge
from minirt.build.timings import REFUSED, Timings
from minirt.build.tuning import Timer, Tuning
from minirt.errors import ApiError, CompileError, DeviceError, MinirtError
from minirt.flags import flags
from minirt.ir.encode import encode_op
from minirt.ir.text import print_graph
from minirt.kernels.cuda.compile import nvrtc_version
from minirt.kernels.kernel import Operand, Problem, Target
from minirt.plan.launch import Launches, Unit
from minirt.runtime.device.stopwatch import TrialFault
from minirt.trace import Detail, Progress, report, say
from minirt.types.dim import Dim, Expr, product

LEAST_LEVEL = 3
"""Below this optimisation level nothing is timed."""

_COUNTS = {3: (8, 4, 2), 4: (16, 8, 4)}  # tactics of the first kernel that takes a problem, of the second, the third
_PHASE = "time kernels"
_ENOUGH = 1.005  # an earlier guess that is slower than the best by no more than this is taken: times vary as much
_WIDTHS = (16, 8, 4, 2, 1)


@dataclass
class Job:
    """A problem whose times are wanted."""

    key: str
    problem: Problem
    ways: tuple[Way, ...]
    refused: frozenset[int]
    count: int = 0

    @property
    def weight(self) -> float:
        """A measure of the time that it takes in an inference."""
        likely, out = self.problem.likely, self.problem.outputs[0]
        inner = 1.0
        if len(self.problem.inputs) > 1:
            a, b = (likely(product(o.shape)) for o in self.problem.inputs[:2])
            inner = (a * b / max(1, likely(product(out.shape)))) ** 0.5
        return self.count * inner * likely(product(out.shape))


@dataclass
class Tuner:
    """Picks ways by their times in ``tables``, first ones first; what is not there is measured by ``measure``."""

    target: Target
    level: int
    tuning: Tuning
    timer: Timer | None
    version: str
    tables: list[Timings]
    learnt: Timings = field(default_factory=Timings)
    until: float = inf
    wanted: dict[str, Job] = field(default_factory=dict)
    picked: dict[str, tuple[str, tuple[Way, ...], Way]] = field(default_factory=dict)

    def pick(self, problem: Problem, groups: Sequence[Sequence[Way]]) -> Way:
        """The fastest way that is known, or else the first, once the problem is noted."""
        ways = allotted(groups, self.level, self.tuning.most)
        everything = tuple(way for group in groups for way in group)
        key = self._key(problem)
        found = self._known(key, ways)
        way = ways[0] if found is None else fastest(everything, found)
        if found is None and self.timer is not None and len(ways) > 1:
            if key not in self.wanted:
                self.wanted[key] = Job(key, problem, ways, self._refused(key))
            self.wanted[key].count += 1
        self.picked[problem.label] = (key, everything, way)
        return way

    def time_of(self, problem: Problem, way: Way) -> float | None:
        """Its microseconds in the first table that has them: negative for one that does not run."""
        key, number = self._key(problem), number_of(way)
        known = (table.entries.get(key, {}) for table in (self.learnt, *self.tables))
        return next((times[number] for times in known if number in times), None)

    def _key(self, problem: Problem) -> str:
        return key_of(problem, self.version, problem.label if self.tuning.editable else "")

    def _known(self, key: str, ways: Sequence[Way]) -> Mapping[int, float] | None:
        """Times of a problem, of all the ways asked for unless they cannot be had, or are obeyed as they are."""
        for table in (self.learnt, *self.tables):
            times = table.entries.get(key)
            as_it_is = self.timer is None or self.tuning.editable or table is self.learnt
            if times and (as_it_is or all(number_of(w) in times for w in ways)):
                if self.tuning.timings is not None:
                    self.tuning.timings.entries.setdefault(key, {}).update(times)
                    self.tuning.timings.device = self.tuning.timings.device or table.device
                return times
        return None

    def _refused(self, key: str) -> frozenset[int]:
        """Numbers of the ways of a problem that were seen not to run."""
        known = (table.entries.get(key, {}) for table in self.tables)
        return frozenset(number for times in known for number, us in times.items() if us == REFUSED)

    def measure(self, progress: Progress) -> bool:
        """Measure what was noted, the heaviest first, while there is time; True where anything was learnt.

        Raises DeviceError naming a kernel that faults, which is not tried again; BuildCancelled; ApiError where nothing
        may be measured.
        """
        if not self.wanted or self.timer is None:
            return False
        if self.tuning.complete:
            names = ", ".join(sorted({repr(job.problem.label) for job in self.wanted.values()}))
            fix = "clear ERROR_ON_TIMING_CACHE_MISS, or build once without it and keep the cache"
            raise ApiError(f"the timing cache lacks the times of {names}", "the build", fix)
        jobs = sorted(self.wanted.values(), key=lambda job: -job.weight)
        self.wanted = {}
        self.learnt.device = self.timer.device
        plans = [self._launches(job) for job in jobs]
        compiled = self.timer.compile(
            _in_order(plans), self.until, lambda n, of: report(progress, "compile tactics", n, of)
        )
        for done, (job, ways) in enumerate(zip(jobs, plans, strict=True)):
            if time.monotonic() >= self.until:
                say(Detail.PHASES, f"the build's budget is spent: {len(jobs) - done} of {len(jobs)} problems not timed")
                break
            self._time(job, ways, compiled)
            report(progress, _PHASE, done + 1, len(jobs))
        self._keep()
        return bool(self.learnt.entries)

    def precompile(self) -> None:
        """Compile what was noted, so that measuring it finds everything in the store of cubins."""
        if self.timer is not None:
            plans = [self._launches(job) for job in self.wanted.values()]
            self.timer.compile(_in_order(plans), self.until, lambda n, of: True)

    def _launches(self, job: Job) -> list[tuple[Way, Launches]]:
        found = []
        for way in job.ways:
            if number_of(way) in job.refused:
                self._learn(job, way, REFUSED)
                continue
            try:
                found.append((way, launches_of(job.problem, way)))
            except MinirtError:
                self._learn(job, way, REFUSED)
        return found

    def _time(self, job: Job, ways: Sequence[tuple[Way, Launches]], compiled: Mapping[Unit, Any]) -> None:
        assert self.timer is not None
        racing = []
        for way, launches in ways:
            units = [compiled.get(unit) for unit in units_of([launches])]
            if any(isinstance(unit, CompileError) for unit in units):
                self._learn(job, way, REFUSED)
            elif all(unit is not None for unit in units):
                racing.append((way, launches))
        if not racing:
            return
        try:
            times = self.timer.times(bench_of(job.problem, [x for _, x in racing]), compiled, self.tuning.rounds)
        except TrialFault as fault:
            self._quarantine(job, racing[fault.trial][0], fault)
        except DeviceError as error:  # memory is short: the first guess stays
            say(Detail.PHASES, f"{job.problem.label} is not timed: {error}")
            return
        for (way, _), us in zip(racing, times, strict=True):
            self._learn(job, way, REFUSED if us is None else us)
            say(Detail.RULES, f"{job.problem.label}: {way.kernel.name} {way.tactic} {us} us")

    def _quarantine(self, job: Job, way: Way, fault: TrialFault) -> None:
        self._learn(job, way, REFUSED)
        self._keep()
        what = f"{way.kernel.name} with {way.tactic} faults while it is timed: {fault.what}"
        fix = "build again in a new process, which leaves it out, and report the kernel"
        raise DeviceError(what, f"node {job.problem.label!r}", fix) from fault

    def _learn(self, job: Job, way: Way, us: float) -> None:
        self.learnt.entries.setdefault(job.key, {})[number_of(way)] = us

    def _keep(self) -> None:
        if self.tuning.cached and self.learnt.entries:
            merge(file_of(self.learnt.device, _short(self.version)), self.learnt)

    def tell(self) -> None:
        """Say which tactics there are for each node, and which was taken, as an editable cache's users read it."""
        if not self.tuning.editable:
            return
        for label, (key, ways, taken) in self.picked.items():
            times = next((t.entries[key] for t in (self.learnt, *self.tables) if key in t.entries), {})
            self.tuning.say(f"Autotuning op {label}(key: 0x{key}):")
            self.tuning.say("tactic_id, cost(in ms), cost/fastest_cost, prediction(in ms), kernel_name, tactic_hash")
            rows = [(i, w, times[number_of(w)]) for i, w in enumerate(ways) if times.get(number_of(w), -1) >= 0]
            least = min((us for _, _, us in rows), default=0.0)
            for i, way, us in rows:
                number = f"{i}, {us / 1e3:.6f}, {us / max(least, 1e-9):.3f}, {us / 1e3:.6f}"
                self.tuning.say(f"{number}, {way.kernel.name}, 0x{number_of(way):x},")
            cost = times.get(number_of(taken), 0.0) / 1e3
            hashed = f"0x{number_of(taken):x}"
            self.tuning.say(f"The selected tactic is (tactic hash, cost(in ms)):{hashed}, {cost:.6f}")


def tuner_for(target: Target, level: int, tuning: Tuning, started: float) -> Tuner | None:
    """The tuner of a build that began at ``started``; None where nothing is to be timed or looked up."""
    if target.kind != "cuda" or level < LEAST_LEVEL or not flags().tune:
        return None
    version = f"{kernel_version()} {nvrtc_version()} {target.name} {target.multiprocessors}"
    timer = tuning.timer or timer_for(target, tuning.stream, tuning.least)
    tables = []
    if tuning.timings is not None and (tuning.trusted or _fits(tuning.timings.device, target, timer)):
        tables.append(tuning.timings)
    if tuning.cached and not tuning.complete:
        known = [file_of(timer.device, _short(version))] if timer else files_for(target.arch, _short(version))
        tables += [load(path) for path in known]
    return Tuner(target, level, tuning, timer, version, tables, until=started + tuning.budget)


def _fits(device: str, target: Target, timer: Timer | None) -> bool:
    return not device or (device == timer.device if timer else device.partition(" ")[0] == target.arch)


def _short(version: str) -> str:
    return hashlib.sha256(version.encode()).hexdigest()[:16]


def _in_order(plans: Sequence[Sequence[tuple[Way, Launches]]]) -> list[Unit]:
    """What is to be compiled, the first guesses of all problems before the second ones."""
    rows = [[launches for _, launches in ways] for ways in plans]
    most = max(map(len, rows), default=0)
    return units_of(row[i] for i in range(most) for row in rows if i < len(row))


def allotted(groups: Sequence[Sequence[Way]], level: int, most: int = -1) -> tuple[Way, ...]:
    """The ways worth timing at a level, the first guess first: level 5 takes all, a lower one fewer of later groups."""
    counts = _COUNTS.get(level)
    if counts is None:
        found = [way for group in groups for way in group]
    else:
        taken = [min(len(group), count) for group, count in zip(groups, counts, strict=False)]
        spare = sum(counts) - sum(taken)
        for i, group in enumerate(groups[: len(counts)]):
            more = min(spare, len(group) - taken[i])
            taken[i], spare = taken[i] + more, spare - more
        found = [way for group, count in zip(groups, taken, strict=False) for way in group[:count]]
    return tuple(found if most < 0 else found[: max(1, most)])


def fastest(ways: Sequence[Way], times: Mapping[int, float]) -> Way:
    """The first way that is as good as the fastest; the first of all where none is known to run."""
    runs = [us for way in ways if (us := times.get(number_of(way), REFUSED)) >= 0]
    limit = min(runs, default=-inf) * _ENOUGH
    good = [way for way in ways if 0 <= times.get(number_of(way), REFUSED) <= limit]
    usable = [way for way in ways if times.get(number_of(way)) != REFUSED]
    return (good or usable or list(ways))[0]


def number_of(way: Way) -> int:
    """A 64-bit number that stands for a kernel and its tactic."""
    text = f"{way.kernel.name} {json.dumps(way.tactic, sort_keys=True)}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def key_of(problem: Problem, version: str, label: str = "") -> str:
    """The key of a problem at the sizes it is to be fastest at: the same for problems whose times are the same."""
    operands = [[_operand(problem, o) for o in group] for group in (problem.inputs, problem.outputs)]
    op = encode_op(problem.op, print_graph)
    text = json.dumps([version, label, op, problem.tf32, *operands], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _operand(problem: Problem, operand: Operand) -> list[object]:
    sizes = [[_size(problem, d) for d in dims] for dims in (operand.shape, operand.strides)]
    return [operand.type.dtype.name, *sizes, list(operand.type.layout), operand.constant, operand.aligned]


def _size(problem: Problem, dim: Dim) -> object:
    if not isinstance(dim, Expr):
        return str(dim)
    divisor = next(w for w in _WIDTHS if problem.divisible(dim, w))
    return [problem.likely(dim), *(str(b) for b in problem.bounds(dim)), divisor]
