// GEMM and implicit-GEMM convolution without tensor cores: exact products in the accumulator's type, any shape and strides.
// Strides of rows and of k are free; A_BY_K, B_BY_K say only along which neighbouring threads read.
// The head defines: In, Acc, BM BN (64 or 128), CONV TRANSPOSED A_BY_K B_BY_K, struct Args, `image(args)`, `finish<4>(...)`.
constexpr int BK = 16, NT = 256, PM = BM / 64, PN = BN / 64, RA = BM / 16, RB = BN / 16, LDA = BM + 4, LDB = BN + 4;

// This thread's elements of an operand: rows row(i), one k for all (by k), or ks of one row (by n).
template <int ROWS, bool BY_K> DEV int row_of(int i) { return BY_K ? threadIdx.x / BK + i * (NT / BK) : threadIdx.x % ROWS; }
template <int ROWS, bool BY_K> DEV int k_of(int i) { return BY_K ? threadIdx.x % BK : threadIdx.x / ROWS + i * (NT / ROWS); }

template <int ROWS, bool BY_K> struct Operand {
  const In* base;
  i64 row_step, k_step;
  int rows, kend, k;
  DEV void init(const In* p, i64 rs, i64 ks, const Image&, int first, int total, int kmax) {
    base = p + first * rs; row_step = rs; k_step = ks; rows = total - first; kend = kmax; k = 0;
  }
  DEV void fetch(In (&x)[ROWS / 16], const Image&) {
#pragma unroll
    for (int i = 0; i < ROWS / 16; i++) {
      const int row = row_of<ROWS, BY_K>(i), kk = k + k_of<ROWS, BY_K>(i);
      x[i] = row < rows && kk < kend ? base[row * row_step + kk * k_step] : In{};
    }
    k += BK;
  }
};
struct Taps {
  const In* base;
  Tap tap;
  Pixel px[RA];
  DEV void init(const In* p, i64, i64, const Image& g, int first, int total, int) {
    base = p;
    tap.at(threadIdx.x % BK, g);
#pragma unroll
    for (int i = 0; i < RA; i++) { int m = first + row_of<BM, true>(i); px[i] = pixel_at(m, m < total, g, TRANSPOSED); }
  }
  DEV void fetch(In (&x)[RA], const Image& g) {
#pragma unroll
    for (int i = 0; i < RA; i++) {
      i64 at = pixel_offset<TRANSPOSED>(px[i], tap, g);
      x[i] = at >= 0 ? base[at + tap.c * g.sc] : In{};
    }
    tap.move(BK, g);
  }
};
template <int ROWS, bool BY_K, int LD> DEV void settle(Acc* tile, const In (&x)[ROWS / 16]) {
#pragma unroll
  for (int i = 0; i < ROWS / 16; i++) tile[k_of<ROWS, BY_K>(i) * LD + row_of<ROWS, BY_K>(i)] = (Acc)widen(x[i]);
}
template <int PARTS> DEV void read_tile(Acc (&x)[PARTS * 4], const Acc* at) {
#pragma unroll
  for (int q = 0; q < PARTS; q++)
#pragma unroll
    for (int j = 0; j < 4; j++) x[4 * q + j] = at[64 * q + j];
}

DEV void run(const Args& p) {
  __shared__ alignas(16) Acc tile_a[2][BK * LDA], tile_b[2][BK * LDB];
  const int tiles_n = (p.n + BN - 1) / BN, m0 = (blockIdx.x / tiles_n) * BM, n0 = (blockIdx.x % tiles_n) * BN;
  const int b0 = BATCHED ? blockIdx.z / p.nb1 : 0, b1 = BATCHED ? blockIdx.z - b0 * p.nb1 : 0, tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const In* pa = (const In*)p.a + b0 * p.a_b0 + b1 * p.a_b1;
  const In* pb = (const In*)p.b + b0 * p.b_b0 + b1 * p.b_b1;
  Operand<BN, B_BY_K> b;
  b.init(pb, p.ldb, p.b_k, image(p), n0, p.n, p.k);
  Choose<CONV, Taps, Operand<BM, A_BY_K>>::type a;
  a.init(pa, p.lda, p.a_k, image(p), m0, p.m, p.k);
  Acc acc[4 * PM][4 * PN];
#pragma unroll
  for (int i = 0; i < 4 * PM; i++)
#pragma unroll
    for (int j = 0; j < 4 * PN; j++) acc[i][j] = (Acc)0;
  In xa[RA], xb[RB];
  const int count = (p.k + BK - 1) / BK;
  if (count > 0) {
    a.fetch(xa, image(p));
    b.fetch(xb, image(p));
    settle<BM, CONV || A_BY_K, LDA>(tile_a[0], xa);
    settle<BN, B_BY_K, LDB>(tile_b[0], xb);
  }
  __syncthreads();
  for (int k = 0; k < count; k++) {
    const int now = k & 1;
    const bool more = k + 1 < count;
    if (more) { a.fetch(xa, image(p)); b.fetch(xb, image(p)); }
#pragma unroll
    for (int kk = 0; kk < BK; kk++) {
      Acc va[4 * PM], vb[4 * PN];
      read_tile<PM>(va, tile_a[now] + kk * LDA + 4 * ty);
      read_tile<PN>(vb, tile_b[now] + kk * LDB + 4 * tx);
#pragma unroll
      for (int i = 0; i < 4 * PM; i++)
#pragma unroll
        for (int j = 0; j < 4 * PN; j++) acc[i][j] += va[i] * vb[j];
    }
    if (more) {
      settle<BM, CONV || A_BY_K, LDA>(tile_a[now ^ 1], xa);
      settle<BN, B_BY_K, LDB>(tile_b[now ^ 1], xb);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4 * PM; i++)
#pragma unroll
    for (int q = 0; q < PN; q++) {
      const int m = m0 + (i / 4) * 64 + ty * 4 + i % 4, n = n0 + q * 64 + tx * 4;
      Acc v[4] = {acc[i][4 * q], acc[i][4 * q + 1], acc[i][4 * q + 2], acc[i][4 * q + 3]};
      if (m < p.m && n < p.n) finish<4>(v, p, b0, b1, m, n, p.n - n);
    }
}
