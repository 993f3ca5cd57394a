// Shared memory, barriers that count bytes, copies, and conversions of numbers.
#include <sys/mman.h>

#include "machine.h"
#include "tensor_map.h"

namespace emu {
// ---- windows ----
constexpr u32 PAGE = 4096;

void begin_shared(Block& block, u32 bytes) {
  static std::vector<std::pair<u8*, u32>> windows;  // one for each rank, between pages that nothing may touch
  const u32 needed = STATIC_END + bytes < MOST ? STATIC_END + bytes : MOST;
  const u32 room = (needed + PAGE - 1) / PAGE * PAGE;
  if (windows.size() <= (size_t)block.rank) windows.resize(block.rank + 1);
  auto& [at, size] = windows[block.rank];
  if (size != room) {
    if (at != nullptr) munmap(at - PAGE, size + 2 * PAGE);
    u8* whole = (u8*)mmap(nullptr, room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    at = whole + PAGE;
    size = room;
    mprotect(at, room, PROT_READ | PROT_WRITE);
  }
  memset(at, 0xFF, room);
  block.shared = at;
  block.end = room;
  block.dynamic = room - (bytes + 15) / 16 * 16;  // ends where the window does
  if (bytes > MOST || block.dynamic < FIRST) fail("%u bytes of dynamic shared memory are too many", bytes);
}
void* shared_static(Slot& slot, u32& used, u32 bytes, u32 align) {
  if (slot.at == 0) {
    slot.at = (used + align - 1) / align * align;
    used = slot.at + bytes + 16;
    if (used > STATIC_END || used > machine.fiber->owner->dynamic) fail("static shared memory is too large, by %u bytes", bytes);
  }
  machine.statics = used;
  return machine.fiber->owner->shared + slot.at;
}
void* shared_dynamic() { return machine.fiber->owner->shared + machine.fiber->owner->dynamic; }
u32 shared_address(const void* p) {
  const Block& b = *machine.fiber->owner;
  const u8* at = (const u8*)p;
  if (at < b.shared || at >= b.shared + b.end) fail("%p is no address of the block's shared memory", p);
  return (u32)(at - b.shared);
}
u64 map_address(u64 generic, int rank) {
  const u32 at = shared_address((const void*)generic);
  if (rank < 0 || (size_t)rank >= machine.blocks.size()) fail("the cluster has no block %d", rank);
  return (u64)(machine.blocks[rank].shared + at);
}
u32 map_shared(u32 at, int rank) {
  if (rank < 0 || (size_t)rank >= machine.blocks.size()) fail("the cluster has no block %d", rank);
  return own_window(at) | (u32)(rank + 1) << RANK;
}
Block& block_of(u32 at) {
  const u32 rank = at >> RANK;
  if (rank > machine.blocks.size()) fail("%#x is no address of shared memory", at);
  return rank == 0 ? *machine.fiber->owner : machine.blocks[rank - 1];
}
u8* at_of(Block& block, u32 at, u32 bytes) {
  const u32 own = own_window(at);
  if (own < FIRST || own + bytes > block.end || (own + bytes > machine.statics && own < block.dynamic))
    fail("%u bytes at %#x lie outside of shared memory, which ends at %#x", bytes, own, block.end);
  if (own % bytes != 0 && bytes <= 16) fail("%u bytes at %#x are not aligned", bytes, own);
  if (block.live == 0) fail("shared memory of a block that has ended is accessed, at %#x of rank %d", own, block.rank);
  return block.shared + own;
}
void* shared_at(u32 at, int bytes) {
  if (at >> RANK) fail("%#x is an address of another block, or of none", at);
  return at_of(*machine.fiber->owner, at, (u32)bytes);
}
void* cluster_at(u32 at, int bytes) { return at_of(block_of(at), at, (u32)bytes); }

// ---- barriers ----
constexpr u64 MARK = 0xBA44132E00000000ull;
static Barrier& barrier_at(Block& block, u32 at) {
  const u32 own = own_window(at);
  auto found = block.barriers.find(own);
  if (found == block.barriers.end()) fail("no barrier was begun at %#x of rank %d", own, block.rank);
  if (load<u64>(at_of(block, own, 8)) != (MARK | own)) fail("the barrier at %#x was overwritten", own);
  return found->second;
}
void mbarrier_init(u32 bar, u32 count) {
  Block& block = *machine.fiber->owner;
  if (block.barriers.count(bar)) fail("the barrier at %#x is begun twice", bar);
  store<u64>(shared_at(bar, 8), MARK | bar);
  Barrier& b = block.barriers[bar];
  b.count = b.left = count;
}
void barrier_done(Block& block, u32 bar, u32 arrivals, long long bytes) {
  Barrier& b = barrier_at(block, bar);
  if (arrivals > b.left) fail("more threads arrive at the barrier at %#x of rank %d than its %u", own_window(bar), block.rank, b.count);
  b.left -= arrivals;
  b.bytes -= bytes;
  if (b.bytes >= 1 << 20 || b.bytes <= -(1 << 20)) fail("the barrier at %#x counts %lld bytes", own_window(bar), b.bytes);
  if (b.left != 0 || b.bytes != 0) return;
  b.left = b.count;
  b.phase++;
  wake(b.waiting);
}
void mbarrier_expect(u32 bar, u32 bytes) {
  Block& block = *machine.fiber->owner;
  barrier_at(block, bar).bytes += bytes;
  barrier_done(block, bar, 1, 0);
}
void mbarrier_arrive(u32 bar) { barrier_done(*machine.fiber->owner, bar, 1, 0); }
void mbarrier_arrive_remote(u32 bar) {
  Work work = {};
  work.block = block_of(bar).rank;
  work.bar = own_window(bar);
  work.run = [](Work& w) { barrier_done(machine.blocks[w.block], w.bar, 1, 0); };
  if (work.block == machine.fiber->owner->rank) work.run(work); else begin_work(work);
}
bool mbarrier_wait(u32 bar, u32 parity) {
  if (parity > 1) fail("a phase's parity is %u", parity);
  Barrier& b = barrier_at(*machine.fiber->owner, bar);
  while ((b.phase & 1) == parity) {
    b.waiting.push_back(machine.fiber);
    wait("a barrier in shared memory");
  }
  return true;
}

// ---- asynchronous work ----
void begin_work(Work work) {
  if (machine.rules.copies == 0) work.run(work);
  else machine.works.push_back(work);
}
bool run_work() {
  if (machine.works.empty()) return false;
  const size_t i = machine.random((u32)machine.works.size());
  Work work = machine.works[i];
  machine.works[i] = machine.works.back();
  machine.works.pop_back();
  work.run(work);
  return true;
}

static u32 swizzled(u32 at, int width) {
  return width == 128 ? at ^ (at >> 3 & 0x70) : width == 64 ? at ^ (at >> 3 & 0x30) : width == 32 ? at ^ (at >> 3 & 0x10) : at;
}
// One row of a box: `bytes` bytes from `from`, of which those past `valid` numbers, and before the first, are zero.
static void land_row(const Work& w, const Map& map, u32 to, const u8* from, long long first, long long size, int count) {
  u8 row[256] = {};
  for (int i = 0; i < count; i++)
    if (from != nullptr && first + i >= 0 && first + i < size) {
      u8* one = row + i * map.bytes;
      memcpy(one, from + (first + i) * map.bytes, (size_t)map.bytes);
      if (map.tf32) store<u32>(one, to_tf32(load<float>(one)));
    }
  for (int i = 0; i < count * map.bytes; i += 16)
    memcpy(at_of(machine.blocks[w.block], swizzled(to + i, map.swizzle), 16), row + i, 16);
}
static void land_tile(Work& w) {
  const Map& map = *(const Map*)w.map;
  const int count = map.box[0];
  for (int r = w.first; r < w.last; r++) {
    int rest = r;
    const u8* from = map.address;
    for (int d = 1; d < map.rank; d++) {
      const long long x = w.at[d] + rest % map.box[d];
      rest /= map.box[d];
      if (from != nullptr) from = x >= 0 && x < map.dims[d] ? from + x * map.strides[d] : nullptr;
    }
    land_row(w, map, w.to + r * count * map.bytes, from, w.at[0], map.dims[0], count);
  }
  barrier_done(machine.blocks[w.block], w.bar, 0, (long long)(w.last - w.first) * count * map.bytes);
}
static void land_pixels(Work& w) {
  const Map& map = *(const Map*)w.map;
  int x = w.at[1], y = w.at[2], n = w.at[3];
  for (int r = 0; r < w.last; r++) {
    const long long column = x + w.offsets[0], row = y + w.offsets[1];
    const bool inside = column >= 0 && column < map.dims[1] && row >= 0 && row < map.dims[2] && n >= 0 && n < map.dims[3];
    const u8* from = nullptr;
    if (inside) from = map.address + column * map.strides[1] + row * map.strides[2] + n * map.strides[3];
    if (r >= w.first) land_row(w, map, w.to + r * map.channels * map.bytes, from, w.at[0], map.dims[0], map.channels);
    if ((x += map.steps[1]) >= map.dims[1] + map.upper[0]) {
      x = map.lower[0];
      if ((y += map.steps[2]) >= map.dims[2] + map.upper[1]) { y = map.lower[1]; n++; }
    }
  }
  barrier_done(machine.blocks[w.block], w.bar, 0, (long long)(w.last - w.first) * map.channels * map.bytes);
}
static void begin_copy(Work work, u32 to, u32 bar, u32 mask, int rows) {
  const bool many = mask != 0;
  if (to % 128 != 0) fail("a copy lands at %#x, which is no multiple of 128", to);
  for (u32 i = 0; i < machine.blocks.size(); i++) {
    if (many ? !(mask >> i & 1) : (int)i != block_of(to).rank) continue;
    work.block = (int)i;
    work.to = own_window(to);
    work.bar = own_window(bar);
    const int middle = rows > 1 ? 1 + (int)machine.random((u32)rows - 1) : rows;  // in two pieces, in any order
    work.first = 0; work.last = middle;
    begin_work(work);
    work.first = middle; work.last = rows;
    if (middle < rows) begin_work(work);
  }
  if (many && mask >> machine.blocks.size()) fail("a copy goes to blocks %#x of a cluster of %d", mask, (int)machine.blocks.size());
}
static const Map& map_at(const void* map, bool pixels) {
  const Map& found = *load<const Map*>(map);
  if (load<u64>((const u8*)map + 8) != Map::MAGIC) fail("no tensor map lies at %p", map);
  if ((found.channels > 0) != pixels) fail("a map of %s is used for a copy of %s", pixels ? "boxes" : "pixels", pixels ? "pixels" : "boxes");
  return found;
}
void copy_tile(u32 to, const void* map, u32 bar, int rank, const int* at, u32 mask) {
  const Map& found = map_at(map, false);
  if (found.rank != rank) fail("a map of %d axes is used for a copy of %d", found.rank, rank);
  Work work = {};
  work.map = &found;
  work.run = land_tile;
  int rows = 1;
  for (int d = 0; d < rank; d++) { work.at[d] = at[d]; if (d > 0) rows *= found.box[d]; }
  begin_copy(work, to, bar, mask, rows);
}
void copy_pixels(u32 to, const void* map, u32 bar, const int* at, const u16* offsets, u32 mask) {
  const Map& found = map_at(map, true);
  Work work = {};
  work.map = &found;
  work.run = land_pixels;
  for (int d = 0; d < 4; d++) work.at[d] = at[d];
  work.offsets[0] = offsets[0]; work.offsets[1] = offsets[1];
  begin_copy(work, to, bar, mask, found.pixels);
}
void send(u32 to, u32 bar, const float* v) {
  Work work = {};
  work.block = block_of(to).rank;
  if (block_of(bar).rank != work.block) fail("numbers go to block %d, the signal to block %d", work.block, block_of(bar).rank);
  work.to = own_window(to);
  work.bar = own_window(bar);
  memcpy(work.v, v, 16);
  work.run = [](Work& w) {
    Block& block = machine.blocks[w.block];
    memcpy(at_of(block, w.to, 16), w.v, 16);
    barrier_done(block, w.bar, 0, 16);
  };
  begin_work(work);
}

// ---- cp.async ----
static void land(const Fiber::Copy& c) {
  u8* to = (u8*)shared_at(c.to, c.bytes);
  memset(to, 0, (size_t)c.bytes);
  memcpy(to, c.from, (size_t)c.valid);
}
void copy_async(u32 to, const void* from, int bytes, int valid) {
  Fiber* f = machine.fiber;
  if (valid < 0 || valid > bytes) fail("%d bytes of %d are copied", valid, bytes);
  if ((u64)from % bytes != 0) fail("%d bytes at %p are not aligned", bytes, from);
  if (machine.rules.copies == 0 || (machine.rules.copies == 1 && machine.random(2))) return land({to, from, bytes, valid});
  if (f->groups.empty()) f->groups.emplace_back();
  f->groups.back().push_back({to, from, bytes, valid});
}
void copy_commit() {
  Fiber* f = machine.fiber;
  if (f->groups.empty()) f->groups.emplace_back();
  f->groups.emplace_back();
}
void copy_wait(int left) {
  Fiber* f = machine.fiber;
  while ((int)f->groups.size() > left + 1) {
    for (const auto& c : f->groups.front()) land(c);
    f->groups.erase(f->groups.begin());
  }
}

// ---- numbers ----
u16 to_f16(float x) {
  const u32 b = bits<u32>(x), sign = b >> 16 & 0x8000, rest = b & 0x7fffffff;
  if (rest > 0x7f800000) return (u16)0x7fff;
  if (rest >= 0x477ff000) return (u16)(sign | 0x7c00);
  if (rest < 0x38800000) return (u16)(sign | (bits<u32>(fabsf(x) + 0.5f) - bits<u32>(0.5f)));
  return (u16)(sign | (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13);
}
u16 to_bf16(float x) {
  const u32 b = bits<u32>(x);
  return x != x ? 0x7fff : (u16)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}
float of_f16(u16 x) {
  const u32 sign = (u32)(x & 0x8000) << 16, rest = x & 0x7fffu;
  if (rest >= 0x7c00) return bits<float>(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  if (rest < 0x400) return bits<float>(sign | bits<u32>((float)rest * 0x1p-24f));
  return bits<float>(sign | ((rest << 13) + 0x38000000));
}
u32 to_tf32(float x) {
  const u32 b = bits<u32>(x);
  return (b & 0x7f800000) == 0x7f800000 ? b : (b + 0x1000) & ~0x1fffu;
}
}  // namespace emu
