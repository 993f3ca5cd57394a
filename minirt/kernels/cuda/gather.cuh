// Where a tile's elements come from: rows of a strided matrix, or the pixels under a convolution's taps.
// A tile is ROWS x BK; a chunk is E elements (16 bytes); NT threads share the copy. Shared memory keeps chunks swizzled so
// that neither ldmatrix nor the copy has bank conflicts.

// One image batch seen through a convolution; strides in elements.
struct Image {
  i64 sn, sh, sw, sc;
  int h, w, c, r, s, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w, oh, ow;
};

// Matrix whose k index is contiguous: tile row = one matrix row; SPREAD: of 32 rows those four apart are neighbours.
template <class T, int ROWS, int BK, int NT, int VEC, bool SPREAD = false> struct RowsByK {
  static constexpr int E = 16 / sizeof(T), CH = BK / E, STEP = NT / CH, COUNT = ROWS / STEP > 0 ? ROWS / STEP : 1;
  static constexpr bool ASYNC = VEC * sizeof(T) >= 4;
  const T* base;
  i64 ld;
  int row0, kc, rows, k, kend;
  u32 held[ASYNC ? 1 : COUNT][4];
  static DEV u32 slot(int row, int chunk) { return row * (BK * (int)sizeof(T)) + ((chunk ^ (CH == 8 ? row & 7 : (row >> 1) & 3)) << 4); }
  DEV void init(const T* p, i64 stride, const Image&, int first, int total, int k0, int k1) {
    kc = threadIdx.x % CH; row0 = threadIdx.x / CH; ld = stride; rows = total - first; k = k0 + kc * E; kend = k1;
    base = p + (i64)first * stride;
  }
  DEV void fetch(u32 to, const Image&) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      const int at = row0 + i * STEP, row = SPREAD ? (at & ~31) | (at & 7) << 2 | (at >> 3 & 3) : at;
      if (ROWS % STEP && at >= ROWS) break;
      const bool ok = row < rows;
      const T* p = base + row * ld + k;
      if constexpr (ASYNC) {
#pragma unroll
        for (int j = 0; j < E; j += VEC) {
          int left = ok ? (kend - k - j) * (int)sizeof(T) : 0, size = VEC * (int)sizeof(T);
          left = left < 0 ? 0 : left > size ? size : left;
          copy_async<VEC * sizeof(T)>(to + slot(at, kc) + j * sizeof(T), left ? p + j : base, left);
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          u32 lo = ok && k + 2 * j < kend ? ((const u16*)p)[2 * j] : 0, hi = ok && k + 2 * j + 1 < kend ? ((const u16*)p)[2 * j + 1] : 0;
          held[i][j] = lo | hi << 16;
        }
      }
    }
    k += BK;
  }
  DEV void settle(u32 to) {
    if constexpr (!ASYNC) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        if (ROWS % STEP && row0 + i * STEP >= ROWS) break;
        store_shared(to + slot(row0 + i * STEP, kc), held[i]);
      }
    }
  }
};

// Matrix whose row index is contiguous: tile row = one k, holding ROWS elements.
template <class T, int ROWS, int BK, int NT, int VEC> struct RowsByN {
  static constexpr int E = 16 / sizeof(T), CH = ROWS / E, STEP = NT / CH, COUNT = BK / STEP > 0 ? BK / STEP : 1;
  static constexpr bool ASYNC = VEC * sizeof(T) >= 4;
  const T* base;
  i64 ld;
  int k0, nc, rows, kend;
  u32 held[ASYNC ? 1 : COUNT][4];
  static DEV u32 slot(int k, int chunk) { return k * (ROWS * (int)sizeof(T)) + ((chunk ^ (sizeof(T) == 4 ? (k & 3) * 2 : k & 7)) << 4); }
  DEV void init(const T* p, i64 stride, const Image&, int first, int total, int kfirst, int klast) {
    nc = threadIdx.x % CH; k0 = threadIdx.x / CH; ld = stride; rows = total - first - nc * E; kend = klast - kfirst - k0;
    base = p + (i64)(kfirst + k0) * stride + first + nc * E;
  }
  DEV void fetch(u32 to, const Image&) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
      if (BK % STEP && k0 + i * STEP >= BK) break;
      const bool ok = i * STEP < kend;
      const T* p = base + (i64)(i * STEP) * ld;
      if constexpr (ASYNC) {
#pragma unroll
        for (int j = 0; j < E; j += VEC) {
          int left = ok ? (rows - j) * (int)sizeof(T) : 0, size = VEC * (int)sizeof(T);
          left = left < 0 ? 0 : left > size ? size : left;
          copy_async<VEC * sizeof(T)>(to + slot(k0 + i * STEP, nc) + j * sizeof(T), left ? (const void*)(p + j) : (const void*)to_valid(), left);
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          u32 lo = ok && 2 * j < rows ? ((const u16*)p)[2 * j] : 0, hi = ok && 2 * j + 1 < rows ? ((const u16*)p)[2 * j + 1] : 0;
          held[i][j] = lo | hi << 16;
        }
      }
    }
    kend -= BK;
    base += (i64)BK * ld;
  }
  DEV const void* to_valid() const { return (const void*)((u64)base & ~15ull); }  // never read: 0 bytes are asked for
  DEV void settle(u32 to) {
    if constexpr (!ASYNC) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        if (BK % STEP && k0 + i * STEP >= BK) break;
        store_shared(to + slot(k0 + i * STEP, nc), held[i]);
      }
    }
  }
};

