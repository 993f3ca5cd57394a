// The emulated machine: a cluster of blocks at a time, each thread a fiber that runs until it must wait for others.
// Which fiber runs next, and when asynchronous work is done, is random within what the hardware promises.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "device.h"

namespace emu {
constexpr u32 STATIC_END = 0xC000, MOST = 0x40000, RANK = 24;  // of a block's window, whose addresses matrices have 18 bits for

// How one run is scheduled.
struct Rules {
  int order;        // of fibers: 0 any, 1 first come, 2 last come, 3 any, but some warp or block lags behind
  int copies;       // land: 0 at once, 1 at any time, 2 when nothing else can go on
  int products;     // read: 0 at once, 1 at any time, 2 when they are waited for
};

struct Block;
struct Warp;

struct Fiber : Place {
  jmp_buf at;
  ucontext_t start;
  u8* stack = nullptr;
  bool begun = false, done = false, arrived = false;  // arrived: at the cluster's barrier
  int lane = 0;
  u32 phase = 0;  // of the cluster's barrier, where it arrived
  Warp* warp = nullptr;
  Block* owner = nullptr;
  void* args = nullptr;        // of an instruction that lanes meet in
  void* frame = nullptr;       // where it waits
  const char* what = "";       // it waits for
  struct Copy { u32 to; const void* from; int bytes, valid; };
  std::vector<std::vector<Copy>> groups;  // cp.async, the last one open
};

// Lanes of a warp that meet in one instruction.
struct Meeting { u32 mask = 0, arrived = 0; const char* what = nullptr; };

struct Sums {  // what products in flight add to, of all lanes of a warp
  float* at[32];
  std::vector<float> held;
  int left = 0, count = 0;
};
struct Product {
  Kind kind;
  int n;
  bool keep, b_by_k, by_registers;
  const u32* a[32];
  u64 a_matrix, b_matrix;
  Sums* sums;
};
struct Group { std::vector<Product> products; bool ran = false; };

struct Warp {
  Block* owner = nullptr;
  int number = 0;
  u32 exited = 0;
  Fiber* lanes[32] = {};
  std::vector<Meeting> meetings;
  std::deque<Group> groups;  // the last one open
  std::vector<Sums*> sums;
  u64 issued = 0, ended = 0;   // products, and groups of them
  std::vector<Fiber*> waiting;  // of the first of four: for products of others
  bool fenced = false;
};

struct Named { int arrived = 0, threads = 0; std::vector<Fiber*> waiting; };
struct Barrier { u32 count = 0, left = 0; long long bytes = 0; u32 phase = 0; std::vector<Fiber*> waiting; };

struct Block {
  int rank = 0, live = 0;
  u8* shared = nullptr;
  u32 end = 0, dynamic = 0;  // of its window, and where dynamic memory begins there
  Dim3 index = {};
  std::map<int, Named> named;
  std::map<u32, Barrier> barriers;
  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::map<std::pair<int, u64>, std::vector<u64>> products;  // by warpgroup and number: what its warps multiply
};

// Asynchronous work: a copy, or a signal to another block.
struct Work {
  int block;  // in whose memory it ends
  void (*run)(Work&);
  u32 to, bar;
  const void* map;
  int at[5], first, last;  // rows of a box
  u16 offsets[2];
  float v[4];
};

struct Machine {
  Rules rules = {};
  u64 seed = 1;
  std::vector<Block> blocks;
  std::deque<Fiber*> ready;
  std::vector<Work> works;
  jmp_buf main;
  Fiber* fiber = nullptr;
  int alive = 0, cluster_arrived = 0;
  u32 cluster_phase = 0;
  std::vector<Fiber*> cluster_waiting;
  std::string error;
  bool failed = false;
  u64 switches = 0;
  int lagging = -1;
  u32 statics = 0;  // the end of static shared memory
  u32 random(u32 below);
};
extern Machine machine;

[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));
void wait(const char* what);                 // until someone calls `wake`
void wake(std::vector<Fiber*>& fibers);
Block& block_of(u32 at);                     // a window address of this fiber
u8* at_of(Block& block, u32 at, u32 bytes);  // checked
void begin_shared(Block& block, u32 bytes);  // with `bytes` of dynamic memory, all of it NaN
inline u32 own_window(u32 at) { return at & 0xFFFFFFu; }
void barrier_done(Block& block, u32 bar, u32 arrivals, long long bytes);
void begin_work(Work work);
bool run_work();                             // one piece, false where there is none
// All lanes of the mask meet; the last calls `all` with the pointers they brought, and then all go on.
void meet(u32 mask, const char* what, void* args, void (*all)(Warp&, void**));
void products_at_exit(Warp& warp);
}  // namespace emu
