// GEMM and implicit-GEMM convolution on wgmma (sm_90a): persistent blocks in clusters. CM x CN blocks take neighbouring tiles
// and copy each slice of an operand that they share into all who need it; PARTS blocks take parts of k of one tile. Two warps
// of their own feed, one each operand; CONSUMERS warpgroups multiply: rows of one tile, or, with PINGPONG, tiles in turn, so
// that one writes out while another multiplies. Loops stay loops: a launch that takes microseconds is not to wait for its own
// instructions.
// The head defines: In, BM BN BK STAGES CONSUMERS MI CM CN PARTS PINGPONG ODD AHEAD_B FEED_REGISTERS REGISTERS FULL FLIGHT
// EXTRAS, CONV B_BY_K, `wgmma(...)`, struct Args, `image(args)`, `finish<V>(...)`.
constexpr int WIDTH = BK * sizeof(In), A_BYTES = BM * WIDTH, B_BYTES = BN * WIDTH, STAGE = A_BYTES + B_BYTES, STEPS = WIDTH / 32;
constexpr int CLUSTER = CM * CN * PARTS, A_ROWS = BM / CN, B_ROWS = BN / CM, ROWS_EACH = MI * 64, GROUP = 8 / CM;
constexpr int TARGETS = CM + CN - 1, RELEASES = (PINGPONG ? 1 : CONSUMERS) * TARGETS, THREADS = 128 * CONSUMERS;
// Of the sums a thread holds UNITS of eight; part q of a cluster finishes every PARTS-th from q on.
constexpr int UNITS = MI * (BN / 32) * 2, OWN = (UNITS + PARTS - 1) / PARTS, UNIT_BYTES = THREADS * 16, ODD_PITCH = 144;
constexpr bool APART = PARTS > 1 && CM * CN == 1;  // blocks of a cluster that meet only to sum
constexpr bool BEFORE = !PINGPONG && !FULL && PARTS == 1;  // the next tile is worked out while the last products are made
constexpr int ODD_ROWS = FULL ? 1 : 4;  // rows that a warp reads back before it writes them

struct Tile { int m0, n0, b0, b1, k0, k1; };
struct Schedule {
  int tiles_m, tiles_n, area, total, steps, first, by, part, at_m, at_n;
  DEV Schedule(const Args& p) {
    tiles_m = (p.m + BM * CM - 1) / (BM * CM); tiles_n = (p.n + BN * CN - 1) / (BN * CN); area = tiles_m * tiles_n;
    total = area * p.nb0 * p.nb1;
    if constexpr (CONV) steps = image(p).r * image(p).s * ((image(p).c + BK - 1) / BK); else steps = (p.k + BK - 1) / BK;
    const int rank = CLUSTER > 1 ? cluster_rank() : 0;
    part = rank % PARTS; at_m = rank / PARTS % CM; at_n = rank / (PARTS * CM);
    first = blockIdx.x / CLUSTER; by = gridDim.x / CLUSTER;
  }
  DEV static int rank_of(int part, int m, int n) { return part + PARTS * (m + CM * n); }
  // groups of eight rows of tiles share their B tiles in L2
  template <bool LATER = false> DEV Tile at(int t, const Args& p) const {
    Tile x = {};
    const u32 z = BATCHED ? (u32)t / (u32)area : 0u, i = t - z * area;
    u32 group = 0, inside = i, high = tiles_m;
    if (high > GROUP && (LATER || total > by)) {  // where all run at once, their copies await one division less
      group = i / (u32)(GROUP * tiles_n); inside -= group * (GROUP * tiles_n);
      high -= group * GROUP;
      if (high > GROUP) high = GROUP;
    }
    const u32 column = inside / high;
    x.m0 = ((group * GROUP + inside - column * high) * CM + at_m) * BM; x.n0 = (column * CN + at_n) * BN;
    if constexpr (BATCHED) { x.b0 = z / (u32)p.nb1; x.b1 = z - x.b0 * p.nb1; }
    x.k1 = steps;
    if constexpr (PARTS > 1) {
      x.k0 = part * p.k_part;
      if (x.k0 + p.k_part < steps) x.k1 = x.k0 + p.k_part;
    }
    return x;
  }
};

