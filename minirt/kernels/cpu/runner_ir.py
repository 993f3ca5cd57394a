"""The native runner of CPU programs, as LLVM IR: one call runs a table of records, worker threads share the large ones.

A record is five int64: function address, n, grain, argument address, flags. The function is a range kernel, called as
``f(lo, hi, args)``. A record with n > grain is cut into pieces (multiples of grain, at most `flags & 255`, by default
4, for each thread) that every thread takes in turn; it ends when all pieces are done. Records run in order.

    void minirt_run(state, table, count, parallel, times)     times: 0, or count + 1 int64 for the clock in ns
    void minirt_work(state)                                   a worker thread's whole life; returns once STOP is set

State words (int64, one cache line of eight words for each group of fields; zero at first except as named):

    OWNER 0      1 while a program has the workers; another program at that time runs serially
    WORK 8       step number << 24 | next piece to take, or CLOSED as the piece: no step is open. Starts CLOSED.
    DONE 16      pieces finished of the open step
    FIELDS 24    function, n, piece size, arguments, number of pieces of the open step
    EPOCH 32     futex word, raised by each wake
    SLEEPERS 40  workers that sleep or are about to
    ACTIVE 48    1 while a program has the workers
    STOP 49, SPINS 50, YIELDS 51, THREADS 52 (the caller included)

Why it is right: the fields change only while WORK is CLOSED, and a piece is taken by a compare-and-swap on WORK whose
step number never repeats, so a worker that wakes late cannot take a piece with another step's fields. A worker counts
itself a sleeper before it looks at WORK for the last time, and the caller publishes WORK before it looks for
sleepers, both sequentially consistent, so no wake is lost.
"""

from __future__ import annotations

import platform
import sys

from minirt.kernels.cpu.compile import ir_addresses

CLOSED = 0xFFFFFF
STATE_WORDS = 56
WORD = {
    "owner": 0, "work": 8, "done": 16, "function": 24, "n": 25, "piece": 26, "args": 27, "total": 28, "epoch": 32,
    "sleepers": 40, "active": 48, "stop": 49, "spins": 50, "yields": 51, "threads": 52,
}  # fmt: skip
_FUTEX = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
_PAUSE = {"x86_64": "call void @llvm.x86.sse2.pause()", "aarch64": "call void @llvm.aarch64.hint(i32 1)"}


def runner_addresses() -> tuple[int, int]:
    """Addresses of minirt_run and minirt_work, compiled for this machine or from the store."""
    run, work = ir_addresses("runner", runner_text(), ("minirt_run", "minirt_work"))
    return run, work


def runner_text() -> str:
    """The runner's LLVM IR for this platform: futexes on Linux, short sleeps elsewhere."""
    machine = platform.machine()
    linux = sys.platform.startswith("linux") and machine in _FUTEX
    pause = _PAUSE.get(machine, "")
    parts = [_DECLARATIONS, pause.replace("call", "declare").replace("i32 1", "i32") if pause else ""]
    parts += [_SLEEP_FUTEX.replace("$NUMBER", str(_FUTEX[machine])) if linux else _SLEEP_POLL]
    parts += [_TAKE, _WORK, _PUBLISH, _RUN]
    text = "\n".join(parts).replace("$PAUSE", pause)
    for name, word in WORD.items():
        text = text.replace(f"@@{name.upper()}", f"getelementptr i64, ptr %s, i64 {word}")
    return text.replace("$CLOSED", str(CLOSED))


_DECLARATIONS = """
declare i64 @syscall(i64, ...)
declare i32 @sched_yield()
declare i32 @usleep(i32)
declare i32 @clock_gettime(i32, ptr)
declare i64 @llvm.umin.i64(i64, i64)
"""

_SLEEP_FUTEX = """
define internal void @sleep(ptr %s, i64 %seen) {
  %word = @@EPOCH
  call i64 (i64, ...) @syscall(i64 $NUMBER, ptr %word, i64 128, i64 %seen, i64 0, i64 0, i64 0)
  ret void
}
define internal void @wake(ptr %s) noinline {
  %word = @@EPOCH
  atomicrmw add ptr %word, i64 1 seq_cst
  call i64 (i64, ...) @syscall(i64 $NUMBER, ptr %word, i64 129, i64 1024, i64 0, i64 0, i64 0)
  ret void
}
"""

_SLEEP_POLL = """
define internal void @sleep(ptr %s, i64 %seen) {
  call i32 @usleep(i32 200)
  ret void
}
define internal void @wake(ptr %s) noinline { ret void }
"""

