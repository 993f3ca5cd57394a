// GEMM and implicit-GEMM convolution on wgmma (sm_90a): persistent blocks of CONSUMERS warpgroups, each of which multiplies
// MI * 64 rows and writes them out; one thread keeps shared memory fed by bulk tensor copies.
// With CLUSTER > 1 the blocks of a cluster share a tile: each takes a part of k, and sums a part of the rows of all.
// The head defines: In, BM BN BK STAGES CONSUMERS MI FEED_WARP CLUSTER AHEAD_B FLIGHT, CONV B_BY_K, `wgmma(...)`, struct Args, `image(args)`,
// `finish<V>(...)`.
constexpr int WIDTH = BK * sizeof(In), A_BYTES = BM * WIDTH, B_BYTES = BN * WIDTH, STAGE = A_BYTES + B_BYTES, STEPS = WIDTH / 32;

struct Tile { int m0, n0, b0, b1, k0, k1; };
struct Schedule {
  int tiles_m, tiles_n, area, total, steps;
  DEV Schedule(const Args& p) {
    tiles_m = (p.m + BM - 1) / BM; tiles_n = (p.n + BN - 1) / BN; area = tiles_m * tiles_n;
    total = area * p.nb0 * p.nb1;
    if constexpr (CONV) steps = image(p).r * image(p).s * ((image(p).c + BK - 1) / BK); else steps = (p.k + BK - 1) / BK;
  }
  // groups of eight rows of tiles share their B tiles in L2
  DEV Tile at(int t, const Args& p) const {
    Tile x = {};
    const u32 z = BATCHED ? (u32)t / (u32)area : 0u, i = t - z * area;
    if (tiles_n == 1) {
      x.m0 = i * BM;
    } else {
      const u32 group = i / (8u * tiles_n), inside = i - group * 8u * tiles_n;
      const u32 left = tiles_m - group * 8, high = left < 8u ? left : 8u, column = inside / high;
      x.m0 = (group * 8 + inside - column * high) * BM; x.n0 = column * BN;
    }
    x.k1 = steps;
    if constexpr (BATCHED) { x.b0 = z / (u32)p.nb1; x.b1 = z - x.b0 * p.nb1; }
    if constexpr (CLUSTER > 1) {
      x.k0 = cluster_rank() * p.k_part;
      if (x.k0 + p.k_part < steps) x.k1 = x.k0 + p.k_part;
    }
    return x;
  }
};

