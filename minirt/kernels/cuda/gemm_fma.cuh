// GEMM and implicit-GEMM convolution of 32-bit floats by fused multiply-adds: a result is one register's sum along
// ascending k, bit for bit what a loop of fmaf gives (of each part, where K is split).
// The head defines: In (float), BM BN BK STAGES WM WN VEC_A VEC_B, CONV TRANSPOSED A_BY_K B_BY_K SPLIT, struct Args,
// `image(args)`, `finish<V>(values, args, b0, b1, m, n, valid)`.
constexpr int NT = 32 * WM * WN, TM = BM / WM / 4, TN = BN / WN / 8;  // a warp is 4 x 8 threads of TM x TN sums
constexpr int A_BYTES = BM * BK * 4, STAGE = A_BYTES + BN * BK * 4, ROW = BK * 4;
static_assert(BK == 16 && TM % 4 == 0 && TN % 4 == 0, "rows of four chunks, threads of whole chunks");
typedef RowsByTap<In, BM, BK, NT, VEC_A, TRANSPOSED> TapsA;
typedef Choose<A_BY_K, RowsByK<In, BM, BK, NT, VEC_A>, RowsByN<In, BM, BK, NT, VEC_A>>::type MatrixA;
typedef Choose<CONV, TapsA, MatrixA>::type LoadA;
// SPREAD: the four columns of a thread lie apart, so that eight threads read eight neighbours, without bank conflicts
typedef Choose<B_BY_K, RowsByK<In, BN, BK, NT, VEC_B, true>, RowsByN<In, BN, BK, NT, VEC_B>>::type LoadB;

// A half-warp's threads share their rows in pairs of lanes 1 apart and their columns in pairs 2 apart: reads merge.
DEV int thread_x() { const int l = threadIdx.x & 31; return (l & 1) | (l >> 1 & 6); }
DEV int thread_y() { const int l = threadIdx.x & 31; return (l >> 1 & 1) | (l >> 3 & 2); }
DEV int row_of(int i) { return A_BY_K ? thread_y() + 4 * i : 4 * thread_y() + 16 * (i / 4) + i % 4; }

DEV void read4(float (&x)[4], const u8* at) {
  const float4 q = *(const float4*)at;
  x[0] = q.x; x[1] = q.y; x[2] = q.z; x[3] = q.w;
}
// Four ks, the chunk c, of this thread's rows; `tile` starts at the warp's first row.
DEV void read_rows(float (&a)[TM][4], const u8* tile, int row_a, int c) {
  const int ty = thread_y();
  if (A_BY_K) {
    const u8* even = tile + (row_a + ty) * ROW + ((c ^ ty >> 1) << 4);
    const u8* odd = tile + (row_a + ty) * ROW + ((c ^ 2 ^ ty >> 1) << 4);
#pragma unroll
    for (int i = 0; i < TM; i++) read4(a[i], (i & 1 ? odd : even) + 4 * i * ROW);
  } else {
#pragma unroll
    for (int kk = 0; kk < 4; kk++)
#pragma unroll
      for (int h = 0; h < TM / 4; h++) {
        float x[4];
        read4(x, tile + LoadA::slot(4 * c + kk, row_a / 4 + ty + 4 * h));
#pragma unroll
        for (int r = 0; r < 4; r++) a[4 * h + r][kk] = x[r];
      }
  }
}
DEV void multiply(float (&acc)[TM][TN], const u8* tile_a, const u8* tile_b, int row_a, int row_b) {
  const int tx = thread_x();
#pragma unroll 1
  for (int c = 0; c < BK / 4; c++) {
    float a[TM][4];
    read_rows(a, tile_a, row_a, c);
    if (B_BY_K) {
      const u8* from = tile_b + (row_b + tx) * ROW + ((c ^ tx >> 1) << 4);
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
          read4(b, tile_b + LoadB::slot(4 * c + kk, row_b / 4 + tx + 8 * q));
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
        if constexpr (SPLIT) store_part(p, v, m, n, valid); else finish<4>(v, p, b0, b1, m, n, valid);
      }
    }
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const u32 base = shared_address(shared);
  const Corner at = tile_of<BM, BN>(p.m, p.n);
  const int m0 = at.m, n0 = at.n;
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0;
  const int k0 = SPLIT ? blockIdx.y * p.k_part : 0, k1 = SPLIT && k0 + p.k_part < p.k ? k0 + p.k_part : p.k;
  const int count = k1 > k0 ? (k1 - k0 + BK - 1) / BK : 0;
  const int warp = threadIdx.x >> 5, row_a = (warp % WM) * (BM / WM), row_b = (warp / WM) * (BN / WN);
  LoadA a;
  LoadB b;
  a.init((const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1, p.lda, image(p), m0, p.m, k0, k1);
  b.init((const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1, p.ldb, image(p), n0, p.n, k0, k1);
  float acc[TM][TN] = {};
  fill<STAGES, STAGE, A_BYTES>(a, b, base, count, p);
  int stage = 0, next = STAGES - 1;
  for (int k = 0; k < count; k++) {
    copy_wait<STAGES - 2>();
    __syncthreads();
    const bool more = k + STAGES - 1 < count;
    if (more) { a.fetch(base + next * STAGE, image(p)); b.fetch(base + next * STAGE + A_BYTES, image(p)); }
    copy_commit();
    multiply(acc, shared + stage * STAGE, shared + stage * STAGE + A_BYTES, row_a, row_b);
    if (more) { a.settle(base + next * STAGE); b.settle(base + next * STAGE + A_BYTES); }
    if (++stage == STAGES) stage = 0;
    if (++next == STAGES) next = 0;
  }
  write_tile(acc, p, b0, b1, m0 + row_a, n0 + row_b);
}
