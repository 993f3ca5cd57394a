// Floats of 8 bits: `float` in registers, in memory one byte.  Follows elements.cuh.  Rounds half to even; what is too
// large becomes the greatest number.
struct f8e4m3 { u8 v; };
struct f8e4m3fnuz { u8 v; };
struct f8e5m2 { u8 v; };
struct f8e5m2fnuz { u8 v; };
struct f8e8m0 { u8 v; };
#define NAN_BITS 0x7fc00000u

template <int MANTISSA, int BIAS> DEV float exact_of(u32 code) {
  const float size = __uint_as_float((code & 0x7f) << (23 - MANTISSA)) * __uint_as_float((u32)(254 - BIAS) << 23);
  return __uint_as_float(__float_as_uint(size) | (code & 0x80) << 24);
}
DEV float widen(f8e4m3 x) { return (x.v & 0x7f) == 0x7f ? __uint_as_float(NAN_BITS) : exact_of<3, 7>(x.v); }
DEV float widen(f8e4m3fnuz x) { return x.v == 0x80 ? __uint_as_float(NAN_BITS) : exact_of<3, 8>(x.v); }
DEV float widen(f8e5m2fnuz x) { return x.v == 0x80 ? __uint_as_float(NAN_BITS) : exact_of<2, 16>(x.v); }
DEV float widen(f8e5m2 x) {
  const u32 size = x.v & 0x7f, sign = (u32)(x.v & 0x80) << 24;
  return size < 0x7c ? exact_of<2, 15>(x.v) : __uint_as_float(size == 0x7c ? 0x7f800000u | sign : NAN_BITS);
}
DEV float widen(f8e8m0 x) { return __uint_as_float(x.v == 255 ? NAN_BITS : x.v ? (u32)x.v << 23 : 0x400000u); }

// the code of |x|, with the sign in front; NAN_CODE for NaN
template <int MANTISSA, int BIAS, u32 MOST, u32 NAN_CODE> DEV u32 code_of(float x) {
  const u32 bits = __float_as_uint(x), size = bits & 0x7fffffff, shift = 23 - MANTISSA;
  if (size > 0x7f800000u) return NAN_CODE;
  const u32 rebased = size - ((u32)(127 - BIAS) << 23);
  const u32 normal = (rebased + ((1u << (shift - 1)) - 1) + ((rebased >> shift) & 1)) >> shift;
  // below the least normal: adding 2^k leaves the rounded multiple of the least subnormal in the low bits
  const float unit = __uint_as_float((u32)(151 - BIAS - MANTISSA) << 23);
  const u32 tiny = __float_as_uint(__fadd_rn(__uint_as_float(size), unit)) - __float_as_uint(unit);
  const u32 code = size < ((u32)(128 - BIAS) << 23) ? tiny : normal < MOST ? normal : MOST;
  return code | (bits >> 24 & 0x80);
}
DEV u32 unsigned_zero(u32 code, bool nan) { return code == 0x80 && !nan ? 0 : code; }
DEV u32 power_code(float x) {
  const u32 bits = __float_as_uint(x), rest = bits & 0x7fffff, power = bits >> 23 & 0xff;
  const u32 code = power + (rest > 0x400000 || (rest == 0x400000 && (power & 1)));
  return x > 0 && code < 255 ? code : 255;
}
template <> struct Register<f8e4m3> { typedef float type; };
template <> struct Register<f8e4m3fnuz> { typedef float type; };
template <> struct Register<f8e5m2> { typedef float type; };
template <> struct Register<f8e5m2fnuz> { typedef float type; };
template <> struct Register<f8e8m0> { typedef float type; };
template <> struct Narrow<f8e4m3> {
  static DEV f8e4m3 of(float x) { return f8e4m3{(u8)code_of<3, 7, 0x7e, 0x7f>(x)}; }
};
template <> struct Narrow<f8e5m2> {
  static DEV f8e5m2 of(float x) { return f8e5m2{(u8)code_of<2, 15, 0x7b, 0x7e>(x)}; }
};
template <> struct Narrow<f8e4m3fnuz> {
  static DEV f8e4m3fnuz of(float x) { return f8e4m3fnuz{(u8)unsigned_zero(code_of<3, 8, 0x7f, 0x80>(x), x != x)}; }
};
template <> struct Narrow<f8e5m2fnuz> {
  static DEV f8e5m2fnuz of(float x) { return f8e5m2fnuz{(u8)unsigned_zero(code_of<2, 16, 0x7f, 0x80>(x), x != x)}; }
};
template <> struct Narrow<f8e8m0> { static DEV f8e8m0 of(float x) { return f8e8m0{(u8)power_code(x)}; } };
DEV float round_f8e4m3(float x) { return widen(Narrow<f8e4m3>::of(x)); }
DEV float round_f8e4m3fnuz(float x) { return widen(Narrow<f8e4m3fnuz>::of(x)); }
DEV float round_f8e5m2(float x) { return widen(Narrow<f8e5m2>::of(x)); }
DEV float round_f8e5m2fnuz(float x) { return widen(Narrow<f8e5m2fnuz>::of(x)); }
DEV float round_f8e8m0(float x) { return widen(Narrow<f8e8m0>::of(x)); }
