#ifndef CVECTORS_H
#define CVECTORS_H

// Instructions that Swift has no name for, one function each. Vectors of GCC's kind import as Swift's SIMD types, and the
// functions are compiled with the flags of the target that imports them, so that each becomes its instruction there.

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CVECTORS_INLINE static inline __attribute__((always_inline))

typedef float vec_f32x4 __attribute__((vector_size(16)));
typedef float vec_f32x8 __attribute__((vector_size(32)));
typedef int32_t vec_i32x8 __attribute__((vector_size(32)));
typedef int8_t vec_i8x32 __attribute__((vector_size(32)));

/// Asks for a cache line that will be written.
CVECTORS_INLINE void vec_prefetch(const void *_Nonnull p) { __builtin_prefetch(p, 1, 3); }

/// Eight sums of four products of neighbouring bytes, those of `x` above -128: vpabsb, vpsignb, vpmaddubsw, vpmaddwd.
CVECTORS_INLINE vec_i32x8 vec_dot4(vec_i8x32 w, vec_i8x32 x) {
#if defined(__AVX2__)
  __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)w), _mm256_sign_epi8((__m256i)x, (__m256i)w));
  return (vec_i32x8)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#else
  vec_i32x8 sums = {0};
  for (int lane = 0; lane < 8; lane++) {
    for (int i = 0; i < 4; i++) sums[lane] += (int32_t)w[4 * lane + i] * x[4 * lane + i];
  }
  return sums;
#endif
}

/// The integers as floats: vcvtdq2ps.
CVECTORS_INLINE vec_f32x8 vec_floats(vec_i32x8 x) { return __builtin_convertvector(x, vec_f32x8); }

/// Four half-precision numbers, none of them infinite or NaN, as floats: vcvtph2ps.
CVECTORS_INLINE vec_f32x4 vec_halves(const uint16_t *_Nonnull p) {
#if defined(__F16C__)
  return (vec_f32x4)_mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)p));
#else
  vec_f32x4 floats;
  for (int i = 0; i < 4; i++) {
    uint32_t bits = (uint32_t)(p[i] & 0x7fff) << 13 | (uint32_t)(p[i] & 0x8000) << 16;
    float x;
    __builtin_memcpy(&x, &bits, sizeof x);
    floats[i] = x * 0x1p112f;
  }
  return floats;
#endif
}

#if defined(__AVX512BF16__) || defined(CVECTORS_EMULATE_BF16)

typedef float vec_f32x16 __attribute__((vector_size(64)));
typedef int32_t vec_i32x16 __attribute__((vector_size(64)));

#if !defined(CVECTORS_EMULATE_BF16)

/// sum + a₀b₀ + a₁b₁ in every lane, a and b holding pairs of bf16: vdpbf16ps.
CVECTORS_INLINE vec_f32x16 vec_dot2_bf16(vec_f32x16 sum, vec_i32x16 a, vec_i32x16 b) {
  return (vec_f32x16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

/// 32 floats, `low` first, as bf16, rounded to nearest even: vcvtne2ps2bf16, whose operands come in the other order.
CVECTORS_INLINE vec_i32x16 vec_bf16(vec_f32x16 low, vec_f32x16 high) {
  return (vec_i32x16)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

#else

// The same in plain C, for tests on a CPU without these instructions.

CVECTORS_INLINE vec_f32x16 vec_dot2_bf16(vec_f32x16 sum, vec_i32x16 a, vec_i32x16 b) {
  vec_i32x16 upper = (vec_i32x16){0} + (int32_t)0xffff0000;
  sum += (vec_f32x16)(a << 16) * (vec_f32x16)(b << 16);
  return sum + (vec_f32x16)(a & upper) * (vec_f32x16)(b & upper);
}

CVECTORS_INLINE vec_i32x16 vec_bf16(vec_f32x16 low, vec_f32x16 high) {
  vec_i32x16 pairs;
  for (int i = 0; i < 16; i++) {
    uint32_t bits[2];
    for (int half = 0; half < 2; half++) {
      int at = 2 * i + half;
      float x = at < 16 ? low[at] : high[at - 16];
      __builtin_memcpy(&bits[half], &x, sizeof x);
      bits[half] = (bits[half] + 0x7fff + ((bits[half] >> 16) & 1)) >> 16;
    }
    pairs[i] = (int32_t)(bits[0] | bits[1] << 16);
  }
  return pairs;
}

#endif
#endif
#endif
