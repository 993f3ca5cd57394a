// Depthwise convolution of 16-bit floats on tensor cores, channels last, stride 1, no dilation: for each channel and row of
// taps, sixteen windows of 16 pixels [16, 16] times the taps as a banded matrix [16, 8] give eight pixels of each window.
// The head defines: In, G (groups of 8 channels of a block), WARPS, IMAGES, NS strips of L rows, NX windows, R S, BUFFERS, WAIT,
// WP (pixels from row to row in shared memory), PLANE (pixels of a group), struct Args (a: image, b: weights [R * S, C]), `image(args)`,
// `finish<V>(...)`.  WP * L is 4 modulo 8, and NS even or 1, so that the lanes that read at once meet different banks.
constexpr int HIGH = NS * L, ROWS = HIGH + R - 1, COLUMNS = NX * 8 + 8, USED = NX * 8 + S - 1, THREADS = WARPS * 32;
constexpr int WINDOWS = IMAGES * NX * NS, TASKS = (WINDOWS + 15) / 16;

DEV u32 low_halves(u32 x, u32 y) { return __byte_perm(x, y, 0x5410); }
DEV u32 high_halves(u32 x, u32 y) { return __byte_perm(x, y, 0x7632); }
DEV u32 halves(const Word4& x, const Word4& y, int c) {
  return c & 1 ? high_halves(x.w[c / 2], y.w[c / 2]) : low_halves(x.w[c / 2], y.w[c / 2]);
}

struct Tile { int n, y, x; };
DEV Tile tile_at(u32 tile, const Image& g) {
  const u32 across = (g.ow + 8 * NX - 1) / (8 * NX), down = (g.oh + HIGH - 1) / HIGH, j = tile / across, k = j / down;
  return Tile{(int)k * IMAGES, (int)(j - k * down) * HIGH, (int)(tile - j * across) * 8 * NX};
}

// The image's part under a tile: [G, IMAGES, ROWS, WP] pixels of 16 bytes, zeros where there is none.
DEV void fill(u32 to, const Args& p, const Image& g, const Tile& tile, int images, int c0) {
  const int x0 = tile.x - g.pad_w, y0 = tile.y - g.pad_h, sh = (int)g.sh, sw = (int)g.sw;
  const In* corner = (const In*)p.a + tile.n * g.sn + (i64)y0 * sh + (i64)x0 * sw + c0;
#pragma unroll 2
  for (int i = threadIdx.x; i < IMAGES * ROWS * COLUMNS * G; i += THREADS) {
    const int chunk = i % G, at = i / G, x = at % COLUMNS, row = at / COLUMNS, n = row / ROWS, r = row % ROWS;
    const bool there = (u32)(x0 + x) < (u32)g.w && (u32)(y0 + r) < (u32)g.h && x < USED && c0 + chunk * 8 < g.c && tile.n + n < images;
    const In* from = corner + (IMAGES > 1 ? n * g.sn : 0) + (i64)r * sh + (i64)x * sw + chunk * 8;
    copy_async<16>(to + (chunk * PLANE + row * WP + x) * 16, there ? from : (const In*)p.a, there ? 16 : 0);
  }
}

// The taps of 8 channels as the second operand, in shared memory: a lane's columns are t, t + 4, t + 8, t + 12 of a window,
// its output `q`, so that only t - q matters; [R, pairs of channels, 11 differences] of 16 bytes.
DEV void bands(Word4* table, const In* weight, int channels, int q, int t, int count) {
#pragma unroll
  for (int r = 0; r < R; r++) {
    Word4 w[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int s = t + 4 * i - q;
      w[i] = Word4{};
      if ((u32)s < (u32)count) w[i] = read16(weight + (r * S + s) * channels);
    }
#pragma unroll
    for (int c = 0; c < 8; c += 2)
      table[(r * 4 + c / 2) * 11 + t - q + 7] = Word4{halves(w[0], w[1], c), halves(w[2], w[3], c), halves(w[0], w[1], c + 1), halves(w[2], w[3], c + 1)};
  }
}

// Stays behind what precedes it: loads of all rows at once would not fit into registers.
DEV Word4 read_shared(u32 at) {
  Word4 x;
  asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];" : "=r"(x.w[0]), "=r"(x.w[1]), "=r"(x.w[2]), "=r"(x.w[3]) : "r"(at) : "memory");
  return x;
}

struct Place { int n, strip, x; };
DEV Place place_of(int window) {
  const int rest = window / NS, n = rest / NX;
  return Place{n, (window - rest * NS) * L, (rest - n * NX) * 8};
}

