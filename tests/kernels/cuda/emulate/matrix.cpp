// Products of warps and of warpgroups, and the loads that go with them.
#include "machine.h"

namespace emu {
constexpr u32 POISON = 0x7fd0dead;  // a NaN in sums whose products are in flight

static float number(Kind kind, u32 x) {
  if (kind == Kind::f16) return of_f16((u16)x);
  return kind == Kind::bf16 ? bits<float>(x << 16) : bits<float>(x & ~0x1fffu);
}

// ---- of one warp ----
struct Loads { u32 *r[4], at; bool transposed; };
void ldmatrix(u32* r0, u32* r1, u32* r2, u32* r3, u32 at, bool transposed) {
  Loads mine = {{r0, r1, r2, r3}, at, transposed};
  meet(~0u, transposed ? "ldmatrix.trans" : "ldmatrix", &mine, [](Warp& warp, void** args) {
    for (int q = 0; q < 4; q++) {
      u16 tile[8][8];
      for (int i = 0; i < 8; i++) memcpy(tile[i], at_of(*warp.owner, ((Loads*)args[8 * q + i])->at, 16), 16);
      for (int i = 0; i < 32; i++) {
        const Loads& to = *(Loads*)args[i];
        const int row = i >> 2, column = 2 * (i & 3);
        const bool turned = to.transposed;
        const u32 high = turned ? tile[column + 1][row] : tile[row][column + 1];
        *to.r[q] = high << 16 | (turned ? tile[column][row] : tile[row][column]);
      }
    }
  });
}
struct Small { Kind kind; float* d; const u32* a; u32 b[2]; };
void mma(Kind kind, float* d, const u32* a, u32 b0, u32 b1) {
  Small mine = {kind, d, a, {b0, b1}};
  meet(~0u, "mma.sync", &mine, [](Warp&, void** args) {
    const Kind kind = ((Small*)args[0])->kind;
    const int each = kind == Kind::tf32 ? 1 : 2, half = 4 * each;  // numbers of a register, of k in a block of 8 columns
    float a[16][16], b[16][8], d[16][8];
    for (int i = 0; i < 32; i++) {
      const Small& s = *(Small*)args[i];
      for (int q = 0; q < 4; q++)
        for (int e = 0; e < each; e++) a[(i >> 2) + 8 * (q & 1)][half * (q >> 1) + each * (i & 3) + e] = number(kind, s.a[q] >> 16 * e);
      for (int q = 0; q < 2; q++)
        for (int e = 0; e < each; e++) b[half * q + each * (i & 3) + e][i >> 2] = number(kind, s.b[q] >> 16 * e);
      for (int q = 0; q < 4; q++) d[(i >> 2) + 8 * (q >> 1)][2 * (i & 3) + (q & 1)] = s.d[q];
    }
    for (int m = 0; m < 16; m++)
      for (int k = 0; k < 2 * half; k++)
        for (int n = 0; n < 8; n++) d[m][n] += a[m][k] * b[k][n];
    for (int i = 0; i < 32; i++)
      for (int q = 0; q < 4; q++) ((Small*)args[i])->d[q] = d[(i >> 2) + 8 * (q >> 1)][2 * (i & 3) + (q & 1)];
  });
}

// ---- of warpgroups: each warp multiplies its 16 of 64 rows by itself, when its operands are read ----
struct Matrix {  // a descriptor of an operand in shared memory
  u32 at, leading, stride, width;
  explicit Matrix(u64 x) : at((u32)(x & 0x3fff) << 4), leading((u32)(x >> 16 & 0x3fff) << 4), stride((u32)(x >> 32 & 0x3fff) << 4) {
    const u32 layout = (u32)(x >> 62);
    width = layout == 1 ? 128 : layout == 2 ? 64 : layout == 3 ? 32 : 0;
    if (width == 0) fail("an operand without swizzle is not emulated");
    if (x >> 49 & 7) fail("an operand's offset of its base is not emulated");
  }
  u32 place(u32 at) const { return at ^ (at >> 3 & (width - 16)); }
};
// Rows m of `bytes` bytes along k into numbers [k][rows] (by_k), or the other way round.
static void read_rows(Block& block, const Matrix& from, Kind kind, bool by_k, int first, int rows, float* to, int pitch) {
  const int size = kind == Kind::tf32 ? 4 : 2, depth = 32 / size;
  const auto get = [&](const u8* p) { return number(kind, size == 4 ? load<u32>(p) : load<u16>(p)); };
  if (by_k) {
    for (int m = 0; m < rows; m++) {
      const u32 row = (u32)(first + m), at = from.at + row / 8 * from.stride + row % 8 * from.width;
      for (int c = 0; c < 32; c += 16) {
        const u8* p = at_of(block, from.place(at + c), 16);
        for (int e = 0; e < 16; e += size) to[((c + e) / size) * pitch + m] = get(p + e);
      }
    }
  } else {
    const int each = (int)from.width / size;  // numbers of a row of the pattern
    for (int k = 0; k < depth; k++)
      for (int m = 0; m < rows; m += 16 / size) {
        const u32 row = (u32)(first + m);
        const u32 at = from.at + row / each * from.leading + row % each * size + k / 8 * from.stride + k % 8 * from.width;
        const u8* p = at_of(block, from.place(at), 16);
        for (int e = 0; e < 16 / size; e++) to[k * pitch + m + e] = get(p + e * size);
      }
  }
}

static void multiply(Warp& warp, Product& p) {
  static float a[16][16], b[16][256], d[16][256];
  const int depth = p.kind == Kind::tf32 ? 8 : 16, first = 16 * (warp.number % 4);
  Block& block = *warp.owner;
  if (p.by_registers) {
    for (int i = 0; i < 32; i++)
      for (int q = 0; q < 4; q++)
        for (int e = 0; e < 2; e++) a[8 * (q >> 1) + 2 * (i & 3) + e][(i >> 2) + 8 * (q & 1)] = number(p.kind, p.a[i][q] >> 16 * e);
  } else {
    read_rows(block, Matrix(p.a_matrix), p.kind, true, first, 16, a[0], 16);
  }
  read_rows(block, Matrix(p.b_matrix), p.kind, p.b_by_k, 0, p.n, b[0], 256);
  const int count = p.sums->count;
  float* held = p.sums->held.data();
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < count; j++)
      d[(i >> 2) + 8 * (j >> 1 & 1)][8 * (j >> 2) + 2 * (i & 3) + (j & 1)] = p.keep ? held[i * count + j] : 0.f;
  for (int m = 0; m < 16; m++)
    for (int k = 0; k < depth; k++) {
      const float x = a[k][m];
      for (int n = 0; n < p.n; n++) d[m][n] += x * b[k][n];
    }
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < count; j++) held[i * count + j] = d[(i >> 2) + 8 * (j >> 1 & 1)][8 * (j >> 2) + 2 * (i & 3) + (j & 1)];
}
// The four warps multiply a group together, once all of them have asked for it: whoever waits for it waits for all.
static Warp* team_of(Warp& warp) { return &warp.owner->warps[warp.number / 4 * 4]; }
static bool asked_by_all(Warp* team, u64 number) {
  for (int i = 0; i < 4; i++) if (team[i].ended + team[i].groups.size() < number + 2) return false;  // the last one is open
  return true;
}
static void run_group(Warp* team, u64 number) {
  for (int i = 0; i < 4; i++) {
    if (number < team[i].ended) return;
    Group& group = team[i].groups[number - team[i].ended];
    if (!group.ran) for (Product& p : group.products) multiply(team[i], p);
    group.ran = true;
  }
}
static void end_sums(Warp& warp, Sums* sums) {
  if (--sums->left > 0) return;
  for (int i = 0; i < 32; i++)
    for (int j = 0; j < sums->count; j++) {
      if (bits<u32>(sums->at[i][j]) != POISON) fail("sums are written while products that add to them are in flight");
      sums->at[i][j] = sums->held[i * sums->count + j];
    }
  for (size_t i = 0; i < warp.sums.size(); i++)
    if (warp.sums[i] == sums) warp.sums.erase(warp.sums.begin() + (long)i--);
  delete sums;
}
static void await_products(Warp& warp, int left) {
  Warp* team = team_of(warp);
  while ((int)warp.groups.size() > left + 1) {  // the last one is open
    while (!asked_by_all(team, warp.ended)) {
      team->waiting.push_back(machine.fiber);
      wait("other warps to ask for the same products");
    }
    run_group(team, warp.ended);
    for (Product& p : warp.groups.front().products) end_sums(warp, p.sums);
    warp.groups.pop_front();
    warp.ended++;
  }
}
void products_at_exit(Warp& warp) {
  for (Group& g : warp.groups) if (!g.products.empty()) fail("a warp ends with products in flight");
}

