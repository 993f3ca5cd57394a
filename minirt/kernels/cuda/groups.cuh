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

// TX columns of V numbers, each spread over TY lines of threads; thread = line * TX + column.
template <int TX, int TY, int V, class T, class F> DEV void combine_lines(T (&x)[V], F f) {
  if constexpr (TY > 1) {
    __shared__ T parts[TY][V][TX];
    const int column = threadIdx.x % TX, line = threadIdx.x / TX;
    __syncthreads();
#pragma unroll
    for (int j = 0; j < V; j++) parts[line][j][column] = x[j];
#pragma unroll
    for (int d = TY / 2; d; d >>= 1) {
      __syncthreads();
      if (line < d) {
#pragma unroll
        for (int j = 0; j < V; j++) parts[line][j][column] = f(parts[line][j][column], parts[line + d][j][column]);
      }
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < V; j++) x[j] = parts[0][j][column];
  }
}
