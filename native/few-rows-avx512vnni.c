// Products of a few rows for processors with AVX-512 and VNNI; few-rows.c asks the processor before it uses this.
#include "few-rows.h"

#include <immintrin.h>

#define SET avx512vnni
#define FACTORS __m512
#define SUM __m512

typedef struct {
  __m512i even, odd;
} MATRIX;

static inline __m512 zero(void) { return _mm512_setzero_ps(); }
static inline float total(__m512 sum) { return _mm512_reduce_add_ps(sum); }

static inline MATRIX load_matrix(const uint8_t* bytes, int flip) {
  const __m512i numbers = _mm512_xor_si512(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)flip));
  const __m512i low = _mm512_set1_epi8(15);
  return (MATRIX){_mm512_and_si512(numbers, low), _mm512_and_si512(_mm512_srli_epi16(numbers, 4), low)};
}

// Four lanes have eight numbers each: those of a block.
static inline __m512 load_factors(const float* four, float factor) {
  const __m512i lanes = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  return _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(_mm_mul_ps(_mm_loadu_ps(four), _mm_set1_ps(factor))));
}

static inline __m512 add_group(__m512 sum, MATRIX m, __m512 scales, __m512 zero_points, const struct onnxstream_few_rows_data* data) {
  __m512i parts[3];
  for (int i = 0; i < 3; i++) {
    parts[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), m.even, _mm512_loadu_si512(data->parts[i][0]));
    parts[i] = _mm512_dpbusd_epi32(parts[i], m.odd, _mm512_loadu_si512(data->parts[i][1]));
  }
  __m512 product = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_add_epi32(_mm512_slli_epi32(parts[2], 8), parts[1]), 8), parts[0]));
  if (data->has_four_parts) {
    __m512i highest = _mm512_dpbusd_epi32(_mm512_setzero_si512(), m.even, _mm512_loadu_si512(data->parts[3][0]));
    highest = _mm512_dpbusd_epi32(highest, m.odd, _mm512_loadu_si512(data->parts[3][1]));
    product = _mm512_fmadd_ps(_mm512_cvtepi32_ps(highest), _mm512_set1_ps(0x1p24f), product);
  }
  const __m512 difference = _mm512_fnmadd_ps(zero_points, _mm512_loadu_ps(data->sums), product);
  // Factors of the matrix and the data are brought nearer to each other, so that their product is not too small.
  return _mm512_fmadd_ps(_mm512_mul_ps(difference, scales), _mm512_set1_ps(data->scale * 0x1p23f), sum);
}

#include "few-rows-kernel.inc"
