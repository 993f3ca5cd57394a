// Combining one number a thread over groups of threads. `f(a, b)` combines two; every thread of a group gets the result.
template <class T> struct Word { typedef T type; };  // what a shuffle moves an element as
template <> struct Word<bool> { typedef int type; };
template <> struct Word<i8> { typedef int type; };
template <> struct Word<u8> { typedef int type; };
template <> struct Word<i16> { typedef int type; };
template <> struct Word<u16> { typedef int type; };
template <class T> struct Lanes {
  typedef typename Word<T>::type Held;
  static DEV T swap(T x, int d) { return (T)__shfl_xor_sync(0xffffffffu, (Held)x, d); }
  static DEV T up(T x, int d) { return (T)__shfl_up_sync(0xffffffffu, (Held)x, d); }
  static DEV T from(T x, int lane) { return (T)__shfl_sync(0xffffffffu, (Held)x, lane); }
};

// A number and the place that it was found at.
template <class T> struct Found { T value; i64 at; };
template <class T> struct Lanes<Found<T>> {
  static DEV Found<T> swap(Found<T> x, int d) {
    Found<T> y;
    y.value = Lanes<T>::swap(x.value, d);
    y.at = __shfl_xor_sync(0xffffffffu, x.at, d);
    return y;
  }
};

// How many numbers, their mean, and the sum of squares about it; of two sets what they are together (Chan et al. 1979).
template <class T> struct Moments { T count, mean, square; };
template <class T> struct Lanes<Moments<T>> {
  static DEV Moments<T> swap(Moments<T> x, int d) {
    Moments<T> y;
    y.count = Lanes<T>::swap(x.count, d);
    y.mean = Lanes<T>::swap(x.mean, d);
    y.square = Lanes<T>::swap(x.square, d);
    return y;
  }
};
DEV float quotient(float a, float b) { return __fdividef(a, b); }
DEV double quotient(double a, double b) { return a / b; }
struct Together {
  template <class T> DEV Moments<T> operator()(Moments<T> a, Moments<T> b) const {
    Moments<T> y;
    y.count = a.count + b.count;
    const T by = y.count > 0 ? quotient(b.count, y.count) : 0, d = b.mean - a.mean;
    y.mean = a.mean + d * by;
    y.square = a.square + b.square + d * d * a.count * by;
    return y;
  }
};

// G neighbouring threads, a power of 2; more than 32 of them are a whole block.
template <int G, class T, class F> DEV T combine_group(T x, F f) {
#pragma unroll
  for (int d = (G < 32 ? G : 32) / 2; d; d >>= 1) x = f(x, Lanes<T>::swap(x, d));
  if constexpr (G > 32) {
    constexpr int W = G / 32;
    __shared__ T parts[W];
    __syncthreads();  // the last use of `parts` is over
    if ((threadIdx.x & 31) == 0) parts[threadIdx.x >> 5] = x;
    __syncthreads();
    x = parts[threadIdx.x & (W - 1)];
#pragma unroll
    for (int d = W / 2; d; d >>= 1) x = f(x, Lanes<T>::swap(x, d));
  }
  return x;
}

__device__ constexpr bool halving(int n) { return n > 0 && (n & (n - 1)) == 0; }
#ifndef MINIRT_CLUSTER
template <int K, int ID, int N, class T, class F> DEV void across_cluster(T (&totals)[N], F f) { __syncthreads(); }
#endif

// TX columns of V numbers, each spread over TY lines of threads; thread = line * TX + column.  FOLD neighbouring columns
// are one, which no block may cut; so are those of K blocks (a cluster, see cluster.cuh).  Calls with K > 1 differ in ID.
template <int TX, int TY, int V, int FOLD, int K, int ID, class T, class F> DEV void combine_columns(T (&x)[V], F f) {
  if constexpr (TY > 1 || FOLD > 1 || K > 1) {
    constexpr int U = FOLD % V == 0 ? 1 : V % FOLD == 0 ? V / FOLD : V, PER = V / U, REST = FOLD / PER, N = TX * U;
    constexpr bool WARPS = TX <= 32 && halving(TX) && (TX * TY) % 32 == 0;
    constexpr int LINES = WARPS ? TX * TY / 32 : TY;
    __shared__ T parts[LINES][N];
    __shared__ T totals[N];
    const int column = threadIdx.x % TX;
    T u[U];
#pragma unroll
    for (int i = 0; i < U; i++) {
      u[i] = x[i * PER];
#pragma unroll
      for (int j = 1; j < PER; j++) u[i] = f(u[i], x[i * PER + j]);
      if (WARPS) {
#pragma unroll
        for (int d = 16; d >= TX; d >>= 1) u[i] = f(u[i], Lanes<T>::swap(u[i], d));
      }
    }
    if (!WARPS || (threadIdx.x & 31) < TX) {
#pragma unroll
      for (int i = 0; i < U; i++) parts[WARPS ? threadIdx.x >> 5 : threadIdx.x / TX][column * U + i] = u[i];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < N; i += TX * TY) {
      T all = parts[0][i];
#pragma unroll 8
      for (int line = 1; line < LINES; line++) all = f(all, parts[line][i]);
      totals[i] = all;
    }
    across_cluster<K, ID>(totals, f);
#pragma unroll
    for (int j = 0; j < V; j++) {
      if (j > 0 && j % PER) { x[j] = x[j - 1]; continue; }  // of the same fold
      const int first = (column * U + j / PER) / REST * REST;
      T all = totals[first];
#pragma unroll 8
      for (int i = 1; i < REST; i++) all = f(all, totals[first + i]);
      x[j] = all;
    }
  }
}
