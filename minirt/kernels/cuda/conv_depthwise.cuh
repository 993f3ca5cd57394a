// Depthwise convolution, channels last: a thread makes TW neighbouring output pixels of V channels, sliding over a row once.
// The head defines: In, V, TW, R S STRIDE_W DIL_W, FAST, struct Args (a: image, b: weights [R, S, C]), `image(args)`, `finish<V>(...)`.
constexpr int SPAN = (TW - 1) * STRIDE_W + (S - 1) * DIL_W + 1;

struct alignas(FAST ? 16 : sizeof(In)) Held { In v[V]; };
DEV void hold(Held& x, const In* p, i64 step, int valid, bool there) {
  if constexpr (FAST) {
    union { Word4 raw; Held in; } q = {};
    if (there) q.raw = read16(p);
    x = q.in;
  } else {
#pragma unroll
    for (int v = 0; v < V; v++) x.v[v] = there && v < valid ? p[v * step] : In{};
  }
}

DEV void run(const Args& p) {
  const Image g = image(p);
  const u32 groups = (g.c + V - 1) / V, strips = (g.ow + TW - 1) / TW, rows = p.m / g.ow;
  const u32 i = blockIdx.x * 256 + threadIdx.x, q = i / groups, z = q / strips;
  if (z >= rows) return;
  const int c = (int)(i - q * groups) * V, x0 = (int)(q - z * strips) * TW, n = (int)z / g.oh, y = (int)z - n * g.oh, valid = g.c - c;
  const In* weight = (const In*)p.b + c;
  float acc[TW][V] = {};
#pragma unroll 1
  for (int r = 0; r < R; r++) {
    const int yy = y * g.stride_h - g.pad_h + r * g.dil_h, xx = x0 * STRIDE_W - g.pad_w;
    if ((u32)yy >= (u32)g.h) continue;
    const In* row = (const In*)p.a + n * g.sn + yy * g.sh + c * g.sc;
    Held held[SPAN];  // all loads of a row first
#pragma unroll
    for (int j = 0; j < SPAN; j++) hold(held[j], row + (xx + j) * g.sw, g.sc, valid, (u32)(xx + j) < (u32)g.w);
    float w[S][V];
#pragma unroll
    for (int s = 0; s < S; s++)
      if constexpr (FAST) load_fast<V>(w[s], weight + (r * S + s) * g.c);
      else load_slow<In, V, float>(w[s], weight + (r * S + s) * g.c, 1, valid);
#pragma unroll
    for (int j = 0; j < SPAN; j++) {
      float x[V];
#pragma unroll
      for (int v = 0; v < V; v++) x[v] = widen(held[j].v[v]);
#pragma unroll
      for (int t = 0; t < TW; t++)
#pragma unroll
        for (int s = 0; s < S; s++)
          if (t * STRIDE_W + s * DIL_W == j) {
#pragma unroll
            for (int v = 0; v < V; v++) acc[t][v] = fmaf(x[v], w[s][v], acc[t][v]);
          }
    }
  }
#pragma unroll
  for (int t = 0; t < TW; t++)
    if (x0 + t < g.ow) finish<V>(acc[t], p, 0, 0, (n * g.oh + y) * g.ow + x0 + t, c, valid);
}
