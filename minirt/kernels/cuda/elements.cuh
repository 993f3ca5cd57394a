// Element types, rounding, the scalar vocabulary that C++ lacks, and vectors of elements between memory and registers.
// Header-free: NVRTC compiles it with no include path, for compute capability 7.5 and later.
typedef signed char i8;
typedef short i16;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define DEV __device__ __forceinline__

// ---- storage types; a float of 16 bits is a `float` in registers ----
struct f16 { u16 v; };
struct bf16 { u16 v; };

DEV f16 to_f16(float x) { f16 y; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.v) : "f"(x)); return y; }
DEV bf16 to_bf16(float x) {
  bf16 y;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.v) : "f"(x));
#else
  const u32 b = __float_as_uint(x);
  y.v = x != x ? 0x7fff : (u16)((b + 0x7fff + ((b >> 16) & 1)) >> 16);
#endif
  return y;
}
DEV float widen(f16 x) { float y; asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.v)); return y; }
DEV float widen(bf16 x) { return __uint_as_float((u32)x.v << 16); }
template <class T> DEV T widen(T x) { return x; }
template <class T> struct Register { typedef T type; };
template <> struct Register<f16> { typedef float type; };
template <> struct Register<bf16> { typedef float type; };
template <class T> struct Narrow { template <class F> static DEV T of(F x) { return (T)x; } };
template <> struct Narrow<f16> { template <class F> static DEV f16 of(F x) { return to_f16((float)x); } };
template <> struct Narrow<bf16> { template <class F> static DEV bf16 of(F x) { return to_bf16((float)x); } };
template <> struct Narrow<bool> { template <class F> static DEV bool of(F x) { return x != 0; } };

DEV float round_f16(float x) { return widen(to_f16(x)); }
DEV float round_bf16(float x) { return widen(to_bf16(x)); }

// ---- the scalar vocabulary ----
template <class T> DEV T least(T a, T b) { return (a < b || a != a) ? a : b; }
template <class T> DEV T greatest(T a, T b) { return (a > b || a != a) ? a : b; }
#if __CUDA_ARCH__ >= 800
template <> DEV float least(float a, float b) { float y; asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b)); return y; }
template <> DEV float greatest(float a, float b) { float y; asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b)); return y; }
#endif
template <class T> DEV T sign_of(T x) { return x > 0 ? (T)1 : x < 0 ? (T)-1 : x; }
DEV float rsqrt_of(float x) { return 1.0f / sqrtf(x); }
DEV double rsqrt_of(double x) { return 1.0 / sqrt(x); }
DEV float floor_mod(float a, float b) { float r = fmodf(a, b); return r != 0.0f && (r < 0.0f) != (b < 0.0f) ? r + b : r; }
DEV double floor_mod(double a, double b) { double r = fmod(a, b); return r != 0.0 && (r < 0.0) != (b < 0.0) ? r + b : r; }
// an integer divided by zero is itself, as in the reference
template <class T> DEV T int_div(T a, T b) { return b == 0 ? a : (T)(a / b); }
template <class T> DEV T int_rem(T a, T b) { return b == 0 ? (T)0 : (T)(a % b); }
template <class T> DEV T int_mod(T a, T b) {
  if (b == 0) return (T)0;
  T r = (T)(a % b);
  return r != 0 && (r < 0) != (b < 0) ? (T)(r + b) : r;
}
template <class T> DEV T int_pow(T a, T b) {
  if (b < 0) return a == 1 ? (T)1 : a == (T)-1 ? (T)((b & 1) ? -1 : 1) : (T)0;
  T y = 1;
  for (; b; b = (T)(b >> 1), a = (T)(a * a)) if (b & 1) y = (T)(y * a);
  return y;
}
template <class T> DEV T shift_left(T a, T b) { return (u64)b >= sizeof(T) * 8 ? (T)0 : (T)(a << b); }
template <class T> DEV T shift_right(T a, T b) { return (u64)b >= sizeof(T) * 8 ? (T)0 : (T)(a >> b); }
template <class T, class F> DEV T to_integer(F x) { return sizeof(T) < 4 ? (T)(int)x : (T)x; }

