// What every matrix kernel here shares: storage types, copies to shared memory, tensor-core instructions, vector stores.
// Follows elements.cuh.
struct alignas(16) Word4 { u32 w[4]; };
struct alignas(8) Word2 { u32 w[2]; };

DEV u32 pack2(f16, float lo, float hi) { u32 y; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo)); return y; }
DEV u32 pack2(bf16, float lo, float hi) { u32 y; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(hi), "f"(lo)); return y; }
DEV void unpack2(f16, u32 x, float& lo, float& hi) {
  asm("{\n.reg .b16 a, b;\nmov.b32 {a, b}, %2;\ncvt.f32.f16 %0, a;\ncvt.f32.f16 %1, b;\n}" : "=f"(lo), "=f"(hi) : "r"(x));
}
DEV void unpack2(bf16, u32 x, float& lo, float& hi) { lo = __uint_as_float(x << 16); hi = __uint_as_float(x & 0xffff0000u); }

// ---- V consecutive elements between memory and registers; `fast` promises 16-byte alignment and all V present ----
template <class T, int V, class F> DEV void load_slow(F (&x)[V], const T* p, i64 step, int valid) {
#pragma unroll
  for (int j = 0; j < V; j++) x[j] = j < valid ? (F)widen(p[j * step]) : (F)0;
}
// Read-only loads: the compiler may start them ahead of earlier stores.
DEV Word4 read16(const void* p) {
  Word4 q;
  asm("ld.global.nc.v4.b32 {%0,%1,%2,%3}, [%4];" : "=r"(q.w[0]), "=r"(q.w[1]), "=r"(q.w[2]), "=r"(q.w[3]) : "l"(p));
  return q;
}
DEV Word2 read8(const void* p) {
  Word2 q;
  asm("ld.global.nc.v2.b32 {%0,%1}, [%2];" : "=r"(q.w[0]), "=r"(q.w[1]) : "l"(p));
  return q;
}
DEV u32 read4(const void* p) { u32 q; asm("ld.global.nc.b32 %0, [%1];" : "=r"(q) : "l"(p)); return q; }
DEV void prefetch(const void* p) { asm volatile("prefetch.global.L2 [%0];" ::"l"(p)); }

template <class T, int V> DEV void load_half(float (&x)[V], const T* p) {
#pragma unroll
  for (int i = 0; i < V; i += 8) {
    if constexpr (V >= 8) {
      Word4 q = read16(p + i);
#pragma unroll
      for (int j = 0; j < 4; j++) unpack2(T{}, q.w[j], x[i + 2 * j], x[i + 2 * j + 1]);
    } else if constexpr (V >= 4) {
      Word2 q = read8(p);
      unpack2(T{}, q.w[0], x[0], x[1]);
      unpack2(T{}, q.w[1], x[2], x[3]);
    } else {
      unpack2(T{}, read4(p), x[0], x[1]);
    }
  }
}
template <int V> DEV void load_fast(float (&x)[V], const f16* p) { load_half(x, p); }
template <int V> DEV void load_fast(float (&x)[V], const bf16* p) { load_half(x, p); }
template <int V> DEV void load_fast(float (&x)[V], const float* p) {
  if constexpr (V == 2) {
    Word2 q = read8(p);
    x[0] = __uint_as_float(q.w[0]);
    x[1] = __uint_as_float(q.w[1]);
  } else {
#pragma unroll
    for (int i = 0; i < V; i += 4) {
      Word4 q = read16(p + i);
#pragma unroll
      for (int j = 0; j < 4; j++) x[i + j] = __uint_as_float(q.w[j]);
    }
  }
}
template <int V, class T, class F> DEV void load_fast(F (&x)[V], const T* p) { load_slow<T, V, F>(x, p, 1, V); }

