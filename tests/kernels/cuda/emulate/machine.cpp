// Fibers, their order, and the barriers of warps, blocks and clusters.
#include "machine.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>

namespace emu {
Machine machine;
Place* self;
Dim3 block_dim, grid_dim;

u32 Machine::random(u32 below) {
  seed ^= seed << 13; seed ^= seed >> 7; seed ^= seed << 17;
  return (u32)((seed >> 16) % below);
}

// ---- errors: a message, and where fibers are, as addresses of code ----
static void frames_of(void* frame, std::string& out) {
  void** at = (void**)frame;
  char text[32];
  for (int i = 0; i < 12 && at != nullptr; i++) {
    void** up = (void**)at[0];
    if (at[1] == nullptr) break;
    snprintf(text, sizeof text, " @%p", at[1]);
    out += text;
    if (up <= at || (u8*)up > (u8*)at + (1 << 20)) break;
    at = up;
  }
}
static std::string name_of(const Fiber& f) {
  char text[96];
  snprintf(text, sizeof text, "block (%u, %u, %u) of rank %d, thread %u", f.owner->index.x, f.owner->index.y, f.owner->index.z,
           f.owner->rank, f.thread.x + block_dim.x * (f.thread.y + block_dim.y * f.thread.z));
  return text;
}
void fail(const char* format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  vsnprintf(text, sizeof text, format, list);
  va_end(list);
  machine.error = text;
  machine.failed = true;
  if (machine.fiber != nullptr) {
    machine.error += "\n  in " + name_of(*machine.fiber) + ":";
    frames_of(__builtin_frame_address(0), machine.error);
  }
  longjmp(machine.main, 2);
}
static void deadlock() {
  std::map<std::string, std::pair<int, const Fiber*>> found;
  for (Block& block : machine.blocks)
    for (Fiber& f : block.fibers)
      if (!f.done) {
        std::string where = std::string(" for ") + f.what + ":";
        frames_of(f.frame, where);
        auto& entry = found[where];
        if (entry.first++ == 0) entry.second = &f;
      }
  machine.error = "no thread can go on";
  for (auto& [where, entry] : found)
    machine.error += "\n  " + std::to_string(entry.first) + " threads wait, the first " + name_of(*entry.second) + "," + where;
  machine.failed = true;
}
void trap() { fail("the kernel is in a loop that ends it"); }

// ---- fibers ----
void wait(const char* what) {
  Fiber* f = machine.fiber;
  f->what = what;
  f->frame = __builtin_frame_address(0);
  if (_setjmp(f->at) == 0) _longjmp(machine.main, 1);
}
void wake(std::vector<Fiber*>& fibers) {
  machine.ready.insert(machine.ready.end(), fibers.begin(), fibers.end());
  fibers.clear();
}
static void (*entry)(void**);
static void** entry_args;
static void named_check(Block& block);
static void cluster_check();
static void leave(Fiber* f) {
  f->done = true;
  Warp& warp = *f->warp;
  warp.exited |= 1u << f->lane;
  if (!f->groups.empty() && !f->groups.front().empty()) fail("a thread ends with copies of its own in flight");
  if (warp.exited == ~0u) products_at_exit(warp);
  machine.alive--;
  if (f->arrived && f->phase == machine.cluster_phase) machine.cluster_arrived--;
  f->owner->live--;
  if (f->owner->live == 0)
    for (auto& [at, bar] : f->owner->barriers)
      if (bar.bytes != 0) fail("a block ends while %lld bytes are on their way to its barrier at %#x", bar.bytes, at);
  for (Meeting& m : warp.meetings)
    if (m.mask >> f->lane & 1) fail("a lane ends while others wait for it in %s", m.what);
  named_check(*f->owner);
  cluster_check();
}
static void body() {
  Fiber* f = machine.fiber;
  entry(entry_args);
  leave(f);
  _longjmp(machine.main, 1);
}

static Fiber* next() {
  auto& ready = machine.ready;
  const int order = machine.rules.order;
  size_t i = ready.size() - 1;
  if (order == 1) {
    Fiber* f = ready.front();
    ready.pop_front();
    return f;
  }
  if (order != 2) i = machine.random((u32)ready.size());
  if (order == 3) {
    const u64 each = 4096;
    const int warps = (int)machine.blocks[0].warps.size(), all = warps * (int)machine.blocks.size();
    if (machine.switches % each == 0) machine.lagging = (int)machine.random((u32)(2 * all));
    for (int tries = 0; tries < 4; tries++) {
      const Warp& w = *ready[i]->warp;
      const bool lags = machine.lagging < all ? machine.lagging == w.owner->rank * warps + w.number
                                              : (machine.lagging - all) % (int)machine.blocks.size() == w.owner->rank;
      if (!lags) break;
      i = machine.random((u32)ready.size());
    }
  }
  Fiber* f = ready[i];
  ready[i] = ready.back();
  ready.pop_back();
  return f;
}

static void loop() {
  if (_setjmp(machine.main) == 2) return;  // fibers come back here
  machine.fiber = nullptr;
  while (machine.alive > 0) {
    const bool idle = machine.ready.empty();
    if (idle || (machine.rules.copies == 1 && !machine.works.empty() && machine.random(64) == 0)) {
      if (!run_work() && idle) return deadlock();
      continue;
    }
    Fiber* f = next();
    machine.switches++;
    machine.fiber = f;
    self = f;
    if (f->begun) _longjmp(f->at, 1);
    f->begun = true;
    setcontext(&f->start);
  }
  while (run_work()) {}
}

// ---- meetings of lanes ----
void meet(u32 mask, const char* what, void* args, void (*all)(Warp&, void**)) {
  Fiber* f = machine.fiber;
  Warp& warp = *f->warp;
  f->args = args;
  if (!(mask >> f->lane & 1)) fail("lane %d is not among those of %s", f->lane, what);
  if (mask & warp.exited) fail("lanes that have ended are asked for in %s", what);
  Meeting* found = nullptr;
  for (Meeting& m : warp.meetings)
    if (m.mask == mask) found = &m;
  if (found == nullptr) { warp.meetings.push_back({mask, 0, what}); found = &warp.meetings.back(); }
  if (strcmp(found->what, what) != 0) fail("lanes of a warp are in two instructions at once: %s and %s", found->what, what);
  found->arrived |= 1u << f->lane;
  if (found->arrived != mask) return wait(what);
  warp.meetings.erase(warp.meetings.begin() + (found - warp.meetings.data()));
  void* brought[32];
  for (int i = 0; i < 32; i++) brought[i] = mask >> i & 1 ? warp.lanes[i]->args : nullptr;
  if (all != nullptr) all(warp, brought);
  for (int i = 0; i < 32; i++)
    if ((mask >> i & 1) && i != f->lane) machine.ready.push_back(warp.lanes[i]);
}
void aligned(const char* what) { meet(~0u, what, nullptr, nullptr); }
void warp_barrier(u32 mask) { meet(mask, "__syncwarp", nullptr, nullptr); }

// ---- barriers of a block ----
static void named_full(Named& bar) {
  bar.arrived = 0;
  wake(bar.waiting);
}
static void named_check(Block& block) {  // those that have ended count at the barrier of all
  auto found = block.named.find(-1);
  if (found != block.named.end() && found->second.arrived > 0 && found->second.arrived == block.live) named_full(found->second);
}
static void arrive_at(int id, int threads, bool stay, const char* what) {
  Fiber* f = machine.fiber;
  Named& bar = f->owner->named[id];
  if (bar.arrived == 0) bar.threads = threads;
  if (bar.threads != threads) fail("barrier %d is of %d threads to some, of %d to others", id, bar.threads, threads);
  if (threads % 32 != 0) fail("barrier %d is of %d threads, not of whole warps", id, threads);
  bar.arrived++;
  if (bar.arrived == (id < 0 ? f->owner->live : threads)) return named_full(bar);
  if (!stay) return;
  bar.waiting.push_back(f);
  wait(what);
}
void block_barrier() { arrive_at(-1, 0, true, "__syncthreads"); }
void bar_sync(int id, int threads) { arrive_at(id, threads, true, "a named barrier"); }
void bar_arrive(int id, int threads) { arrive_at(id, threads, false, "a named barrier"); }

// ---- the cluster's barrier ----
static void cluster_check() {
  if (machine.cluster_arrived == 0 || machine.cluster_arrived < machine.alive) return;
  machine.cluster_arrived = 0;
  machine.cluster_phase++;
  wake(machine.cluster_waiting);
}
void cluster_arrive(bool all_lanes) {
  if (all_lanes) aligned("barrier.cluster.arrive");
  Fiber* f = machine.fiber;
  if (f->arrived) fail("a thread arrives at the cluster's barrier again before it has waited");
  f->arrived = true;
  f->phase = machine.cluster_phase;
  machine.cluster_arrived++;
  cluster_check();
}
void cluster_wait(bool all_lanes) {
  if (all_lanes) aligned("barrier.cluster.wait");
  Fiber* f = machine.fiber;
  if (!f->arrived) fail("a thread waits at the cluster's barrier where it has not arrived");
  if (f->phase == machine.cluster_phase) {
    machine.cluster_waiting.push_back(f);
    wait("the cluster's barrier");
  }
  f->arrived = false;
}
u32 cluster_rank() { return (u32)machine.fiber->owner->rank; }

// ---- lanes ----
struct Shuffle { u32 x, y; int lane; Lane how; };
u32 shuffle(u32 mask, u32 x, int lane, Lane how) {
  Shuffle mine = {x, 0, lane, how};
  meet(mask, "a shuffle", &mine, [](Warp&, void** args) {
    for (int i = 0; i < 32; i++) {
      Shuffle* s = (Shuffle*)args[i];
      if (s == nullptr) continue;
      int from = s->lane & 31;
      if (s->how != Lane::indexed) from = s->how == Lane::up ? i - s->lane : s->how == Lane::down ? i + s->lane : i ^ s->lane;
      if (from < 0 || from > 31) from = i;
      if (args[from] == nullptr) fail("lane %d asks lane %d, which is not there", i, from);
      s->y = ((Shuffle*)args[from])->x;
    }
  });
  return mine.y;
}
struct Ballot { bool x; u32 y; };
u32 ballot(u32 mask, bool x) {
  Ballot mine = {x, 0};
  meet(mask, "a vote", &mine, [](Warp&, void** args) {
    u32 y = 0;
    for (int i = 0; i < 32; i++) if (args[i] != nullptr && ((Ballot*)args[i])->x) y |= 1u << i;
    for (int i = 0; i < 32; i++) if (args[i] != nullptr) ((Ballot*)args[i])->y = y;
  });
  return mine.y;
}

// ---- a launch ----
static struct sigaction before[2];
static void fault(int, siginfo_t* info, void* context) {
  if (machine.fiber != nullptr) machine.fiber->frame = nullptr;
  machine.error = "an access outside of all memory, at address ";
  char text[64];
  snprintf(text, sizeof text, "%p", info->si_addr);
  machine.error += text;
  machine.failed = true;
  if (machine.fiber != nullptr) machine.error += "\n  in " + name_of(*machine.fiber) + ":";
#ifdef __x86_64__
  const greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  snprintf(text, sizeof text, " @%p", (void*)(registers[REG_RIP] + 1));
  machine.error += text;
  frames_of((void*)registers[REG_RBP], machine.error);
#endif
  longjmp(machine.main, 2);
}
static void catch_faults(bool on) {
  static u8 stack[1 << 16];
  struct sigaction action = {};
  stack_t other = {};
  other.ss_sp = stack;
  other.ss_size = sizeof stack;
  action.sa_sigaction = fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  if (on) sigaltstack(&other, nullptr);
  sigaction(SIGSEGV, on ? &action : &before[0], on ? &before[0] : nullptr);
  sigaction(SIGBUS, on ? &action : &before[1], on ? &before[1] : nullptr);
}

static void begin_block(Block& block, int rank, Dim3 index, u32 shared) {
  constexpr size_t STACK = 1 << 17;
  static std::vector<u8*> stacks;
  const int threads = (int)(block_dim.x * block_dim.y * block_dim.z);
  block.rank = rank;
  block.index = index;
  block.live = threads;
  begin_shared(block, shared);
  block.named.clear();
  block.barriers.clear();
  block.products.clear();
  block.fibers = std::vector<Fiber>(threads);
  block.warps = std::vector<Warp>(threads / 32);
  for (int i = 0; i < threads; i++) {
    Fiber& f = block.fibers[i];
    const size_t number = (size_t)rank * threads + i;
    if (stacks.size() <= number)
      stacks.push_back((u8*)mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    f.block = index;
    f.thread = {i % block_dim.x, i / block_dim.x % block_dim.y, i / (block_dim.x * block_dim.y)};
    f.lane = i % 32;
    f.owner = &block;
    f.warp = &block.warps[i / 32];
    f.warp->owner = &block;
    f.warp->number = i / 32;
    f.warp->lanes[f.lane] = &f;
    getcontext(&f.start);
    f.start.uc_stack.ss_sp = stacks[number];
    f.start.uc_stack.ss_size = STACK;
    f.start.uc_link = nullptr;
    makecontext(&f.start, body, 0);
    machine.ready.push_back(&f);
  }
}

static Dim3 at_number(u32 i, Dim3 of) { return {i % of.x, i / of.x % of.y, i / (of.x * of.y)}; }
static void run_cluster(Dim3 first, Dim3 cluster, u32 shared) {
  const u32 count = cluster.x * cluster.y * cluster.z;
  machine.ready.clear();
  machine.works.clear();
  machine.cluster_waiting.clear();
  machine.cluster_arrived = 0;
  machine.blocks.resize(count);
  machine.alive = (int)(count * block_dim.x * block_dim.y * block_dim.z);
  for (u32 i = 0; i < count; i++) {
    const Dim3 at = at_number(i, cluster);
    begin_block(machine.blocks[i], (int)i, {first.x + at.x, first.y + at.y, first.z + at.z}, shared);
  }
  loop();
}
}  // namespace emu

// Runs a grid, cluster after cluster in any order; returns 0, or 1 and what went wrong.
extern "C" int emulate_run(void (*kernel)(void**), void** args, const unsigned* sizes, unsigned shared, const int* rules,
                           unsigned long long seed, char* error, int room) {
  using namespace emu;
  const Dim3 cluster = {sizes[6], sizes[7], sizes[8]};
  grid_dim = {sizes[0], sizes[1], sizes[2]};
  block_dim = {sizes[3], sizes[4], sizes[5]};
  machine.rules = {rules[0], rules[1], rules[2]};
  machine.seed = seed * 0x9E3779B97F4A7C15ull + 1;
  machine.failed = false;
  machine.error.clear();
  machine.switches = 0;
  machine.statics = FIRST;
  entry = kernel;
  entry_args = args;
  const Dim3 clusters = {grid_dim.x / cluster.x, grid_dim.y / cluster.y, grid_dim.z / cluster.z};
  std::vector<u32> order(clusters.x * clusters.y * clusters.z);
  for (u32 i = 0; i < order.size(); i++) order[i] = i;
  for (u32 i = (u32)order.size(); i > 1; i--) std::swap(order[i - 1], order[machine.random(i)]);
  catch_faults(true);
  for (u32 i : order) {
    const Dim3 at = at_number(i, clusters);
    run_cluster({at.x * cluster.x, at.y * cluster.y, at.z * cluster.z}, cluster, shared);
    if (machine.failed) break;
  }
  catch_faults(false);
  snprintf(error, (size_t)room, "%s", machine.error.c_str());
  return machine.failed;
}
