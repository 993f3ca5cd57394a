// Convolution of two to four channels (first layers) on mma.sync, bound by what it reads and writes: a block takes tiles of
// TH x 16 pixels in turn, while the next tile's patch of the image is on its way to registers. The patch lies in shared memory as
// pixels of four channels, so that what a row of taps covers is contiguous, and fragments are read from it as they are.
// Weights, [O, R, the row of taps padded], stay in shared memory in the order of fragments; k and columns are taken in the order
// of gemm_slim.cuh. What lies beyond the last tap of a row counts as zero.
// The head defines: In (f16, bf16), TH WARPS MI (TH = WARPS * MI), BN (a multiple of 32), CN (32 or 64 columns at a time), R S
// STRIDE_H STRIDE_W CHANNELS PH PW (the patch, PW even), GROUPS (of 32 k in a row of taps) and TAIL (16 more), struct Args,
// `image(args)`, `finish<V>(...)`.
constexpr int NT = 32 * WARPS, TW = 16, ROW = GROUPS * 512 + TAIL * 256, BLOCK = R * ROW, CHUNKS = 4 * GROUPS + 2 * TAIL;
constexpr int PIXELS = PH * PW, COUNT = (PIXELS + NT - 1) / NT, B_AT = (PIXELS * 8 + 15) / 16 * 16;

DEV void load_shared4(u32* x, u32 at) {
  asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];" : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(at));
}
DEV void load_shared2(u32* x, u32 at) { asm volatile("ld.shared.v2.b32 {%0,%1}, [%2];" : "=r"(x[0]), "=r"(x[1]) : "r"(at)); }
DEV void store_shared2(u32 at, u32 x, u32 y) { asm volatile("st.shared.v2.b32 [%0], {%1,%2};" ::"r"(at), "r"(x), "r"(y) : "memory"); }

struct Spot {
  int img, y0, x0;
  DEV Spot(int t, const Image& g) {
    const int across = (g.ow + TW - 1) / TW, down = (g.oh + TH - 1) / TH, rest = t / across;
    x0 = (t - rest * across) * TW; img = rest / down; y0 = (rest - img * down) * TH;
  }
};

struct Patch {
  u16 held[COUNT][CHANNELS];
  DEV void fetch(const Args& p, const Spot& s) {
    const Image& g = image(p);
    const int top = s.y0 * STRIDE_H - g.pad_h, left = s.x0 * STRIDE_W - g.pad_w;
    const u16* from = (const u16*)p.a + s.img * g.sn;
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const int at = threadIdx.x + i * NT, y = top + at / PW, x = left + at % PW;
      const bool in = (u32)y < (u32)g.h && (u32)x < (u32)g.w && at < PIXELS;
      const u16* pixel = from + y * g.sh + x * g.sw;
#pragma unroll
      for (int c = 0; c < CHANNELS; c++) held[i][c] = in ? pixel[c * g.sc] : (u16)0;
    }
  }
  DEV void settle(u32 to) const {
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const int at = threadIdx.x + i * NT;
      u32 w[2] = {};
#pragma unroll
      for (int c = 0; c < CHANNELS; c++) w[c / 2] |= (u32)held[i][c] << (c % 2 * 16);
      if (at < PIXELS) store_shared2(to + at * 8, w[0], w[1]);
    }
  }
};

DEV void load_weights(u32 to, const Args& p) {
  for (int i = threadIdx.x; i < BN * R * CHUNKS; i += NT) {
    const int column = i / (R * CHUNKS), rest = i % (R * CHUNKS), r = rest / CHUNKS, chunk = rest % CHUNKS;
    const Word4 q = column < p.n ? read16((const In*)p.b + (i64)i * 8) : Word4{};
    const int block = column / 32 * 4 + (column >> 1 & 3), g = 2 * (column >> 3 & 3) + (column & 1);
    const int whole = chunk / 4 * 512 + (4 * g + chunk % 4) * 16, tail = GROUPS * 512 + (4 * g + 2 * (chunk - 4 * GROUPS)) * 8;
    store_shared(to + block * BLOCK + r * ROW + (chunk < 4 * GROUPS ? whole : tail), q.w);
  }
}