void wgmma_fence() { meet(~0u, "wgmma.fence", nullptr, [](Warp& warp, void**) { warp.fenced = true; }); }
void wgmma_commit() {
  meet(~0u, "wgmma.commit_group", nullptr, [](Warp& warp, void**) {
    if (warp.groups.empty()) warp.groups.emplace_back();
    warp.groups.emplace_back();
    Warp* team = team_of(warp);
    wake(team->waiting);
    const int early = machine.rules.products;
    if (early == 0 || (early == 1 && machine.random(2)))
      for (u64 i = warp.ended; asked_by_all(team, i); i++) run_group(team, i);
    warp.fenced = false;
  });
}
void wgmma_wait(int left) {
  meet(~0u, "wgmma.wait_group", (void*)(intptr_t)left, [](Warp& warp, void** args) { await_products(warp, (int)(intptr_t)args[0]); });
}

struct Asked { Kind kind; int n; float* d; const u32* a; u64 a_matrix, b_matrix; bool keep, b_by_k; };
static Sums* sums_of(Warp& warp, void** args) {
  const Asked& one = *(Asked*)args[0];
  for (Sums* s : warp.sums)
    if (s->at[0] == one.d) return s;
  Sums* s = new Sums;
  s->count = one.n / 2;
  s->held.resize(32 * s->count);
  for (int i = 0; i < 32; i++) {
    s->at[i] = ((Asked*)args[i])->d;
    memcpy(&s->held[i * s->count], s->at[i], 4 * s->count);
    for (int j = 0; j < s->count; j++) s->at[i][j] = bits<float>(POISON);
  }
  warp.sums.push_back(s);
  return s;
}
static void ask(Warp& warp, void** args) {
  const Asked& one = *(Asked*)args[0];
  Product p = {one.kind, one.n, one.keep, one.b_by_k, one.a != nullptr, {}, one.a_matrix, one.b_matrix, nullptr};
  for (int i = 0; i < 32; i++) {
    const Asked& other = *(Asked*)args[i];
    if (other.keep != one.keep || other.b_matrix != one.b_matrix || (one.a == nullptr && other.a_matrix != one.a_matrix))
      fail("lanes ask for different products");
    p.a[i] = other.a;
  }
  if (!warp.fenced) fail("products are asked for with no wgmma.fence before them");
  const std::vector<u64> key = {one.b_matrix, one.a == nullptr ? one.a_matrix : 0, one.keep, (u64)one.n};
  auto [at, fresh] = warp.owner->products.try_emplace({warp.number / 4, warp.issued++}, key);
  if (!fresh && at->second != key) fail("warps of a warpgroup ask for different products");
  if (warp.groups.empty()) warp.groups.emplace_back();
  p.sums = sums_of(warp, args);
  p.sums->left++;
  warp.groups.back().products.push_back(p);
}
void wgmma(Kind kind, int n, float* d, const u32* a, u64 a_matrix, u64 b_matrix, bool keep, bool b_by_k) {
  Asked mine = {kind, n, d, a, a_matrix, b_matrix, keep, b_by_k};
  meet(~0u, "wgmma", &mine, ask);
}
}  // namespace emu