// Fills the stages in order, as far ahead as there are free ones, across the block's tiles. One thread owns it: of a warp of
// its own (FEED_WARP), or, where that would cost the consumers registers that they need, the first of the consumers.
struct Feeder {
  Tile x;
  int t, k, stage, ahead, image_n, h, w;
  u32 phase;
  Tap tap;
  DEV void start(const Args& p, const Schedule& schedule) {
    x = schedule.at(t, p);
    k = x.k0;
    if constexpr (CONV) {
      const Image& g = image(p);
      const int area = g.oh * g.ow, rest = x.m0 % area, per = (g.c + BK - 1) / BK, q = x.k0 / per;
      image_n = x.m0 / area;
      h = rest / g.ow * g.stride_h - g.pad_h; w = rest % g.ow * g.stride_w - g.pad_w;
      tap.r = q / g.s; tap.s = q % g.s; tap.c = (x.k0 - q * per) * BK;
    }
  }
  DEV void copy_b(const Args& p, const TensorMap& tb, u32 to, u32 bar) const {
    if constexpr (CONV) {
      copy_tile3(to, tb, bar, tap.c, tap.r * image(p).s + tap.s, x.n0);
    } else {
      const int b0 = x.b0 * p.tb_b0, b1 = x.b1 * p.tb_b1;
      if constexpr (B_BY_K) {
        copy_tile4(to, tb, bar, k * BK, x.n0, b1, b0);
      } else {
#pragma unroll
        for (int j = 0; j < BN / 64; j++) copy_tile4(to + j * BK * 128, tb, bar, x.n0 + 64 * j, k * BK, b1, b0);
      }
    }
  }
  DEV void advance(const Args& p) {
    ++k;
    if constexpr (CONV) {
      tap.c += BK;
      if (tap.c >= image(p).c) { tap.c = 0; if (++tap.s == image(p).s) { tap.s = 0; ++tap.r; } }
    }
  }
  // What is constant in the first stages, which no launch before writes.
  DEV void constants(const Args& p, const Schedule& schedule, const TensorMap& tb, u32 base, u32 full) {
    ahead = 0;
    if (!AHEAD_B || t >= schedule.total) return;
    const int from = k;
    const Tap tap_from = tap;
    for (; ahead < STAGES && k < x.k1; ahead++, advance(p)) {
      barrier_expect(full + 8 * ahead, STAGE);
      copy_b(p, tb, base + ahead * STAGE + A_BYTES, full + 8 * ahead);
    }
    k = from;
    tap = tap_from;
  }
  DEV void step(const Args& p, const Schedule& schedule, const TensorMap& ta, const TensorMap& tb, u32 base, u32 full, u32 empty) {
    while (t < schedule.total && k >= x.k1) { t += gridDim.x; if (t < schedule.total) start(p, schedule); }
    if (t >= schedule.total) return;
    const u32 bar = full + 8 * stage, to = base + stage * STAGE;
    if (AHEAD_B && ahead > 0) {
      --ahead;
    } else {
      barrier_wait(empty + 8 * stage, phase);
      barrier_expect(bar, STAGE);
      copy_b(p, tb, to + A_BYTES, bar);
    }
    if constexpr (CONV) copy_pixels(to, ta, bar, tap.c, w, h, image_n, (u16)(tap.s * image(p).dil_w), (u16)(tap.r * image(p).dil_h));
    else copy_tile4(to, ta, bar, k * BK, x.m0, x.b1 * p.ta_b1, x.b0 * p.ta_b0);
    advance(p);
    if (++stage == STAGES) { stage = 0; phase ^= 1; }
  }
};

// Eight neighbouring columns of one row: of lane t of a quad, columns 8 t on of the g-th 32; h: the lower eight rows.
DEV void columns_of(const float (&acc)[BN / 2], int g, int h, float (&v)[8]) {
#pragma unroll
  for (int q = 0; q < 8; q++) v[q] = acc[16 * g + 4 * (q / 2) + 2 * h + (q & 1)];
  if constexpr (!ORDERED) quad_transpose(v);
}

DEV void write_tile(float (&acc)[MI][BN / 2], const Args& p, const Tile& x, int row) {
  const int l = threadIdx.x & 31, warp = (threadIdx.x >> 5) & 3;
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int g = 0; g < BN / 32; g++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float v[8];
        columns_of(acc[i], g, h, v);
        const int m = x.m0 + row + 64 * i + 16 * warp + 8 * h + (l >> 2), n = x.n0 + 32 * g + 8 * (l & 3);
        if constexpr (FLIGHT) finish_inside<8>(v, p, x.b0, x.b1, m, n);
        else if (m < p.m && n < p.n) finish<8>(v, p, x.b0, x.b1, m, n, p.n - n);
      }
}

// Sums the parts of a tile in the order of k; the stages, which no one reads any more, hold each block's own.
DEV void share_tile(float (&acc)[MI][BN / 2], const Args& p, const Tile& x, int row, u32 base) {
  constexpr int PITCH = 4 * (BN + 4), THREADS = 128 * CONSUMERS, CHUNKS = BN / 8;
  const int l = threadIdx.x & 31, warp = (threadIdx.x >> 5) & 3;
  asm volatile("bar.sync 1, %0;" ::"n"(THREADS) : "memory");
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int g = 0; g < BN / 32; g++)
#pragma unroll
      for (int h = 0; h < 2; h++) {
        float v[8];
        columns_of(acc[i], g, h, v);
        const u32 at = base + (row + 64 * i + 16 * warp + 8 * h + (l >> 2)) * PITCH + 4 * (32 * g + 8 * (l & 3));
#pragma unroll
        for (int q = 0; q < 2; q++) {
          const u32 w[4] = {__float_as_uint(v[4 * q]), __float_as_uint(v[4 * q + 1]), __float_as_uint(v[4 * q + 2]), __float_as_uint(v[4 * q + 3])};
          store_shared(at + 16 * q, w);
        }
      }
  cluster_sync();
  for (int e = cluster_rank() * THREADS + threadIdx.x; e < BM * CHUNKS; e += CLUSTER * THREADS) {
    const int r = e / CHUNKS, c = e % CHUNKS * 8, m = x.m0 + r, n = x.n0 + c, valid = p.n - n;
    if (m >= p.m || valid <= 0) continue;
    float v[8] = {};
#pragma unroll
    for (int q = 0; q < CLUSTER; q++) {
      const u32 at = cluster_address(base + r * PITCH + 4 * c, q);
      add_from_cluster(v, at);
      add_from_cluster(v + 4, at + 16);
    }
    finish<8>(v, p, x.b0, x.b1, m, n, valid);
  }
  cluster_sync();
}