template <class T, int V> DEV void store_half(T* p, const float (&x)[V]) {
#pragma unroll
  for (int i = 0; i < V; i += 8) {
    if constexpr (V >= 8) {
      Word4 q;
#pragma unroll
      for (int j = 0; j < 4; j++) q.w[j] = pack2(T{}, x[i + 2 * j], x[i + 2 * j + 1]);
      *(Word4*)(p + i) = q;
    } else if constexpr (V == 2) {
      *(u32*)p = pack2(T{}, x[0], x[1]);
    } else {
      Word2 q;
      q.w[0] = pack2(T{}, x[0], x[1]);
      q.w[1] = pack2(T{}, x[2], x[3]);
      *(Word2*)p = q;
    }
  }
}
// Eight halves that lie anywhere: two at a time where that is aligned. False for what has no such form.
template <class T> DEV bool store_pairs_half(T* p, const float (&x)[8]) {
  if (((u64)p & 3) == 0) {
#pragma unroll
    for (int j = 0; j < 8; j += 2) *(u32*)(p + j) = pack2(T{}, x[j], x[j + 1]);
  } else {
    p[0] = Narrow<T>::of(x[0]);
#pragma unroll
    for (int j = 1; j < 7; j += 2) *(u32*)(p + j) = pack2(T{}, x[j], x[j + 1]);
    p[7] = Narrow<T>::of(x[7]);
  }
  return true;
}
DEV bool store_pairs(f16* p, const float (&x)[8]) { return store_pairs_half(p, x); }
DEV bool store_pairs(bf16* p, const float (&x)[8]) { return store_pairs_half(p, x); }
template <class T, class X> DEV bool store_pairs(T* p, const X& x) { return false; }

template <class T, int V, class F> DEV void store_slow(T* p, const F (&x)[V], i64 step, int valid) {
  if (step == 1 && valid >= V && store_pairs(p, x)) return;
#pragma unroll
  for (int j = 0; j < V; j++) if (j < valid) p[j * step] = Narrow<T>::of(x[j]);
}
template <int V> DEV void store_fast(f16* p, const float (&x)[V]) { store_half(p, x); }
template <int V> DEV void store_fast(bf16* p, const float (&x)[V]) { store_half(p, x); }
template <int V> DEV void store_fast(float* p, const float (&x)[V]) {
  if constexpr (V == 2) {
    *(float2*)p = make_float2(x[0], x[1]);
  } else {
#pragma unroll
    for (int i = 0; i < V; i += 4) *(float4*)(p + i) = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
  }
}
template <int V, class T, class F> DEV void store_fast(T* p, const F (&x)[V]) { store_slow<T, V, F>(p, x, 1, V); }

// How an extra operand of the epilogue runs along n: 0 one value for the row, 1 unit stride and aligned, 2 any stride,
// 3 as 1 and the same in every row.
template <int MODE, int V, class T, class F> DEV void load_extra(F (&x)[V], const T* p, i64 step, int n, int valid) {
  if (MODE == 0) {
    F one = (F)widen(*p);
#pragma unroll
    for (int j = 0; j < V; j++) x[j] = one;
  } else if constexpr ((MODE == 1 || MODE == 3) && V >= 2) {
    load_fast<V>(x, p + n);
  } else {
    load_slow<T, V, F>(x, p + n * step, step, valid);
  }
}

template <bool FIRST, class X, class Y> struct Choose { typedef X type; };
template <class X, class Y> struct Choose<false, X, Y> { typedef Y type; };