// Where the copies of a step along k begin.
struct Walk {
  int k, image_n, h, w;
  Tap tap;
  template <bool OF_A> DEV void start(const Args& p, const Schedule& s, const Tile& x) {
    k = x.k0;
    if constexpr (CONV) {
      const Image& g = image(p);
      const int per = (g.c + BK - 1) / BK, q = PARTS > 1 ? x.k0 / per : 0;
      if constexpr (OF_A) {
        const int m = x.m0 + s.at_n * A_ROWS, area = g.oh * g.ow;
        image_n = m < area ? 0 : m / area;
        const int rest = m - image_n * area, row = rest / g.ow;
        h = row * g.stride_h - g.pad_h; w = (rest - row * g.ow) * g.stride_w - g.pad_w;
      }
      tap.r = q / g.s; tap.s = q % g.s; tap.c = (x.k0 - q * per) * BK;
    }
  }
  DEV void next(const Args& p) {
    ++k;
    if constexpr (CONV) {
      const Image& g = image(p);
      tap.c += BK;
      if (tap.c >= g.c) { tap.c = 0; if (++tap.s == g.s) { tap.s = 0; ++tap.r; } }
    }
  }
  DEV void copy_a(const Args& p, const Schedule& s, const Tile& x, const TensorMap& map, u32 to, u32 bar) const {
    u16 mask = 0;
#pragma unroll
    for (int i = 0; i < CN; i++) mask |= 1 << Schedule::rank_of(s.part, s.at_m, i);
    to += s.at_n * A_ROWS * WIDTH;
    if constexpr (CONV) {
      const Image& g = image(p);
      const u16 dw = tap.s * g.dil_w, dh = tap.r * g.dil_h;
      if constexpr (CN > 1) share_pixels(to, map, bar, tap.c, w, h, image_n, dw, dh, mask);
      else copy_pixels(to, map, bar, tap.c, w, h, image_n, dw, dh);
    } else {
      const int m = x.m0 + s.at_n * A_ROWS;
      if constexpr (CN > 1) share_tile4(to, map, bar, k * BK, m, x.b1 * p.ta_b1, x.b0 * p.ta_b0, mask);
      else copy_tile4(to, map, bar, k * BK, m, x.b1 * p.ta_b1, x.b0 * p.ta_b0);
    }
  }
  DEV void copy_b(const Args& p, const Schedule& s, const Tile& x, const TensorMap& map, u32 to, u32 bar) const {
    u16 mask = 0;
#pragma unroll
    for (int i = 0; i < CM; i++) mask |= 1 << Schedule::rank_of(s.part, i, s.at_n);
    const int n = x.n0 + s.at_m * B_ROWS;
    if constexpr (CONV) {
      to += s.at_m * B_ROWS * WIDTH;
      if constexpr (CM > 1) share_tile3(to, map, bar, tap.c, tap.r * image(p).s + tap.s, n, mask);
      else copy_tile3(to, map, bar, tap.c, tap.r * image(p).s + tap.s, n);
    } else {
      const int b0 = x.b0 * p.tb_b0, b1 = x.b1 * p.tb_b1;
      if constexpr (B_BY_K) {
        to += s.at_m * B_ROWS * WIDTH;
        if constexpr (CM > 1) share_tile4(to, map, bar, k * BK, n, b1, b0, mask);
        else copy_tile4(to, map, bar, k * BK, n, b1, b0);
      } else {
        to += s.at_m * (B_ROWS / 64) * BK * 128;
#pragma unroll
        for (int j = 0; j < B_ROWS / 64; j++) {
          if constexpr (CM > 1) share_tile4(to + j * BK * 128, map, bar, n + 64 * j, k * BK, b1, b0, mask);
          else copy_tile4(to + j * BK * 128, map, bar, n + 64 * j, k * BK, b1, b0);
        }
      }
    }
  }
};

DEV void await_launch_before() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// One thread fills an operand's share of the stages in order, across the tiles, from its first on, of which all that copies
// need is worked out ahead: another thread feeds the other operand. What is constant awaits no launch before.
template <bool OF_A> DEV void feed(const Args& p, const Schedule& s, Tile x, Walk walk, const TensorMap& map, u32 base, u32 full, u32 empty) {
  int stage = 0;
  u32 phase = 3;  // above 1: a stage that was never filled awaits nothing
  if (OF_A || !AHEAD_B) await_launch_before();
#pragma unroll 1
  for (int t = s.first; t < s.total;) {
#pragma unroll 1
    for (; walk.k < x.k1; walk.next(p)) {
      const u32 bar = full + 8 * stage, to = base + stage * STAGE;
      if (phase < 2) barrier_wait(empty + 8 * stage, phase);
      if (elected()) {
        barrier_expect(bar, OF_A ? A_BYTES : B_BYTES);
        if constexpr (OF_A) walk.copy_a(p, s, x, map, to, bar); else walk.copy_b(p, s, x, map, to + A_BYTES, bar);
      }
      if (++stage == STAGES) { stage = 0; phase = ~phase & 1; }
    }
    t += s.by;
    if (t < s.total) {
      x = s.at<true>(t, p);
      walk.start<OF_A>(p, s, x);
    }
  }
  if constexpr (OF_A && CM * CN > 1) {  // a block stays until all who signal to it have done so; they have then got its copies, too
#pragma unroll 1
    for (int i = 0; i < STAGES; i++) {
      barrier_wait(empty + 8 * stage, phase & 1);
      if (++stage == STAGES) { stage = 0; phase = ~phase & 1; }
    }
  }
}

