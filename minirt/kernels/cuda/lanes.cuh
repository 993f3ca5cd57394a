// Sums of rows in one order: 64 threads, threadIdx.x, add eight lanes of each of 8 rows; lane k has the elements k, k + 8, ..
// `value(r)` is element r of the thread's row; zeros behind the end leave a sum as it is, which is never -0.

// Each thread by itself, a batch of loads after another.
template <int BATCH, class F> DEV float sum_by_batches(int lane, I top, F value) {
  float total = 0.0f;
  for (I lead = lane; lead < top; lead += 8 * BATCH) {
    float v[BATCH];
#pragma unroll
    for (int u = 0; u < BATCH; u++) v[u] = lead + 8 * u < top ? value(lead + 8 * u) : 0.0f;
#pragma unroll
    for (int u = 0; u < BATCH; u++) total = total + v[u];
  }
  return total;
}

// Blocks of 64 x 4 threads: all load what comes after the next 64 elements of each lane, while those of line 0 add.
template <class F> DEV float sum_ahead(int lane, I top, F value) {
  constexpr int BATCH = 64, OWN = BATCH / 16;  // fours of a lane that a thread loads
  __shared__ float4 ring[2][BATCH / 4][64];
  float4 v[OWN];
  const auto load = [&](I lead) {
    const I own = lead + 32 * (int)threadIdx.y + lane;
    if (lead + 8 * BATCH <= top) {
#pragma unroll
      for (int i = 0; i < OWN; i++) {
        const I r = own + 128 * i;
        v[i] = make_float4(value(r), value(r + 8), value(r + 16), value(r + 24));
      }
    } else {
      float x[4 * OWN];
#pragma unroll
      for (int i = 0; i < 4 * OWN; i++) {
        const I r = own + 128 * (i / 4) + 8 * (i % 4);
        x[i] = r < top ? value(r) : 0.0f;
      }
#pragma unroll
      for (int i = 0; i < OWN; i++) v[i] = make_float4(x[4 * i], x[4 * i + 1], x[4 * i + 2], x[4 * i + 3]);
    }
  };
  const auto store = [&](int to) {
#pragma unroll
    for (int i = 0; i < OWN; i++) ring[to][4 * i + threadIdx.y][threadIdx.x] = v[i];
  };
  load(0);
  store(0);
  load(8 * BATCH);
  __syncthreads();
  float total = 0.0f;
  int at = 0;
  for (I lead = 0; lead < top; lead += 8 * BATCH, at ^= 1) {
    store(at ^ 1);  // read one turn ago
    load(lead + 16 * BATCH);
    if (threadIdx.y == 0) {
#pragma unroll
      for (int u = 0; u < BATCH / 4; u++) {
        const float4 x = ring[at][u][threadIdx.x];
        total = (((total + x.x) + x.y) + x.z) + x.w;
      }
    }
    __syncthreads();
  }
  return total;
}

// Eight lanes, of the threads `first`, `first` + `apart`, ..: every thread of the block gets its row's sum.
DEV float lanes_met(float total, int first, int apart) {
  __shared__ float lanes[64];
  if (threadIdx.y == 0) lanes[threadIdx.x] = total;
  __syncthreads();
  float a[8];
#pragma unroll
  for (int k = 0; k < 8; k++) a[k] = lanes[first + k * apart];
  return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]));
}