// ---- copies ----
DEV u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }
// B bytes, of which `bytes` are read and the rest are zero
template <int B> DEV void copy_async(u32 to, const void* from, int bytes) {
  if (B == 16) asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  else if (B == 8) asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  else asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
DEV void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEV void copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// ---- warp matrices ----
DEV void ldmatrix(u32 (&r)[4], u32 at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory");
}
DEV void ldmatrix_trans(u32 (&r)[4], u32 at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at) : "memory");
}
DEV u32 load_shared(u32 at) { u32 x; asm volatile("ld.shared.b32 %0, [%1];" : "=r"(x) : "r"(at) : "memory"); return x; }
DEV Word2 load_shared2(u32 at) {
  Word2 x;
  asm volatile("ld.shared.v2.b32 {%0,%1}, [%2];" : "=r"(x.w[0]), "=r"(x.w[1]) : "r"(at) : "memory");
  return x;
}
DEV void store_shared(u32 at, const u32 (&x)[4]) {
  asm volatile("st.shared.v4.b32 [%0], {%1,%2,%3,%4};" ::"r"(at), "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]) : "memory");
}
#define MINIRT_MMA(SHAPE) \
  asm volatile("mma.sync.aligned." SHAPE " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1))
DEV void mma(f16, float* d, const u32* a, u32 b0, u32 b1) { MINIRT_MMA("m16n8k16.row.col.f32.f16.f16.f32"); }
DEV void mma(bf16, float* d, const u32* a, u32 b0, u32 b1) { MINIRT_MMA("m16n8k16.row.col.f32.bf16.bf16.f32"); }
DEV void mma(float, float* d, const u32* a, u32 b0, u32 b1) { MINIRT_MMA("m16n8k8.row.col.f32.tf32.tf32.f32"); }
DEV u32 tf32(u32 x) { u32 y; asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(__uint_as_float(x))); return y; }
// what rounding to TF32 lost, again as TF32; nothing of an infinity
DEV u32 tf32_rest(u32 x, u32 big) {
  return (big & 0x7f800000u) == 0x7f800000u ? 0u : tf32(__float_as_uint(__uint_as_float(x) - __uint_as_float(big)));
}

// Rounds fragments to TF32; with X3 also adds the two cross terms of what rounding lost.
template <bool X3, int MI, int NI> DEV void product_tf32(float (&acc)[MI][NI][4], u32 (&a)[MI][4], u32 (&b)[NI / 2][4]) {
  u32 a_rest[X3 ? MI : 1][4], b_rest[X3 ? NI / 2 : 1][4];
#pragma unroll
  for (int i = 0; i < MI; i++)
#pragma unroll
    for (int q = 0; q < 4; q++) { u32 x = a[i][q]; a[i][q] = tf32(x); if (X3) a_rest[X3 ? i : 0][q] = tf32_rest(x, a[i][q]); }
#pragma unroll
  for (int i = 0; i < NI / 2; i++)
#pragma unroll
    for (int q = 0; q < 4; q++) { u32 x = b[i][q]; b[i][q] = tf32(x); if (X3) b_rest[X3 ? i : 0][q] = tf32_rest(x, b[i][q]); }
  if constexpr (X3) {
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int n = 0; n < NI; n++) {
        mma(float{}, acc[i][n], a_rest[i], b[n / 2][(n & 1) * 2], b[n / 2][(n & 1) * 2 + 1]);
        mma(float{}, acc[i][n], a[i], b_rest[n / 2][(n & 1) * 2], b_rest[n / 2][(n & 1) * 2 + 1]);
      }
  }
}

// A tensor-core accumulator gives lane t of a quad columns 2t, 2t+1 of each 8-column block; after this lane t holds all
// eight columns of block t (of four), so that it can move 16 bytes at a time.
DEV void quad_transpose(float (&p)[8]) {
  const int t = threadIdx.x & 3;
#pragma unroll
  for (int b = 0; b < 8; b += 4)
#pragma unroll
    for (int j = 0; j < 2; j++) {
      float x = __shfl_xor_sync(0xffffffffu, (t & 1) ? p[b + j] : p[b + 2 + j], 1);
      if (t & 1) p[b + j] = x; else p[b + 2 + j] = x;
    }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    float x = __shfl_xor_sync(0xffffffffu, (t & 2) ? p[i] : p[4 + i], 2);
    if (t & 2) p[i] = x; else p[4 + i] = x;
  }
}