DEV void run(const Args& p, const TensorMap& ta, const TensorMap& tb) {
  extern __shared__ __align__(1024) u8 shared[];
  __shared__ alignas(8) u64 bars[2 * STAGES];
  const u32 base = (shared_address(shared) + 1023) & ~1023u, full = shared_address(bars), empty = full + 8 * STAGES;
  const Schedule schedule(p);
  const bool first = (threadIdx.x & 127) == 0;
  Feeder feeder;
  if (threadIdx.x == 0) {
    prefetch_map(ta);
    prefetch_map(tb);
    for (int i = 0; i < STAGES; i++) { barrier_init(full + 8 * i, 1); barrier_init(empty + 8 * i, CONSUMERS); }
    barriers_visible();
  }
  if (threadIdx.x == (FEED_WARP ? 128 * CONSUMERS : 0)) {
    feeder.t = blockIdx.x / CLUSTER; feeder.stage = 0; feeder.phase = 1;
    if (feeder.t < schedule.total) feeder.start(p, schedule);
  }
  __syncthreads();
  if (threadIdx.x == (FEED_WARP ? 128 * CONSUMERS : 0)) feeder.constants(p, schedule, tb, base, full);
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
  if constexpr (FEED_WARP) {
    if (threadIdx.x >= 128 * CONSUMERS) {
      if (threadIdx.x == 128 * CONSUMERS) while (feeder.t < schedule.total) feeder.step(p, schedule, ta, tb, base, full, empty);
      return;
    }
  } else if (threadIdx.x == 0) {
    for (int i = 0; i < STAGES; i++) feeder.step(p, schedule, ta, tb, base, full, empty);
  }
  const int row = (threadIdx.x >> 7) * MI * 64;
  int stage = 0;
  u32 phase = 0;
  Tile next = schedule.at(blockIdx.x / CLUSTER, p);
  if (AHEAD && blockIdx.x / CLUSTER < schedule.total) fetch_ahead<BM, BN, 128 * CONSUMERS>(p, next.b0, next.b1, next.m0, next.n0);
  for (int t = blockIdx.x / CLUSTER; t < schedule.total; t += gridDim.x) {
    const Tile x = next;
    if (t + gridDim.x < schedule.total) {
      next = schedule.at(t + gridDim.x, p);
      if (AHEAD) fetch_ahead<BM, BN, 128 * CONSUMERS>(p, next.b0, next.b1, next.m0, next.n0);
    }
    float acc[MI][BN / 2];
    if (CLUSTER > 1 && x.k0 >= x.k1) {
#pragma unroll
      for (int i = 0; i < MI * BN / 2; i++) acc[i / (BN / 2)][i % (BN / 2)] = 0.f;
    }
    int before = -1;
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
      if (before >= 0) {
        if (first) barrier_arrive(empty + 8 * before);
        if (!FEED_WARP && threadIdx.x == 0) feeder.step(p, schedule, ta, tb, base, full, empty);
        __syncwarp();
      }
      before = stage;
      if (++stage == STAGES) { stage = 0; phase ^= 1; }
    }
    warpgroup_wait<0>();
    if (before >= 0) {
      if (first) barrier_arrive(empty + 8 * before);
      if (!FEED_WARP && threadIdx.x == 0) feeder.step(p, schedule, ta, tb, base, full, empty);
      __syncwarp();
    }
    if constexpr (CLUSTER > 1) share_tile(acc, p, x, row, base); else write_tile(acc, p, x, row);
  }
}
