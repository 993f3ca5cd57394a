// Depthwise convolution, channels last: a thread makes TW neighbouring output pixels of V channels, sliding over a row once.
// The head defines: In, V, TW, R S STRIDE_W DIL_W, FAST, struct Args (a: image, b: weights [R, S, C]), `image(args)`, `finish<V>(...)`.
constexpr int SPAN = (TW - 1) * STRIDE_W + (S - 1) * DIL_W + 1;

struct alignas(FAST ? 16 : sizeof(In)) Held { In v[V]; };
DEV void hold(Held& x, const In* p, i64 step, int valid, bool there) {
#pragma unroll
  for (int v = 0; v < V; v++) x.v[v] = In{};
  if (!there) return;
  if (FAST) {
    x = *(const Held*)p;
  } else {
#pragma unroll
    for (int v = 0; v < V; v++) if (v < valid) x.v[v] = p[v * step];
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
#pragma unroll(R <= 3 ? R : 1)
  for (int r = 0; r < R; r++) {
    const int yy = y * g.stride_h - g.pad_h + r * g.dil_h, xx = x0 * STRIDE_W - g.pad_w;
    const bool down = (u32)yy < (u32)g.h;
    const In* row = (const In*)p.a + n * g.sn + yy * g.sh + c * g.sc;
    Held x[SPAN], w[S];  // all loads of a row first
#pragma unroll
    for (int s = 0; s < S; s++) hold(w[s], weight + (r * S + s) * g.c, 1, valid, true);
#pragma unroll
    for (int j = 0; j < SPAN; j++) hold(x[j], row + (xx + j) * g.sw, g.sc, valid, down && (u32)(xx + j) < (u32)g.w);
#pragma unroll
    for (int t = 0; t < TW; t++)
#pragma unroll
      for (int s = 0; s < S; s++)
#pragma unroll
        for (int v = 0; v < V; v++) acc[t][v] = fmaf(widen(x[t * STRIDE_W + s * DIL_W].v[v]), widen(w[s].v[v]), acc[t][v]);
  }
#pragma unroll
  for (int t = 0; t < TW; t++)
    if (x0 + t < g.ow) finish<V>(acc[t], p, 0, 0, (n * g.oh + y) * g.ow + x0 + t, c, valid);
}