// Eight sums of a thread: of columns 32 g on, two of each eight; h: the lower eight rows. Rows are written out one by one.
DEV constexpr int unit_at(int i, int h, int g) { return (2 * i + h) * (BN / 32) + g; }
DEV void unit_of(const float (&acc)[MI][BN / 2], int u, float (&v)[8]) {
  const int i = u / (2 * (BN / 32)), h = u / (BN / 32) & 1, g = u % (BN / 32);
#pragma unroll
  for (int q = 0; q < 8; q++) v[q] = acc[i][16 * g + 4 * (q / 2) + 2 * h + (q & 1)];
}

DEV void write_unit(float (&v)[8], int u, const Args& p, const Tile& x, int row) {
  const int l = threadIdx.x & 31, warp = (threadIdx.x >> 5) & 3;
  const int i = u / (2 * (BN / 32)), h = u / (BN / 32) & 1, g = u % (BN / 32);
  if constexpr (!ORDERED) quad_transpose(v);
  int m = x.m0 + row + 64 * i + 16 * warp + 8 * h + (l >> 2), n = x.n0 + 32 * g + 8 * (l & 3);
  if constexpr (FULL) asm volatile("" : "+r"(m), "+r"(n));  // no registers for addresses that units share
  if constexpr (FLIGHT) finish_inside<8>(v, p, x.b0, x.b1, m, n);
  else if (m < p.m && n < p.n) finish<8>(v, p, x.b0, x.b1, m, n, p.n - n);
}

// Rows that begin anywhere: of 64 columns at a time a warp writes whole words, each row at once, from its own shared memory.
DEV u32 pack_out(f16 type, float lo, float hi) { return pack2(type, lo, hi); }
DEV u32 pack_out(bf16 type, float lo, float hi) { return pack2(type, lo, hi); }
template <class T, class X> DEV u32 pack_out(T, X, X) { return 0; }  // no 16-bit float: never stored
DEV void write_odd(const float (&acc)[MI][BN / 2], int i, int c, const Args& p, const Tile& x, int row, u32 at) {
  const int l = threadIdx.x & 31, warp = (threadIdx.x >> 5) & 3, m0 = x.m0 + row + 64 * i + 16 * warp, n0 = x.n0 + 64 * c;
  const int count = p.n - n0 < 64 ? p.n - n0 : 64;
#pragma unroll
  for (int u = 0; u < 4; u++) {
    float v[8];
    Held y[8];
    unit_of(acc, unit_at(i, u & 1, 2 * c + u / 2), v);
    if constexpr (!ORDERED) quad_transpose(v);
    const int r = 8 * (u & 1) + (l >> 2), n = 32 * (u / 2) + 8 * (l & 3);
    const bool inside = m0 + r < p.m && n < count;
    if (!EXTRAS || inside) results(v, y, p, x.b0, x.b1, inside ? m0 + r : 0, inside ? n0 + n : 0, count - n);
    const u32 w[4] = {pack_out(Out{}, y[0], y[1]), pack_out(Out{}, y[2], y[3]), pack_out(Out{}, y[4], y[5]), pack_out(Out{}, y[6], y[7])};
    store_shared(at + r * ODD_PITCH + 2 * n, w);
  }
  __syncwarp();
#pragma unroll 1
  for (int r = 0; r < 16; r += ODD_ROWS) {
    u32 lo[ODD_ROWS], hi[ODD_ROWS];
#pragma unroll
    for (int q = 0; q < ODD_ROWS; q++) {
      const u32 from = at + (r + q) * ODD_PITCH + 4 * l;
      lo[q] = load_shared(from); hi[q] = load_shared(from + 4);
    }
#pragma unroll
    for (int q = 0; q < ODD_ROWS; q++) {
      u16* to = (u16*)place(p, x.b0, x.b1, m0 + r + q, n0);
      const int odd = (u64)to >> 1 & 1, e = 2 * l + odd, end = m0 + r + q < p.m ? count : 0;
      const u32 w = odd ? lo[q] >> 16 | hi[q] << 16 : lo[q];
      if (e + 1 < end) *(u32*)(to + e) = w; else if (e < end) to[e] = (u16)w;
      if (odd && l == 0 && end > 0) to[0] = (u16)lo[q];
    }
  }
  __syncwarp();
}

