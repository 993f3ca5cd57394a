// GEMM and implicit-GEMM convolution of 32-bit floats by fused multiply-adds: a result is one register's sum along
// ascending k, bit for bit what a loop of fmaf gives (of each part, where K is split).
// The head defines: In (float), BM BN BK STAGES WM WN VEC_A VEC_B, CONV TRANSPOSED A_BY_K B_BY_K SPLIT SMALL (the
// image has less than 2^31 elements), struct Args,
// `image(args)`, `finish<V>(values, args, b0, b1, m, n, valid)`.
constexpr int NT = 32 * WM * WN, TM = BM / WM / 4, TN = BN / WN / 8;  // a warp is 4 x 8 threads of TM x TN sums
constexpr int A_BYTES = BM * BK * 4, STAGE = A_BYTES + BN * BK * 4, ROW = BK * 4;
typedef Choose<SMALL, u32, i64>::type Offset;  // of an element of the image
static_assert(BK == 16 && TM % 4 == 0 && TN % 4 == 0, "rows of four chunks, threads of whole chunks");

// Output pixels of the rows, whole chunks of channels: offsets from the image's start hold the first tap's place, so that
// a fetch adds the tap's offset, which all rows share.
struct PixelRows {
  static constexpr int CH = BK / 4, STEP = NT / CH, COUNT = BM / STEP;
  const In* base;
  int first, left;
  Tap tap;
  Offset at[COUNT];
  int h[COUNT], w[COUNT];
  DEV void init(const In* p, i64, const Image& g, int m0, int total, int k0, int k1) {
    const int kc = threadIdx.x % CH, row = threadIdx.x / CH;
    base = p; left = k1 - k0 - kc * 4;
    first = row * ROW + ((kc ^ (row >> 1 & 3)) << 4);
    tap.at(k0 + kc * 4, g);
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const int m = m0 + row + i * STEP;
      const Pixel px = pixel_at(m, m < total, g, false);
      h[i] = px.h; w[i] = px.w;
      at[i] = (Offset)px.n * (Offset)g.sn + (Offset)px.h * (Offset)g.sh + (Offset)px.w * (Offset)g.sw;  // wraps, then back
    }
  }
  DEV void fetch(u32 to, const Image& g) {
    const int y = tap.r * g.dil_h, x = tap.s * g.dil_w;
    const Offset tapped = (Offset)y * (Offset)g.sh + (Offset)x * (Offset)g.sw + tap.c;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const bool ok = (u32)(h[i] + y) < (u32)g.h && (u32)(w[i] + x) < (u32)g.w && left > 0;
      copy_async<16>(to + first + i * STEP * ROW, base + (ok ? at[i] + tapped : 0), ok ? 16 : 0);
    }
    tap.move(BK, g);
    left -= BK;
  }
  DEV void settle(u32) {}
};
// Rows of b by whole chunks of k; SPREAD: the four columns of a thread lie apart, so that eight threads read eight
// neighbours, without bank conflicts.
template <int ROWS, bool SPREAD> struct ChunkRows {
  static constexpr int CH = BK / 4, STEP = NT / CH, COUNT = ROWS / STEP;
  static_assert(STEP % 32 == 0, "a thread's rows are whole groups apart");
  const In* at;
  i64 ld;
  int first, rows, left;
  DEV void init(const In* p, i64 pitch, const Image&, int n0, int total, int k0, int k1) {
    const int kc = threadIdx.x % CH, row = threadIdx.x / CH, n = SPREAD ? (row & ~31) | (row & 7) << 2 | (row >> 3 & 3) : row;
    first = row * ROW + ((kc ^ (row >> 1 & 3)) << 4);
    at = p + (i64)(n0 + n) * pitch + k0 + kc * 4;
    ld = pitch; rows = total - n0 - n; left = k1 - k0 - kc * 4;
  }
  DEV void fetch(u32 to, const Image&) {
    const int bytes = left < 4 ? (left < 0 ? 0 : left * 4) : 16;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const bool ok = i * STEP < rows && bytes > 0;
      copy_async<16>(to + first + i * STEP * ROW, ok ? at + i * STEP * ld : to_valid(), ok ? bytes : 0);
    }
    at += BK;
    left -= BK;
  }
  DEV const In* to_valid() const { return (const In*)((u64)at & ~15ull); }  // never read: 0 bytes are asked for
  DEV void settle(u32) {}
};
constexpr bool PIXELS = VEC_A == 4 && !TRANSPOSED;
typedef Choose<PIXELS, PixelRows, RowsByTap<In, BM, BK, NT, VEC_A, TRANSPOSED>>::type TapsA;
typedef Choose<VEC_A == 4, ChunkRows<BM, false>, RowsByK<In, BM, BK, NT, VEC_A>>::type MatrixByK;
typedef Choose<A_BY_K, MatrixByK, RowsByN<In, BM, BK, NT, VEC_A>>::type MatrixA;
typedef Choose<CONV, TapsA, MatrixA>::type LoadA;
typedef Choose<VEC_B == 4, ChunkRows<BN, true>, RowsByK<In, BN, BK, NT, VEC_B, true>>::type ColumnsByK;
typedef RowsByN<In, BN, BK, NT, VEC_B> ColumnsByN;
typedef Choose<B_BY_K, ColumnsByK, ColumnsByN>::type LoadB;