// Words of the fragments of 8 pixels from `at` on, of the q-th 32 k of a row of taps (four), or of its tail (two).
template <bool WHOLE> DEV void load_pixels(u32* x, u32 at, int q) {
  const int t = threadIdx.x & 3;
  if constexpr (WHOLE) {
    if constexpr (STRIDE_W % 2 == 0) load_shared4(x, at + q * 64 + t * 16);
    else { load_shared2(x, at + q * 64 + t * 16); load_shared2(x + 2, at + q * 64 + t * 16 + 8); }
#pragma unroll
    for (int w = 0; w < 4; w++) if (8 * q + 6 + w / 2 >= S && 8 * q + 2 * t + w / 2 >= S) x[w] = 0;
  } else {
    load_shared2(x, at + q * 64 + t * 8);
#pragma unroll
    for (int w = 0; w < 2; w++) if (8 * q + 3 >= S && 8 * q + t >= S) x[w] = 0;
  }
}

DEV void add_row(float (&acc)[MI][CN / 8][4], u32 pixels, u32 weights) {
  const int l = threadIdx.x & 31;
#pragma unroll
  for (int q = 0; q < GROUPS + TAIL; q++) {
    u32 lower[MI][4], upper[MI][4];
#pragma unroll
    for (int i = 0; i < MI; i++) {
      const u32 at = pixels + i * STRIDE_H * PW * 8;
      if (q < GROUPS) { load_pixels<true>(lower[i], at, q); load_pixels<true>(upper[i], at + 8 * STRIDE_W * 8, q); }
      else { load_pixels<false>(lower[i], at, q); load_pixels<false>(upper[i], at + 8 * STRIDE_W * 8, q); }
    }
#pragma unroll
    for (int j = 0; j < CN / 8; j++) {
      u32 b[4];
      if (q < GROUPS) load_shared4(b, weights + j * BLOCK + q * 512 + l * 16); else load_shared2(b, weights + j * BLOCK + GROUPS * 512 + l * 8);
#pragma unroll
      for (int half = 0; half < (q < GROUPS ? 2 : 1); half++)
#pragma unroll
        for (int i = 0; i < MI; i++) {
          const u32 a[4] = {lower[i][2 * half], upper[i][2 * half], lower[i][2 * half + 1], upper[i][2 * half + 1]};
          mma(In{}, acc[i][j], a, b[2 * half], b[2 * half + 1]);
        }
    }
  }
}

DEV void write_columns(const float (&acc)[MI][CN / 8][4], const Args& p, const Spot& s, int c) {
  const Image& g = image(p);
  const int l = threadIdx.x & 31, warp = threadIdx.x >> 5;
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int q = 0; q < CN / 32; q++) {
        float v[8];
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] = acc[i][4 * q + (e >> 1)][2 * h + (e & 1)];
        const int y = s.y0 + warp * MI + i, x = s.x0 + 8 * h + (l >> 2), n = c + 32 * q + 8 * (l & 3);
        if (y < g.oh && x < g.ow && n < p.n) finish<8>(v, p, 0, 0, (s.img * g.oh + y) * g.ow + x, n, p.n - n);
      }
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const u32 patch = shared_address(shared), weights = patch + B_AT;
  const Image& g = image(p);
  const int l = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const int total = (g.ow + TW - 1) / TW * ((g.oh + TH - 1) / TH) * (p.m / (g.oh * g.ow));
  int t = blockIdx.x;
  Patch next;
  if (t < total) next.fetch(p, Spot(t, g));
  load_weights(weights, p);
  for (; t < total; t += gridDim.x) {
    const Spot spot(t, g);
    __syncthreads();
    next.settle(patch);
    __syncthreads();
    if (t + gridDim.x < total) next.fetch(p, Spot(t + gridDim.x, g));
    const u32 pixels = patch + (warp * MI * STRIDE_H * PW + (l >> 2) * STRIDE_W) * 8;
#pragma unroll 1
    for (int c = 0; c < BN; c += CN) {
      float acc[MI][CN / 8][4] = {};
#pragma unroll(R <= 3 ? R : 1)
      for (int r = 0; r < R; r++) add_row(acc, pixels + r * PW * 8, weights + c / 8 * BLOCK + r * ROW);
      write_columns(acc, p, spot, c);
    }
  }
}