_TAKE = """
define internal i1 @take(ptr %s) {
entry:
  %work = @@WORK
  %total.p = @@TOTAL
  %function.p = @@FUNCTION
  %n.p = @@N
  %piece.p = @@PIECE
  %args.p = @@ARGS
  %done = @@DONE
  br label %look
look:
  %w = load atomic i64, ptr %work acquire, align 8
  %index = and i64 %w, $CLOSED
  %total = load atomic i64, ptr %total.p monotonic, align 8
  %none = icmp uge i64 %index, %total
  br i1 %none, label %empty, label %claim
claim:
  %function = load atomic i64, ptr %function.p monotonic, align 8
  %n = load atomic i64, ptr %n.p monotonic, align 8
  %piece = load atomic i64, ptr %piece.p monotonic, align 8
  %args = load atomic i64, ptr %args.p monotonic, align 8
  %next = add i64 %w, 1
  %pair = cmpxchg ptr %work, i64 %w, i64 %next acq_rel monotonic
  %mine = extractvalue { i64, i1 } %pair, 1
  br i1 %mine, label %execute, label %look
execute:
  %lo = mul i64 %index, %piece
  %end = add i64 %lo, %piece
  %hi = call i64 @llvm.umin.i64(i64 %end, i64 %n)
  %f = inttoptr i64 %function to ptr
  %a = inttoptr i64 %args to ptr
  call void %f(i64 %lo, i64 %hi, ptr %a)
  atomicrmw add ptr %done, i64 1 acq_rel
  ret i1 true
empty:
  ret i1 false
}
"""

_WORK = """
define void @minirt_work(ptr %s) {
entry:
  %work = @@WORK
  %total.p = @@TOTAL
  %epoch = @@EPOCH
  %sleepers = @@SLEEPERS
  %active.p = @@ACTIVE
  %stop.p = @@STOP
  %spins.p = @@SPINS
  %yields.p = @@YIELDS
  %spins = load i64, ptr %spins.p
  %yields = load i64, ptr %yields.p
  %soon = add i64 %spins, %yields
  %more = mul i64 %yields, 8
  %late = add i64 %spins, %more
  br label %loop
loop:
  %idle = phi i64 [ 0, %entry ], [ 0, %ran ], [ %idle.1, %spin ], [ %idle.1, %yield ], [ 0, %awake ]
  %got = call i1 @take(ptr %s)
  br i1 %got, label %ran, label %nothing
ran:
  br label %loop
nothing:
  %stop = load atomic i64, ptr %stop.p acquire, align 8
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %leave, label %wait
wait:
  %idle.1 = add i64 %idle, 1
  %short = icmp ult i64 %idle.1, %spins
  br i1 %short, label %spin, label %longer
spin:
  $PAUSE
  br label %loop
longer:
  %active = load atomic i64, ptr %active.p monotonic, align 8
  %busy = icmp ne i64 %active, 0
  %limit = select i1 %busy, i64 %late, i64 %soon
  %under = icmp ult i64 %idle.1, %limit
  br i1 %under, label %yield, label %tired
yield:
  call i32 @sched_yield()
  br label %loop
tired:
  %seen = load atomic i64, ptr %epoch seq_cst, align 8
  %low = and i64 %seen, 4294967295
  atomicrmw add ptr %sleepers, i64 1 seq_cst
  %w = load atomic i64, ptr %work seq_cst, align 8
  %index = and i64 %w, $CLOSED
  %total = load atomic i64, ptr %total.p monotonic, align 8
  %open = icmp ult i64 %index, %total
  %stop.2 = load atomic i64, ptr %stop.p seq_cst, align 8
  %stopping = icmp ne i64 %stop.2, 0
  %stay = or i1 %open, %stopping
  br i1 %stay, label %awake, label %rest
rest:
  call void @sleep(ptr %s, i64 %low)
  br label %awake
awake:
  atomicrmw sub ptr %sleepers, i64 1 seq_cst
  br label %loop
leave:
  ret void
}
"""