// k = (r, s, c), c fastest: the tap of one k, moved along without divisions.
struct Tap {
  int r, s, c;
  DEV void at(int k, const Image& g) { int t = k / g.c; c = k - t * g.c; r = t / g.s; s = t - r * g.s; }
  DEV void move(int by, const Image& g) {
    c += by;
    while (c >= g.c) { c -= g.c; if (++s == g.s) { s = 0; ++r; } }
  }
};
struct Pixel { int n, h, w; };
DEV Pixel pixel_at(int m, bool ok, const Image& g, bool transposed) {
  Pixel p;
  int area = g.oh * g.ow, n = m / area, rest = m - n * area, y = rest / g.ow, x = rest - y * g.ow;
  p.n = n;
  p.h = transposed ? y + g.pad_h : y * g.stride_h - g.pad_h;
  p.w = transposed ? x + g.pad_w : x * g.stride_w - g.pad_w;
  if (!ok) { p.n = 0; p.h = -(1 << 28); }
  return p;
}
// Offset of the input pixel under tap t, or -1 where there is none.
template <bool TRANSPOSED> DEV i64 pixel_offset(const Pixel& p, const Tap& t, const Image& g) {
  int y, x;
  bool ok = t.r < g.r;
  if (TRANSPOSED) {
    int yy = p.h - t.r * g.dil_h, xx = p.w - t.s * g.dil_w;
    ok = ok && yy >= 0 && xx >= 0;
    y = ok ? yy / g.stride_h : 0; x = ok ? xx / g.stride_w : 0;
    ok = ok && y * g.stride_h == yy && x * g.stride_w == xx && y < g.h && x < g.w;
  } else {
    y = p.h + t.r * g.dil_h; x = p.w + t.s * g.dil_w;
    ok = ok && (u32)y < (u32)g.h && (u32)x < (u32)g.w;
  }
  return ok ? p.n * g.sn + y * g.sh + x * g.sw : -1;
}

// Tile rows are output pixels. VEC > 1: whole chunks of channels (sc = 1, c a multiple of VEC = E); VEC == 1: any channels and strides.
template <class T, int ROWS, int BK, int NT, int VEC, bool TRANSPOSED> struct RowsByTap {
  static constexpr int E = 16 / sizeof(T), CH = BK / E, STEP = NT / CH, COUNT = ROWS / STEP > 0 ? ROWS / STEP : 1;
  static constexpr bool ASYNC = VEC == E;
  const T* base;
  int row0, kc, k, kend;
  Tap tap;
  Pixel px[COUNT];
  u32 held[ASYNC ? 1 : COUNT][4];
  static DEV u32 slot(int row, int chunk) { return RowsByK<T, ROWS, BK, NT, VEC>::slot(row, chunk); }
  DEV void init(const T* p, i64, const Image& g, int first, int total, int k0, int k1) {
    kc = threadIdx.x % CH; row0 = threadIdx.x / CH; k = k0 + kc * E; kend = k1; base = p;
    tap.at(k, g);
#pragma unroll
    for (int i = 0; i < COUNT; i++) { int m = first + row0 + i * STEP; px[i] = pixel_at(m, m < total, g, TRANSPOSED); }
  }
  DEV void fetch(u32 to, const Image& g) {
    if constexpr (ASYNC) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        if (ROWS % STEP && row0 + i * STEP >= ROWS) break;
        i64 at = pixel_offset<TRANSPOSED>(px[i], tap, g);
        bool ok = at >= 0 && k < kend;
        copy_async<16>(to + slot(row0 + i * STEP, kc), ok ? base + at + tap.c : base, ok ? 16 : 0);
      }
      tap.move(BK, g);
    } else {
      Tap t = tap;
#pragma unroll
      for (int i = 0; i < COUNT; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) held[i][j] = 0;
#pragma unroll
      for (int j = 0; j < E; j++) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
          i64 at = pixel_offset<TRANSPOSED>(px[i], t, g);
          if (at >= 0 && k + j < kend) {
            const T* p = base + at + t.c * g.sc;
            if (sizeof(T) == 2) held[i][j / 2] |= (u32)(*(const u16*)p) << (16 * (j & 1));
            else held[i][j & 3] = *(const u32*)p;
          }
        }
        t.move(1, g);
      }
      tap.move(BK, g);
    }
    k += BK;
  }
  DEV void settle(u32 to) {
    if constexpr (!ASYNC) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        if (ROWS % STEP && row0 + i * STEP >= ROWS) break;
        store_shared(to + slot(row0 + i * STEP, kc), held[i]);
      }
    }
  }
};