// ---- functions for results of 16 bits: errors of a few 2^-22, results under 2^-126 may be 0 ----
DEV float ex2_near(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEV float exp_near(float x) { return ex2_near(x * 0x1.715476p+0f); }
DEV float sqrt_near(float x) { float y; asm("sqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEV float rsqrt_near(float x) { float y; asm("rsqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEV float recip_near(float x) { float y; asm("rcp.approx.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEV float div_near(float a, float b) { float y; asm("div.full.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b)); return y; }
// 1 / b where b is no tiny number; 0 from 2^126 on
DEV float recip_large(float b) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(b)); return y; }
DEV float one_plus_tanh(float x) { return 2.0f * recip_large(1.0f + ex2_near(x * -0x1.715476p+1f)); }
DEV float tanh_near(float x) {
  const float s = x * x, small = x + x * s * (-0x1.555556p-2f + s * (0x1.111112p-3f + s * -0x1.ba1ba2p-5f));
  return fabsf(x) < 0.25f ? small : 1.0f - 2.0f * recip_large(1.0f + ex2_near(x * 0x1.715476p+1f));
}
// 1 + erf(x), of small relative error where x is negative: 2^p(|x|) is erfc(|x|), p a minimax fit without a constant term
DEV float horner(float, float sum) { return sum; }
template <class... Rest> DEV float horner(float y, float sum, float next, Rest... rest) { return horner(y, fmaf(sum, y, next), rest...); }
template <class... Fit> DEV float one_plus_erf(float x, Fit... fit) {
  const float y = fabsf(x), tail = ex2_near(horner(y, fit...) * y);
  return x < 0.0f ? tail : 2.0f - tail;
}
DEV float one_plus_erf_f16(float x) {  // fitted up to 4.2
  return one_plus_erf(x, -1.967231037269812e-05f, 0.0004784387128893286f, -0.005188768729567528f, 0.03383379429578781f,
    -0.15234705805778503f, -0.9171214699745178f, -1.6280571222305298f);
}
// x / 2 * (1 + erf(x / sqrt(2))) = max(x, 0) - |x| 2^p(|x|)
template <class... Fit> DEV float gelu_near(float x, Fit... fit) {
  const float y = least(fabsf(x), 8.0f), half = 0.5f * x;
  return fmaf(-y, ex2_near(horner(y, fit...)), half + fabsf(half));
}
DEV float gelu_f16(float x) {  // p fitted to its errors in units of f16's last place, 0.508 at most
  return gelu_near(x, 3.298668525530957e-05f, -0.0007550928276032209f, 0.007973005063831806f, -0.05311773344874382f,
    -0.45910364389419556f, -1.1510647535324097f, -1.000005841255188f);
}
DEV float gelu_tf32(float x) {  // within 6e-7, or 5e-6 of itself down to -5
  return gelu_near(x, -1.7934614788828185e-06f, 6.09042908763513e-05f, -0.0009260299266315997f, 0.008493760600686073f,
    -0.05393785238265991f, -0.45848050713539124f, -1.1512467861175537f, -0.9999954700469971f);
}
DEV float one_plus_erf_bf16(float x) {  // fitted up to 9.6
  return one_plus_erf(x, -4.72519232630475e-08f, 2.424889544272446e-06f, -5.443817644845694e-05f, 0.0007085653487592936f,
    -0.0060007148422300816f, 0.0354112908244133f, -0.15397047996520996f, -0.9163435101509094f, -1.628179907798767f);
}

// ---- V elements at once; vectors of more than 16 bytes are several accesses of 16 ----
__device__ constexpr int vector_alignment(int bytes) { return bytes >= 16 ? 16 : bytes; }
template <class T, int V> struct alignas(vector_alignment(sizeof(T) * V)) Vector { T v[V]; };
template <int V, class T, class R> DEV void load_vector(R (&x)[V], const T* p) {
  const Vector<T, V> q = *(const Vector<T, V>*)p;
#pragma unroll
  for (int j = 0; j < V; j++) x[j] = (R)widen(q.v[j]);
}
template <int V, class T, class R> DEV void store_vector(T* p, const R (&x)[V]) {
  Vector<T, V> q;
#pragma unroll
  for (int j = 0; j < V; j++) q.v[j] = Narrow<T>::of(x[j]);
  *(Vector<T, V>*)p = q;
}
