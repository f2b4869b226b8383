// Products of a few rows for processors with AVX2 and fused multiply-add; few-rows.c asks the processor before it uses this.
#include "few-rows.h"

#include <immintrin.h>

#define SET avx2
#define FACTORS struct factors
#define SUM __m256

// Halves of a group.
typedef struct {
  __m256i even[2], odd[2];
} MATRIX;

struct factors {
  __m256 half[2];
};

static inline __m256 zero(void) { return _mm256_setzero_ps(); }

static inline float total(__m256 sum) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

static inline MATRIX load_matrix(const uint8_t* bytes, int flip) {
  const __m256i low = _mm256_set1_epi8(15);
  MATRIX m;
  for (int half = 0; half < 2; half++) {
    const __m256i numbers = _mm256_xor_si256(_mm256_loadu_si256((const __m256i*)bytes + half), _mm256_set1_epi8((char)flip));
    m.even[half] = _mm256_and_si256(numbers, low);
    m.odd[half] = _mm256_and_si256(_mm256_srli_epi16(numbers, 4), low);
  }
  return m;
}

// Four lanes have eight numbers each: those of a block.
static inline struct factors load_factors(const float* four, float factor) {
  struct factors f;
  for (int half = 0; half < 2; half++) {
    f.half[half] = _mm256_set_m128(_mm_set1_ps(four[2 * half + 1] * factor), _mm_set1_ps(four[2 * half] * factor));
  }
  return f;
}

static inline __m256 add_group(__m256 sum, MATRIX m, struct factors scales, struct factors zero_points, const struct onnxstream_few_rows_data* data) {
  const __m256 scale = _mm256_set1_ps(data->scale * 0x1p23f);
  for (int half = 0; half < 2; half++) {
    __m256i parts[4];
    const int count = data->has_four_parts ? 4 : 3;
    for (int i = 0; i < count; i++) {
      // Two products of at most 15 * 128 each, twice: far from the limit of 16 bits.
      const __m256i even = _mm256_maddubs_epi16(m.even[half], _mm256_loadu_si256((const __m256i*)data->parts[i][0] + half));
      const __m256i odd = _mm256_maddubs_epi16(m.odd[half], _mm256_loadu_si256((const __m256i*)data->parts[i][1] + half));
      parts[i] = _mm256_madd_epi16(_mm256_add_epi16(even, odd), _mm256_set1_epi16(1));
    }
    __m256 product = _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_add_epi32(_mm256_slli_epi32(parts[2], 8), parts[1]), 8), parts[0]));
    if (data->has_four_parts) {
      product = _mm256_fmadd_ps(_mm256_cvtepi32_ps(parts[3]), _mm256_set1_ps(0x1p24f), product);
    }
    const __m256 difference = _mm256_fnmadd_ps(zero_points.half[half], _mm256_loadu_ps(data->sums + 8 * half), product);
    sum = _mm256_fmadd_ps(_mm256_mul_ps(difference, scales.half[half]), scale, sum);
  }
  return sum;
}

#include "few-rows-kernel.inc"