// Each part sends what another finishes straight into its shared memory, and sums its own in the order of k.
DEV void join_parts(const float (&acc)[MI][BN / 2], const Args& p, const Tile& x, int row, u32 sums, u32 bar) {
  const int mine = cluster_rank(), part = mine % PARTS;  // asked again: products leave few registers
  float own[OWN][8];
#pragma unroll
  for (int u = 0; u < UNITS; u++) {
    float v[8];
    unit_of(acc, u, v);
    if (u % PARTS == part) {
#pragma unroll
      for (int q = 0; q < 8; q++) own[u / PARTS][q] = v[q];
    } else {
      const u32 at = sums + ((part * OWN + u / PARTS) * 2) * UNIT_BYTES + threadIdx.x * 16;
      const int rank = mine - part + u % PARTS;
      const u32 to = cluster_address(at, rank), signal = cluster_address(bar, rank);
      send(to, signal, v);
      send(to + UNIT_BYTES, signal, v + 4);
    }
  }
  if (part >= UNITS) return;
  barrier_wait(bar, 0);
#pragma unroll
  for (int j = 0; j < OWN; j++) {
    const int u = j * PARTS + part;
    if (u >= UNITS) break;
    float v[8] = {};
#pragma unroll
    for (int q = 0; q < PARTS; q++) {
      float y[8];
      const u32 at = sums + ((q * OWN + j) * 2) * UNIT_BYTES + threadIdx.x * 16;
      if (q != part) { receive(y, at); receive(y + 4, at + UNIT_BYTES); }
#pragma unroll
      for (int e = 0; e < 8; e++) v[e] += q == part ? own[j][e] : y[e];
    }
    write_unit(v, u, p, x, row);
  }
}

DEV void consume(const Args& p, const Schedule& s, u32 base, u32 full, u32 empty, u32 order, u32 sums, u32 joined) {
  const int group = threadIdx.x >> 7, l = threadIdx.x & 127, row = PINGPONG ? 0 : group * ROWS_EACH;
  int stage = 0;
  u32 phase = 0, turn = 0, signal = empty;
  if (CLUSTER > 1 && l < TARGETS) {
    const int other = l - CN + (l - CN >= s.at_m);
    signal = cluster_address(empty, l < CN ? Schedule::rank_of(s.part, s.at_m, l) : Schedule::rank_of(s.part, other, s.at_n));
  }
  if (AHEAD && s.first < s.total) {  // into the second-level cache, which sees what the launch before still writes
    const Tile x = s.at(s.first, p);
    if (!PINGPONG || group == 0) fetch_ahead<BM, BN, PINGPONG ? 128 : THREADS>(p, x.b0, x.b1, x.m0, x.n0);
  }
  await_launch_before();
  asm volatile("griddepcontrol.launch_dependents;");
  int index = 0;
  Tile next = s.at(s.first, p);
#pragma unroll 1
  for (int t = s.first; t < s.total; t += s.by, index++) {
    Tile x = BEFORE ? next : s.at(t, p);
    if constexpr (!FULL) asm volatile("" : "+r"(x.m0), "+r"(x.n0));  // while copies are on their way, not after the products
    if constexpr (!FULL && BATCHED) asm volatile("" : "+r"(x.b0), "+r"(x.b1));
    if (PINGPONG && (index & 1) != group) {
      stage += x.k1 - x.k0;
      phase ^= stage / STAGES & 1;
      stage %= STAGES;
      continue;
    }
    if (AHEAD && t != s.first) fetch_ahead<BM, BN, PINGPONG ? 128 : THREADS>(p, x.b0, x.b1, x.m0, x.n0);
    if (PINGPONG && index > 0) {  // the other has seen its last stage, so phases cannot be mistaken
      barrier_wait(order + 8 * group, turn);
      turn ^= 1;
    }
    float acc[MI][BN / 2];
    if (PARTS > 1 && x.k0 >= x.k1) {
#pragma unroll
      for (int i = 0; i < MI * BN / 2; i++) acc[i / (BN / 2)][i % (BN / 2)] = 0.f;
    }
    int before = -1;
#pragma unroll 1
    for (int k = x.k0; k < x.k1; k++) {
      barrier_wait(full + 8 * stage, phase);
      const u64 a = matrix_by_k<WIDTH>(base + stage * STAGE + row * WIDTH);
      const u64 b = B_BY_K ? matrix_by_k<WIDTH>(base + stage * STAGE + A_BYTES) : matrix_by_n(base + stage * STAGE + A_BYTES, BK * 128);
      warpgroup_fence();
#pragma unroll
      for (int j = 0; j < STEPS; j++)
#pragma unroll
        for (int i = 0; i < MI; i++) wgmma(acc[i], a + (i * 64 * WIDTH >> 4) + 2 * j, b + (B_BY_K ? 2 : 128) * j, (k - x.k0) | j);
      warpgroup_commit();
      warpgroup_wait<1>();
      if (before >= 0 && l < TARGETS) release(signal + 8 * before);
      before = stage;
      if (++stage == STAGES) { stage = 0; phase ^= 1; }
    }
    if (PINGPONG && (l & 31) == 0) barrier_arrive(order + 8 * (group ^ 1));
    if (BEFORE && t + s.by < s.total) next = s.at<true>(t + s.by, p);
    warpgroup_wait<0>();
    if (before >= 0 && l < TARGETS) release(signal + 8 * before);
    __syncwarp();
    if constexpr (PARTS > 1) {  // one tile a cluster
      if constexpr (APART) cluster_wait();
      join_parts(acc, p, x, row, sums, joined);
    } else if constexpr (ODD) {
#pragma unroll
      for (int i = 0; i < MI; i++)
#pragma unroll
        for (int c = 0; c < BN / 64; c++) write_odd(acc, i, c, p, x, row, sums + (threadIdx.x >> 5) * 16 * ODD_PITCH);
    } else {
#pragma unroll
      for (int u = 0; u < UNITS; u++) {
        float v[8];
        unit_of(acc, u, v);
        write_unit(v, u, p, x, row);
      }
    }
  }
}