// A half-warp's threads share their rows in pairs of lanes 1 apart and their columns in pairs 2 apart: reads merge.
DEV int thread_x() { const int l = threadIdx.x & 31; return (l & 1) | (l >> 1 & 6); }
DEV int thread_y() { const int l = threadIdx.x & 31; return (l >> 1 & 1) | (l >> 3 & 2); }
DEV int row_of(int i) { return A_BY_K ? thread_y() + 4 * i : 4 * thread_y() + 16 * (i / 4) + i % 4; }

DEV void read4(float (&x)[4], u32 at) {
  asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(x[0]), "=f"(x[1]), "=f"(x[2]), "=f"(x[3]) : "r"(at));
}
// Four ks, the chunk c, of this thread's rows; `even` is where chunk 0 of its first row lies.
DEV void read_rows(float (&a)[TM][4], u32 even, int c) {
  if (A_BY_K) {
    const u32 at = even ^ c << 4, odd = at ^ 32;
#pragma unroll
    for (int i = 0; i < TM; i++) read4(a[i], (i & 1 ? odd : at) + 4 * i * ROW);
  } else {
#pragma unroll
    for (int kk = 0; kk < 4; kk++)
#pragma unroll
      for (int h = 0; h < TM / 4; h++) {
        float x[4];
        read4(x, (even + (4 * c + kk) * BM * 4) ^ kk << 5 ^ h << 6);
#pragma unroll
        for (int r = 0; r < 4; r++) a[4 * h + r][kk] = x[r];
      }
  }
}
// Adds the products of a tile's ks in their order; `from_a`, `from_b`: where this thread's first chunks lie.
DEV void multiply(float (&acc)[TM][TN], u32 from_a, u32 from_b) {
#pragma unroll 1
  for (int c = 0; c < BK / 4; c++) {
    float a[TM][4];
    read_rows(a, from_a, c);
    if (B_BY_K) {
      const u32 from = from_b ^ c << 4;
#pragma unroll
      for (int j = 0; j < TN; j++) {
        float b[4];
        read4(b, from + (32 * (j / 4) + 8 * (j % 4)) * ROW);
#pragma unroll
        for (int kk = 0; kk < 4; kk++)
#pragma unroll
          for (int i = 0; i < TM; i++) acc[i][j] = fmaf(a[i][kk], b[kk], acc[i][j]);
      }
    } else {
#pragma unroll
      for (int q = 0; q < TN / 4; q++)
#pragma unroll
        for (int kk = 0; kk < 4; kk++) {
          float b[4];
          read4(b, (from_b + (4 * c + kk) * BN * 4 + 128 * q) ^ kk << 5);
#pragma unroll
          for (int j = 0; j < 4; j++)
#pragma unroll
            for (int i = 0; i < TM; i++) acc[i][4 * q + j] = fmaf(a[i][kk], b[j], acc[i][4 * q + j]);
        }
    }
  }
}