_PUBLISH = """
define internal void @rouse(ptr %s) {
  %sleepers = @@SLEEPERS
  %count = load atomic i64, ptr %sleepers seq_cst, align 8
  %any = icmp sgt i64 %count, 0
  br i1 %any, label %yes, label %no
yes:
  call void @wake(ptr %s)
  br label %no
no:
  ret void
}
define internal void @share(ptr %s, i64 %function, i64 %n, i64 %grain, i64 %args, i64 %flags) noinline {
entry:
  %threads.p = @@THREADS
  %threads = load i64, ptr %threads.p
  %asked = and i64 %flags, 255
  %unasked = icmp eq i64 %asked, 0
  %each = select i1 %unasked, i64 4, i64 %asked
  %most = mul i64 %threads, %each
  %up = add i64 %n, %grain
  %up.1 = sub i64 %up, 1
  %grains = udiv i64 %up.1, %grain
  %wanted = call i64 @llvm.umin.i64(i64 %grains, i64 %most)
  %wanted.1 = sub i64 %wanted, 1
  %spread = add i64 %grains, %wanted.1
  %run = udiv i64 %spread, %wanted
  %piece = mul i64 %run, %grain
  %cover = add i64 %n, %piece
  %cover.1 = sub i64 %cover, 1
  %total = udiv i64 %cover.1, %piece
  %work = @@WORK
  %total.p = @@TOTAL
  %function.p = @@FUNCTION
  %n.p = @@N
  %piece.p = @@PIECE
  %args.p = @@ARGS
  %done.p = @@DONE
  %w = load atomic i64, ptr %work monotonic, align 8
  store atomic i64 %function, ptr %function.p monotonic, align 8
  store atomic i64 %n, ptr %n.p monotonic, align 8
  store atomic i64 %piece, ptr %piece.p monotonic, align 8
  store atomic i64 %args, ptr %args.p monotonic, align 8
  store atomic i64 %total, ptr %total.p monotonic, align 8
  store atomic i64 0, ptr %done.p monotonic, align 8
  %open = add i64 %w, 1
  store atomic i64 %open, ptr %work seq_cst, align 8
  call void @rouse(ptr %s)
  br label %help
help:
  %got = call i1 @take(ptr %s)
  br i1 %got, label %help, label %wait
wait:
  %turn = phi i64 [ 0, %help ], [ %turn.1, %spin ], [ %turn.1, %yield ]
  %done = load atomic i64, ptr %done.p acquire, align 8
  %over = icmp uge i64 %done, %total
  br i1 %over, label %close, label %again
again:
  %turn.1 = add i64 %turn, 1
  %short = icmp ult i64 %turn, 2000
  br i1 %short, label %spin, label %yield
spin:
  $PAUSE
  br label %wait
yield:
  call i32 @sched_yield()
  br label %wait
close:
  %shut = or i64 %open, $CLOSED
  store atomic i64 %shut, ptr %work seq_cst, align 8
  ret void
}
"""

_RUN = """
define internal void @stamp(ptr %times, i64 %i) noinline {
  %now = alloca [2 x i64]
  call i32 @clock_gettime(i32 1, ptr %now)
  %seconds = load i64, ptr %now
  %rest.p = getelementptr i64, ptr %now, i64 1
  %rest = load i64, ptr %rest.p
  %whole = mul i64 %seconds, 1000000000
  %ns = add i64 %whole, %rest
  %slot = getelementptr i64, ptr %times, i64 %i
  store i64 %ns, ptr %slot
  ret void
}
define void @minirt_run(ptr %s, ptr %table, i64 %count, i64 %parallel, ptr %times) {
entry:
  %owner = @@OWNER
  %active = @@ACTIVE
  %timed = icmp ne ptr %times, null
  %wants = icmp ne i64 %parallel, 0
  br i1 %wants, label %ask, label %first
ask:
  %pair = cmpxchg ptr %owner, i64 0, i64 1 acquire monotonic
  %won = extractvalue { i64, i1 } %pair, 1
  br i1 %won, label %begin, label %first
begin:
  store atomic i64 1, ptr %active seq_cst, align 8
  call void @rouse(ptr %s)
  br label %first
first:
  %shared = phi i1 [ false, %entry ], [ false, %ask ], [ true, %begin ]
  br i1 %timed, label %stamp0, label %head
stamp0:
  call void @stamp(ptr %times, i64 0)
  br label %head
head:
  %i = phi i64 [ 0, %first ], [ 0, %stamp0 ], [ %i.1, %next ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %body, label %end
body:
  %at = mul i64 %i, 5
  %record = getelementptr i64, ptr %table, i64 %at
  %function = load i64, ptr %record
  %n.p = getelementptr i64, ptr %record, i64 1
  %n = load i64, ptr %n.p
  %grain.p = getelementptr i64, ptr %record, i64 2
  %grain = load i64, ptr %grain.p
  %args.p = getelementptr i64, ptr %record, i64 3
  %args = load i64, ptr %args.p
  %large = icmp sgt i64 %n, %grain
  %both = and i1 %large, %shared
  br i1 %both, label %split, label %whole
split:
  %flags.p = getelementptr i64, ptr %record, i64 4
  %flags = load i64, ptr %flags.p
  call void @share(ptr %s, i64 %function, i64 %n, i64 %grain, i64 %args, i64 %flags)
  br label %after
whole:
  %f = inttoptr i64 %function to ptr
  %a = inttoptr i64 %args to ptr
  call void %f(i64 0, i64 %n, ptr %a)
  br label %after
after:
  %i.1 = add i64 %i, 1
  br i1 %timed, label %stamp1, label %next
stamp1:
  call void @stamp(ptr %times, i64 %i.1)
  br label %next
next:
  br label %head
end:
  br i1 %shared, label %release, label %leave
release:
  store atomic i64 0, ptr %active monotonic, align 8
  store atomic i64 0, ptr %owner release, align 8
  br label %leave
leave:
  ret void
}
"""
