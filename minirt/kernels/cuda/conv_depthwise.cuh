// Depthwise convolution, channels last: a thread makes TW neighbouring output pixels of V channels, sliding over a row once.
// The head defines: In, V, TW, R S STRIDE_W DIL_W, FAST, struct Args (a: image, b: weights [R, S, C]), `image(args)`, `finish<V>(...)`.
constexpr int SPAN = (TW - 1) * STRIDE_W + (S - 1) * DIL_W + 1;

DEV void run(const Args& p) {
  const Image g = image(p);
  const int groups = (g.c + V - 1) / V, strips = (g.ow + TW - 1) / TW;
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (i64)groups * strips * g.oh * (p.m / (g.oh * g.ow))) return;
  const int c = (int)(i % groups) * V;
  i64 rest = i / groups;
  const int x0 = (int)(rest % strips) * TW;
  rest /= strips;
  const int y = (int)(rest % g.oh), n = (int)(rest / g.oh), valid = g.c - c;
  const In* weight = (const In*)p.b + c;
  float acc[TW][V] = {};
#pragma unroll 1
  for (int r = 0; r < R; r++) {
    const int yy = y * g.stride_h - g.pad_h + r * g.dil_h, xx = x0 * STRIDE_W - g.pad_w;
    if ((u32)yy >= (u32)g.h) continue;
    const In* row = (const In*)p.a + n * g.sn + yy * g.sh + c * g.sc;
    float w[S][V];
#pragma unroll
    for (int s = 0; s < S; s++)
      if (FAST) load_fast<V>(w[s], weight + (r * S + s) * g.c); else load_slow<In, V, float>(w[s], weight + (r * S + s) * g.c, 1, valid);
#pragma unroll
    for (int j = 0; j < SPAN; j++) {
      float x[V];
      const int at = xx + j;
      if ((u32)at >= (u32)g.w) continue;
      if (FAST) load_fast<V>(x, row + at * g.sw); else load_slow<In, V, float>(x, row + at * g.sw, g.sc, valid);
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