// The first warp begins the barriers while those that feed work out where their first copies begin, which await that warp alone.
// Blocks that share copies meet instead. One thread begins all, at addresses known ahead: lanes of a warp would do so one by one.
DEV void begin(u32 full, u32 empty, u32 order, u32 joined) {
  if (threadIdx.x == 0) {
#pragma unroll
    for (int i = 0; i < STAGES; i++) { barrier_init(full + 8 * i, 2); barrier_init(empty + 8 * i, RELEASES); }
    barrier_init(order, 4);  // by each warp: none may be a turn behind the others of its group
    barrier_init(order + 8, 4);
    barrier_init(joined, 1);
    if constexpr (PARTS > 1) {
      const int part = cluster_rank() % PARTS;
      barrier_expect(joined, part < UNITS ? (PARTS - 1) * ((UNITS - part + PARTS - 1) / PARTS) * 2 * UNIT_BYTES : 0);
    }
    barriers_visible();
  }
  __syncwarp();
  if constexpr (CM * CN == 1) asm volatile("bar.arrive 2, 96;" ::: "memory");
}

DEV void run(const Args& p, const TensorMap& ta, const TensorMap& tb) {
  extern __shared__ __align__(1024) u8 shared[];
  __shared__ alignas(8) u64 bars[2 * STAGES + 3];
  const u32 base = (shared_address(shared) + 1023) & ~1023u, full = shared_address(bars), empty = full + 8 * STAGES;
  const u32 order = empty + 8 * STAGES, joined = order + 16, sums = base + STAGES * STAGE;
  const int feeder = ((int)threadIdx.x - THREADS) >> 5;  // 0 copies a, 1 copies b; below 0: multiplies
  if (feeder < 0) {
    if (threadIdx.x < 32) begin(full, empty, order, joined);
    grow<REGISTERS>();
    const Schedule s(p);
    if constexpr (CM * CN > 1) cluster_begin(); else asm volatile("bar.sync 1, %0;" ::"n"(THREADS) : "memory");
    if constexpr (APART) cluster_arrive();
    consume(p, s, base, full, empty, order, sums, joined);
    return;
  }
  shrink<FEED_REGISTERS>();
  if (feeder == 0) { if (elected()) prefetch_map(ta); } else if (feeder == 1 && elected()) prefetch_map(tb);
  const Schedule s(p);
  Tile x = {};
  Walk walk = {};
  if (feeder < 2) {
    x = s.at(s.first, p);
    if (feeder == 0) walk.start<true>(p, s, x); else walk.start<false>(p, s, x);
  }
  if constexpr (CM * CN > 1) cluster_begin();
  else if (feeder < 2) asm volatile("bar.sync 2, 96;" ::: "memory");
  if constexpr (APART) cluster_arrive();
  if (feeder == 0) feed<true>(p, s, x, walk, ta, base, full, empty);
  else if (feeder == 1) feed<false>(p, s, x, walk, tb, base, full, empty);
  if constexpr (APART) cluster_wait();
}