DEV void write_tile(const float (&acc)[TM][TN], const Args& p, int b0, int b1, int m0, int n0) {
#pragma unroll
  for (int i = 0; i < TM; i++)
#pragma unroll
    for (int q = 0; q < TN / 4; q++) {
      const int m = m0 + row_of(i), n = n0 + 32 * q + 4 * thread_x(), valid = p.n - n;
      float v[4] = {acc[i][4 * q], acc[i][4 * q + 1], acc[i][4 * q + 2], acc[i][4 * q + 3]};
      if (m < p.m && valid > 0) {
        if constexpr (SPLIT) {
          float* to = p.partial + (((i64)blockIdx.y * gridDim.z + blockIdx.z) * p.m + m) * p.n + n;
          if ((p.n & 3) == 0) store_fast<4>(to, v); else store_slow<float, 4, float>(to, v, 1, valid);
        } else {
          finish<4>(v, p, b0, b1, m, n, valid);
        }
      }
    }
}

// The first row and column of a block's tile; groups of eight rows of tiles share their B tiles in L2.
DEV void tile_at(int block, const Args& p, int& m0, int& n0) {
  const int tiles_n = (p.n + BN - 1) / BN, tiles_m = (p.m + BM - 1) / BM;
  const int group = block / (8 * tiles_n), in_group = block - group * 8 * tiles_n;
  const int high = tiles_m - group * 8 < 8 ? tiles_m - group * 8 : 8;
  m0 = (group * 8 + in_group % high) * BM;
  n0 = in_group / high * BN;
}
DEV int block_again() { int x; asm volatile("mov.u32 %0, %%ctaid.x;" : "=r"(x)); return x; }

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const u32 base = shared_address(shared);
  int m0, n0;
  tile_at(blockIdx.x, p, m0, n0);
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0;
  const int k0 = SPLIT ? blockIdx.y * p.k_part : 0, k1 = SPLIT && k0 + p.k_part < p.k ? k0 + p.k_part : p.k;
  const int count = k1 > k0 ? (k1 - k0 + BK - 1) / BK : 0;
  const int warp = threadIdx.x >> 5, row_a = (warp % WM) * (BM / WM), row_b = (warp / WM) * (BN / WN);
  const int ty = thread_y(), tx = thread_x();
  const u32 first_a = A_BY_K ? (row_a + ty) * ROW + (ty >> 1 << 4) : row_a * 4 + ty * 16;
  const u32 first_b = A_BYTES + (B_BY_K ? (row_b + tx) * ROW + (tx >> 1 << 4) : row_b * 4 + tx * 16);
  LoadA a;
  LoadB b;
  a.init((const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1, p.lda, image(p), m0, p.m, k0, k1);
  b.init((const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1, p.ldb, image(p), n0, p.n, k0, k1);
  float acc[TM][TN] = {};
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (s < count) {
      a.fetch(base + s * STAGE, image(p));
      b.fetch(base + s * STAGE + A_BYTES, image(p));
      a.settle(base + s * STAGE);
      b.settle(base + s * STAGE + A_BYTES);
    }
    copy_commit();
  }
  int stage = 0, next = STAGES - 1;
  for (int k = 0; k < count; k++) {
    copy_wait<STAGES - 2>();
    __syncthreads();
    const bool more = k + STAGES - 1 < count;
    if (more) { a.fetch(base + next * STAGE, image(p)); b.fetch(base + next * STAGE + A_BYTES, image(p)); }
    copy_commit();
    multiply(acc, base + stage * STAGE + first_a, base + stage * STAGE + first_b);
    if (more) { a.settle(base + next * STAGE); b.settle(base + next * STAGE + A_BYTES); }
    if (++stage == STAGES) stage = 0;
    if (++next == STAGES) next = 0;
  }
  tile_at(block_again(), p, m0, n0);  // which is cheaper than to hold them all along
  write_tile(acc, p, b0, b1, m0 + row_a, n0 + row_b);
}
