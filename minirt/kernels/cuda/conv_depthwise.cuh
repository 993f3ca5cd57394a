// Depthwise convolution, channels last: a thread makes TH x TW output pixels of V channels, and reads and widens each
// pixel of the image under them once.
// The head defines: In, V, TH TW, R S STRIDE_H STRIDE_W DIL_H DIL_W, WIDE (weights are floats, aligned), THREADS,
// struct Args (a: image, b: weights [R, S, C]), `image(args)`, `finish<V>(...)`.
constexpr int SPAN_H = (TH - 1) * STRIDE_H + (R - 1) * DIL_H + 1, SPAN_W = (TW - 1) * STRIDE_W + (S - 1) * DIL_W + 1;
constexpr bool HELD = R * S * V <= 72;  // all weights stay in registers

// V channels of a pixel, zeros where there is none; no branch, so that many loads fly at once.
template <int BYTES> struct Piece { u32 w[BYTES / 4]; };
template <> struct Piece<2> { u32 w[1]; };
DEV void load_piece(Piece<2>& x, const void* p, bool there) {
  asm("{\n.reg .pred q;\n.reg .b16 h;\nsetp.ne.b32 q, %2, 0;\nmov.b16 h, 0;\n@q ld.global.nc.b16 h, [%1];\ncvt.u32.u16 %0, h;\n}"
      : "=r"(x.w[0]) : "l"(p), "r"((int)there));
}
DEV void load_piece(Piece<4>& x, const void* p, bool there) {
  asm("{\n.reg .pred q;\nsetp.ne.b32 q, %2, 0;\nmov.b32 %0, 0;\n@q ld.global.nc.b32 %0, [%1];\n}"
      : "=&r"(x.w[0]) : "l"(p), "r"((int)there));
}
DEV void load_piece(Piece<8>& x, const void* p, bool there) {
  asm("{\n.reg .pred q;\nsetp.ne.b32 q, %3, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\n@q ld.global.nc.v2.b32 {%0, %1}, [%2];\n}"
      : "=&r"(x.w[0]), "=&r"(x.w[1]) : "l"(p), "r"((int)there));
}
DEV void load_piece(Piece<16>& x, const void* p, bool there) {
  asm("{\n.reg .pred q;\nsetp.ne.b32 q, %5, 0;\nmov.b32 %0, 0;\nmov.b32 %1, 0;\nmov.b32 %2, 0;\nmov.b32 %3, 0;\n"
      "@q ld.global.nc.v4.b32 {%0, %1, %2, %3}, [%4];\n}"
      : "=&r"(x.w[0]), "=&r"(x.w[1]), "=&r"(x.w[2]), "=&r"(x.w[3]) : "l"(p), "r"((int)there));
}
template <class P> DEV void widen_piece(float (&x)[V], const P& piece, float) {
#pragma unroll
  for (int v = 0; v < V; v++) x[v] = __uint_as_float(piece.w[v]);
}
template <class P, class T> DEV void widen_piece(float (&x)[V], const P& piece, T half) {
  if constexpr (V == 1) {
    half.v = (u16)piece.w[0];
    x[0] = widen(half);
  } else {
#pragma unroll
    for (int v = 0; v < V; v += 2) unpack2(T{}, piece.w[v / 2], x[v], x[v + 1]);
  }
}

DEV void load_taps(float (&w)[V], const Args& p, int tap, int c, int channels) {
  if constexpr (WIDE) {
    const float* from = (const float*)p.b + tap * channels + c;
    if constexpr (V == 1) w[0] = *from; else load_fast<V>(w, from);
  } else {
    load_slow<In, V, float>(w, (const In*)p.b + tap * channels + c, 1, V);
  }
}

DEV void run(const Args& p) {
  typedef Piece<V * sizeof(In)> P;
  const Image g = image(p);
  const u32 groups = g.c / V, strips = (g.ow + TW - 1) / TW, tiles = (g.oh + TH - 1) / TH;
  const u32 i = blockIdx.x * THREADS + threadIdx.x, q = i / groups, z = q / strips;
  const int n = z / tiles, c = (int)(i - q * groups) * V;
  if ((i64)n * g.oh * g.ow >= p.m) return;
  const int x0 = (int)(q - z * strips) * TW, y0 = ((int)z - n * (int)tiles) * TH;
  const int xx = x0 * STRIDE_W - g.pad_w, yy = y0 * STRIDE_H - g.pad_h;
  const In* corner = (const In*)p.a + n * g.sn + yy * g.sh + xx * g.sw + c * g.sc;
  bool inside[SPAN_W];
#pragma unroll
  for (int j = 0; j < SPAN_W; j++) inside[j] = (u32)(xx + j) < (u32)g.w;
  float held[HELD ? R * S : 1][V];
  if constexpr (HELD) {
#pragma unroll
    for (int t = 0; t < R * S; t++) load_taps(held[t], p, t, c, g.c);
  }
  float acc[TH][TW][V] = {};
#pragma unroll
  for (int k = 0; k < SPAN_H; k++) {
    const In* row = corner + k * g.sh;
    const bool there = (u32)(yy + k) < (u32)g.h;
    P piece[SPAN_W];
#pragma unroll
    for (int j = 0; j < SPAN_W; j++) load_piece(piece[j], row + j * g.sw, there && inside[j]);
    float x[SPAN_W][V];
#pragma unroll
    for (int j = 0; j < SPAN_W; j++) widen_piece(x[j], piece[j], In{});
#pragma unroll
    for (int t = 0; t < TH; t++) {
      const int r = (k - t * STRIDE_H) / DIL_H;
      if (k < t * STRIDE_H || r >= R || r * DIL_H != k - t * STRIDE_H) continue;
#pragma unroll
      for (int s = 0; s < S; s++) {
        float w[V];
        if constexpr (!HELD) load_taps(w, p, r * S + s, c, g.c);
#pragma unroll
        for (int u = 0; u < TW; u++)
#pragma unroll
          for (int v = 0; v < V; v++)
            acc[t][u][v] = fmaf(x[u * STRIDE_W + s * DIL_W][v], HELD ? held[HELD ? r * S + s : 0][v] : w[v], acc[t][u][v]);
      }
    }
  }
#pragma unroll
  for (int t = 0; t < TH; t++)
#pragma unroll
    for (int u = 0; u < TW; u++)
      if (y0 + t < g.oh && x0 + u < g.ow) finish<V>(acc[t][u], p, 0, 0, (n * g.oh + y0 + t) * g.ow + x0 + u, c, V);
}