DEV void products(const Args& p, const Image& g, u32 plane, u32 table, const Tile& tile, int images, int c) {
  const int lane = threadIdx.x & 31, q = lane >> 2, t = lane & 3;
#pragma unroll 1
  for (int task = (threadIdx.x >> 5) / G; task < TASKS; task += WARPS / G) {
    const int first = task * 16 + q, second = first + 8;
    const Place one = place_of(first < WINDOWS ? first : 0), two = place_of(second < WINDOWS ? second : 0);
    u32 from[2] = {plane + ((one.n * ROWS + one.strip) * WP + one.x) * 16, plane + ((two.n * ROWS + two.strip) * WP + two.x) * 16};
    float acc[L][8][4] = {};
#pragma unroll
    for (int row = 0; row < L + R - 1; row++) {
      Word4 w[2][4];
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int e = 0; e < 4; e++) w[h][e] = read_shared(from[h] + (row * WP + 4 * e) * 16);
#pragma unroll
      for (int v = 0; v < 8; v += 2) {
        u32 a[2][4];
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
          for (int e = 0; e < 4; e++) a[j][e] = halves(w[e & 1][e & 2], w[e & 1][(e & 2) + 1], v + j);
#pragma unroll
        for (int y = 0; y < L; y++) {
          const int r = row - y;
          if (r < 0 || r >= R) continue;
          const Word4 taps = read_shared(table + (r * 4 + v / 2) * 176);
          mma(In{}, acc[y][v], a[0], taps.w[0], taps.w[1]);
          mma(In{}, acc[y][v + 1], a[1], taps.w[2], taps.w[3]);
        }
      }
      if (WAIT) {  // what the next row reads waits for these products, else registers would not hold all that is read
        u32 nothing = 0;
#pragma unroll
        for (int v = 0; v < 8; v++) nothing |= __float_as_uint(acc[row < L ? row : L - 1][v][0]) & (u32)(p.nb1 >> 31);
        from[0] |= nothing;
        from[1] |= nothing;
        table |= nothing;
      }
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const Place at = place_of(task * 16 + q + 8 * h);
      if (task * 16 + q + 8 * h >= WINDOWS || tile.n + at.n >= images) continue;
#pragma unroll
      for (int y = 0; y < L; y++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          const int yy = tile.y + at.strip + y, xx = tile.x + at.x + 2 * t + e;
          float v[8];
#pragma unroll
          for (int m = 0; m < 8; m++) v[m] = acc[y][m][h * 2 + e];
          if (yy < g.oh && xx < g.ow) finish<8>(v, p, 0, 0, ((tile.n + at.n) * g.oh + yy) * g.ow + xx, c, 8);
        }
    }
  }
}

// A block takes the tiles of some channels in turn, and copies the next one while it works.
DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  const Image g = image(p);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  const u32 blocks = (g.c + 8 * G - 1) / (8 * G), across = (g.ow + 8 * NX - 1) / (8 * NX), down = (g.oh + HIGH - 1) / HIGH;
  const int c0 = blockIdx.x % blocks * 8 * G, c = c0 + warp % G * 8, images = p.m / (g.oh * g.ow);
  const u32 step = gridDim.x / blocks, tiles = (images + IMAGES - 1) / IMAGES * down * across;
  const u32 base = shared_address(shared), plane = base + (warp % G * PLANE + (lane & 3)) * 16;
  u32 tile = blockIdx.x / blocks, at = 0;
  fill(base, p, g, tile_at(tile, g), images, c0);
  copy_commit();
  Word4* table = (Word4*)shared + BUFFERS * G * PLANE + warp % G * R * 44;
  if (warp < G && c < g.c) bands(table, (const In*)p.b + c, g.c, lane >> 2, lane & 3, S);
  const u32 taps = shared_address(table) + ((lane & 3) - (lane >> 2) + 7) * 16;
#pragma unroll 1
  for (; tile < tiles; tile += step) {
    if (BUFFERS > 1 && tile + step < tiles) fill(base + (at ^ G * PLANE * 16), p, g, tile_at(tile + step, g), images, c0);
    copy_commit();
    copy_wait<BUFFERS - 1>();
    __syncthreads();
    if (c < g.c) products(p, g, plane + at, taps, tile_at(tile, g), images, c);
    __syncthreads();
    if (BUFFERS > 1) at ^= G * PLANE * 16;
    else if (tile + step < tiles) fill(base, p, g, tile_at(tile + step, g), images, c0);
  }
}
