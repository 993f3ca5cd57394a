// Convolution of few channels (first layers): a block copies the patch of the image under TH x TW output pixels to shared
// memory, any strides, spreads it there into rows of taps, and multiplies on the tensor cores. Blocks take tiles in turn.
// The head defines: In, TH TW BN KP (k rounded up to the step) PH PW CHANNELS R S (the patch and the taps), struct Args,
// `image(args)`, `finish<V>(...)`.  Weights: [O, R, S, I].
constexpr int NT = 256, BM = TH * TW, K = R * S * CHANNELS, PATCH = CHANNELS * PH * PW, E = 16 / sizeof(In), KSTEP = 2 * E;
constexpr int PITCH = KP * sizeof(In) + 16;  // an odd number of 16-byte words: no bank conflicts
constexpr int A_AT = KP * 4 + (PATCH + 8) / 8 * 8 * (int)sizeof(In);  // after the table and the patch
constexpr int TM = BM / 4, TN = BN / 2, MI = TM / 16, NI = TN / 8;

DEV u32 raw(f16 x) { return x.v; }
DEV u32 raw(bf16 x) { return x.v; }
DEV u32 raw(float x) { return __float_as_uint(x); }

DEV void product(float (&acc)[MI][NI][4], const u32 (&a)[MI][4], const u32 (&b)[NI / 2][4]) {
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int n = 0; n < NI; n++) mma(In{}, acc[i][n], a[i], b[n / 2][(n & 1) * 2], b[n / 2][(n & 1) * 2 + 1]);
}

DEV void run(const Args& p) {
  extern __shared__ __align__(1024) u8 shared[];
  int* table = (int*)shared;  // where the patch holds each k
  In* patch = (In*)(shared + KP * 4);
  const u32 tile_a = shared_address(shared) + A_AT, tile_b = tile_a + BM * PITCH;
  const Image& g = image(p);
  const int n0 = blockIdx.y * BN, warp = threadIdx.x >> 5, l = threadIdx.x & 31;
  for (int k = threadIdx.x; k < KP; k += NT) {
    const int c = k % CHANNELS, s = k / CHANNELS % S, r = k / CHANNELS / S;
    table[k] = k < K ? (c * PH + r * g.dil_h) * PW + s * g.dil_w : PATCH;
  }
  if (threadIdx.x == 0) patch[PATCH] = In{};
  for (int i = threadIdx.x; i < BN * (KP / E); i += NT) {
    const int row = i / (KP / E), chunk = i % (KP / E);
    u32 w[4] = {};
#pragma unroll
    for (int j = 0; j < E; j++) {
      const int k = chunk * E + j;
      const u32 x = n0 + row < p.n && k < K ? raw(((const In*)p.b)[(i64)(n0 + row) * p.ldb + k]) : 0u;
      if (sizeof(In) == 2) w[j / 2] |= x << (16 * (j & 1)); else w[j & 3] = x;
    }
    store_shared(tile_b + row * PITCH + chunk * 16, w);
  }
  const int across = (g.ow + TW - 1) / TW, down = (g.oh + TH - 1) / TH, images = p.m / (g.oh * g.ow);
  for (int t = blockIdx.x; t < across * down * images; t += gridDim.x) {
    const int rest = t / across, x0 = (t - rest * across) * TW, img = rest / down, y0 = (rest - img * down) * TH;
    const int top = y0 * g.stride_h - g.pad_h, left = x0 * g.stride_w - g.pad_w;
    const In* from = (const In*)p.a + img * g.sn;
    __syncthreads();
    for (int i = threadIdx.x; i < PATCH; i += NT) {
      const int c = i / (PH * PW), y = top + i / PW % PH, x = left + i % PW;
      const bool in = (u32)y < (u32)g.h && (u32)x < (u32)g.w;
      patch[i] = in ? from[c * g.sc + y * g.sh + x * g.sw] : In{};
    }
    __syncthreads();
    for (int i = threadIdx.x; i < BM * (KP / E); i += NT) {
      const int row = i % BM, chunk = i / BM;
      const In* at = patch + row / TW * g.stride_h * PW + row % TW * g.stride_w;
      u32 w[4] = {};
#pragma unroll
      for (int j = 0; j < E; j++) {
        const int k = table[chunk * E + j];
        const u32 x = raw(k == PATCH ? patch[PATCH] : at[k]);
        if (sizeof(In) == 2) w[j / 2] |= x << (16 * (j & 1)); else w[j & 3] = x;
      }
      store_shared(tile_a + row * PITCH + chunk * 16, w);
    }
    __syncthreads();
    float acc[MI][NI][4] = {};
#pragma unroll 2
    for (int j = 0; j < KP / KSTEP; j++) {
      u32 a[MI][4], b[NI / 2][4];
#pragma unroll
      for (int i = 0; i < MI; i++) ldmatrix(a[i], tile_a + ((warp & 3) * TM + 16 * i + (l & 15)) * PITCH + (2 * j + (l >> 4)) * 16);
#pragma unroll
      for (int i = 0; i < NI / 2; i++)
        ldmatrix(b[i], tile_b + ((warp >> 2) * TN + 16 * i + (l & 7) + (l >> 4) * 8) * PITCH + (2 * j + ((l >> 3) & 1)) * 16);
      if constexpr (sizeof(In) == 4) product_tf32<false, MI, NI>(acc, a, b);
      product(acc, a, b);
    }
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int q = 0; q < NI / 4; q++) {
          float v[8];
#pragma unroll
          for (int e = 0; e < 8; e++) v[e] = acc[i][q * 4 + e / 2][h * 2 + (e & 1)];
          quad_transpose(v);
          const int row = (warp & 3) * TM + 16 * i + 8 * h + (l >> 2), y = y0 + row / TW, x = x0 + row % TW;
          const int n = n0 + (warp >> 2) * TN + 32 * q + 8 * (l & 3);
          if (y < g.oh && x < g.ow && n < p.n) finish<8>(v, p, 0, 0, (img * g.oh + y) * g.ow + x, n, p.n - n);
        }
  }
}
