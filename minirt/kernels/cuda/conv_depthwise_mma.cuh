// Depthwise convolution of 16-bit floats on tensor cores, channels last, stride 1, no dilation: for each channel and row of
// taps, sixteen windows of 16 pixels [16, 16] times the taps as a banded matrix [16, 8] give eight pixels of each window.
// The head defines: In, G (groups of 8 channels of a block), WARPS, IMAGES, NS strips of L rows, NX windows, R S, WP (pixels
// from row to row in shared memory), PLANE (pixels of a group), struct Args (a: image, b: weights [R * S, C]), `image(args)`,
// `finish<V>(...)`.  WP * L is 4 modulo 8, and NS even or 1, so that the lanes that read at once meet different banks.
constexpr int HIGH = NS * L, ROWS = HIGH + R - 1, COLUMNS = NX * 8 + 8, USED = NX * 8 + S - 1, THREADS = WARPS * 32;
constexpr int WINDOWS = IMAGES * NX * NS, TASKS = (WINDOWS + 15) / 16;

DEV u32 low_halves(u32 x, u32 y) { return __byte_perm(x, y, 0x5410); }
DEV u32 high_halves(u32 x, u32 y) { return __byte_perm(x, y, 0x7632); }
DEV u32 halves(const Word4& x, const Word4& y, int c) {
  return c & 1 ? high_halves(x.w[c / 2], y.w[c / 2]) : low_halves(x.w[c / 2], y.w[c / 2]);
}

// The image's part under the block's tile: [G, IMAGES, ROWS, WP] pixels of 16 bytes, zeros where there is none.
DEV void fill(u32 to, const Args& p, const Image& g, int n0, int y0, int x0, int c0) {
#pragma unroll 4
  for (int i = threadIdx.x; i < IMAGES * ROWS * COLUMNS * G; i += THREADS) {
    const int chunk = i % G, at = i / G, x = at % COLUMNS, row = at / COLUMNS, r = row % ROWS, n = n0 + row / ROWS;
    const int xx = x0 - g.pad_w + x, yy = y0 - g.pad_h + r, c = c0 + chunk * 8;
    const bool there = (u32)xx < (u32)g.w && (u32)yy < (u32)g.h && x < USED && c < g.c && (i64)n * g.oh * g.ow < p.m;
    const In* from = (const In*)p.a + (there ? n * g.sn + yy * g.sh + xx * g.sw + c : 0);
    copy_async<16>(to + (chunk * PLANE + row * WP + x) * 16, from, there ? 16 : 0);
  }
  copy_commit();
}

// The taps of 8 channels as the second operand: a lane's columns are t, t + 4, t + 8, t + 12 of a window, its output `q`.
DEV void bands(u32 (&b)[R][2][8], const In* weight, int channels, int q, int t) {
#pragma unroll
  for (int r = 0; r < R; r++) {
    Word4 w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int s = t + 4 * i - q;
      w[i] = Word4{};
      if ((u32)s < (u32)S) w[i] = read16(weight + (r * S + s) * channels);
    }
#pragma unroll
    for (int c = 0; c < 8; c++) { b[r][0][c] = halves(w[0], w[1], c); b[r][1][c] = halves(w[2], w[3], c); }
  }
}

struct Place { int n, strip, x; };
DEV Place place_of(int window) {
  const int rest = window / NS, n = rest / NX;
  return Place{n, (window - rest * NS) * L, (rest - n * NX) * 8};
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const Image g = image(p);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, q = lane >> 2, t = lane & 3, group = warp % G;
  const u32 blocks = (g.c + 8 * G - 1) / (8 * G), across = (g.ow + 8 * NX - 1) / (8 * NX), down = (g.oh + HIGH - 1) / HIGH;
  const u32 i = blockIdx.x / blocks, j = i / across, k = j / down;
  const int c0 = (blockIdx.x - i * blocks) * 8 * G, x0 = (i - j * across) * 8 * NX, y0 = (j - k * down) * HIGH, n0 = k * IMAGES;
  const int c = c0 + group * 8;
  fill(shared_address(shared), p, g, n0, y0, x0, c0);
  u32 b[R][2][8] = {};
  if (c < g.c) bands(b, (const In*)p.b + c, g.c, q, t);
  copy_wait<0>();
  __syncthreads();
  if (c >= g.c) return;
  const Word4* plane = (const Word4*)shared + group * PLANE;
#pragma unroll 1
  for (int task = warp / G; task < TASKS; task += WARPS / G) {
    const int first = task * 16 + q, second = first + 8;
    const Place one = place_of(first < WINDOWS ? first : 0), two = place_of(second < WINDOWS ? second : 0);
    const Word4* from[2] = {plane + (one.n * ROWS + one.strip) * WP + one.x + t, plane + (two.n * ROWS + two.strip) * WP + two.x + t};
    float acc[L][8][4] = {};
#pragma unroll
    for (int row = 0; row < L + R - 1; row++) {
      Word4 w[2][4];
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int e = 0; e < 4; e++) w[h][e] = from[h][row * WP + 4 * e];
#pragma unroll
      for (int v = 0; v < 8; v++) {
        const u32 a[4] = {halves(w[0][0], w[0][1], v), halves(w[1][0], w[1][1], v), halves(w[0][2], w[0][3], v), halves(w[1][2], w[1][3], v)};
#pragma unroll
        for (int y = 0; y < L; y++)
          if (row >= y && row - y < R) mma(In{}, acc[y][v], a, b[row >= y && row - y < R ? row - y : 0][0][v], b[row >= y && row - y < R ? row - y : 0][1][v]);
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const Place at = h ? two : one;
      if ((h ? second : first) >= WINDOWS || (i64)(n0 + at.n) * g.oh * g.ow >= p.m) continue;
#pragma unroll
      for (int y = 0; y < L; y++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          const int yy = y0 + at.strip + y, xx = x0 + at.x + 2 * t + e;
          float v[8];
#pragma unroll
          for (int m = 0; m < 8; m++) v[m] = acc[y][m][h * 2 + e];
          if (yy < g.oh && xx < g.ow) finish<8>(v, p, 0, 0, ((n0 + at.n) * g.oh + yy) * g.ow + xx, c, 8);
        }
    }
  }
}
