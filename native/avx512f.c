// See avx512f.h. Compiled for AVX-512F; kernels.c asks the processor before it uses anything of this file.
//
// XNNPACK's own kernel of 7 rows computes as fast from a cache. It differs where weights come from further away, which is where
// streamed ones come from: with twice the rows, half as many bytes are wanted for each product, and a prefetch asks for them a page
// ahead, which is about as long as memory takes to answer. The last rows of a matrix have kernels of their own height instead of
// computing some twice.
#include "avx512f.h"

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

enum { columns = onnxstream_avx512f_columns, lanes = 16, prefetched = 4096 / sizeof(float) };

INLINE const float* offset(const float* pointer, size_t bytes) { return (const float*)((uintptr_t)pointer + bytes); }

INLINE void prefetch(const float* w) {
  _mm_prefetch((const char*)(w + prefetched), _MM_HINT_T0);
  _mm_prefetch((const char*)(w + prefetched + lanes), _MM_HINT_T0);
}

// Limits and stores up to 32 columns, or up to 16 where there is one vector.
INLINE void store(const size_t rows, const size_t vectors, const __m512 (*sums)[2], size_t nc, float* c, size_t cm_stride, const union xnn_f32_minmax_params* params) {
  const __m512 low = _mm512_set1_ps(params->scalar.min);
  const __m512 high = _mm512_set1_ps(params->scalar.max);
  const uint32_t mask = nc >= columns ? UINT32_MAX : (UINT32_C(1) << nc) - 1;
  UNROLL for (size_t i = 0; i < rows; i++) {
    float* row = (float*)((uintptr_t)c + i * cm_stride);
    _mm512_mask_storeu_ps(row, (__mmask16)mask, _mm512_min_ps(high, _mm512_max_ps(low, sums[i][0])));
    if (vectors > 1) {
      _mm512_mask_storeu_ps(row + lanes, (__mmask16)(mask >> lanes), _mm512_min_ps(high, _mm512_max_ps(low, sums[i][1])));
    }
  }
}

// A tile of 32 columns, or of the first 16 of them. Returns the weights of the next tile.
INLINE const float* gemm_tile(
    const size_t rows, const size_t vectors, size_t nc, size_t kc, const float* a, size_t a_stride, const float* w, float* c, size_t cm_stride,
    const union xnn_f32_minmax_params* params) {
  __m512 sums[onnxstream_avx512f_gemm_rows][2];
  UNROLL for (size_t i = 0; i < rows; i++) {
    sums[i][0] = _mm512_load_ps(w);
    sums[i][1] = _mm512_load_ps(w + lanes);
  }
  w += columns;

  // Every third row has a register for its address; x86 reaches the two behind it from there.
  const float* third[(onnxstream_avx512f_gemm_rows + 2) / 3];
  UNROLL for (size_t i = 0; i < rows; i += 3) {
    third[i / 3] = offset(a, i * a_stride);
  }
  for (size_t k = kc; k != 0; k -= sizeof(float)) {
    const __m512 left = _mm512_load_ps(w);
    const __m512 right = _mm512_load_ps(w + lanes);
    prefetch(w);
    w += columns;
    UNROLL for (size_t i = 0; i < rows; i++) {
      const __m512 value = _mm512_set1_ps(*offset(third[i / 3], i % 3 * a_stride));
      sums[i][0] = _mm512_fmadd_ps(value, left, sums[i][0]);
      if (vectors > 1) {
        sums[i][1] = _mm512_fmadd_ps(value, right, sums[i][1]);
      }
    }
    UNROLL for (size_t i = 0; i < rows; i += 3) {
      third[i / 3]++;
    }
  }

  store(rows, vectors, sums, nc, c, cm_stride, params);
  return w;
}

INLINE void gemm(
    const size_t rows, size_t nc, size_t kc, const float* a, size_t a_stride, const float* w, float* c, size_t cm_stride, size_t cn_stride,
    const union xnn_f32_minmax_params* params) {
  for (; nc > lanes; nc -= columns) {
    w = gemm_tile(rows, 2, nc, kc, a, a_stride, w, c, cm_stride, params);
    if (nc <= columns) {
      return;
    }
    c = (float*)((uintptr_t)c + cn_stride);
  }
  gemm_tile(rows, 1, nc, kc, a, a_stride, w, c, cm_stride, params);
}

// "height" addresses for each element of a kernel, of which the first "rows" are used.
INLINE const float* igemm_tile(
    const size_t rows, const size_t vectors, const size_t height, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride,
    size_t a_offset, const float* zero, const union xnn_f32_minmax_params* params) {
  __m512 sums[onnxstream_avx512f_igemm_rows][2];
  UNROLL for (size_t i = 0; i < rows; i++) {
    sums[i][0] = _mm512_load_ps(w);
    sums[i][1] = _mm512_load_ps(w + lanes);
  }
  w += columns;

  const float** addresses = a;
  for (size_t p = ks; p != 0; p -= height * sizeof(void*)) {
    const float* row[onnxstream_avx512f_igemm_rows];
    UNROLL for (size_t i = 0; i < rows; i++) {
      row[i] = addresses[i] == zero ? zero : offset(addresses[i], a_offset);
    }
    addresses += height;
    for (size_t k = 0; k != kc; k += sizeof(float)) {
      const __m512 left = _mm512_load_ps(w);
      const __m512 right = _mm512_load_ps(w + lanes);
      prefetch(w);
      w += columns;
      UNROLL for (size_t i = 0; i < rows; i++) {
        const __m512 value = _mm512_set1_ps(*offset(row[i], k));
        sums[i][0] = _mm512_fmadd_ps(value, left, sums[i][0]);
        if (vectors > 1) {
          sums[i][1] = _mm512_fmadd_ps(value, right, sums[i][1]);
        }
      }
    }
  }

  store(rows, vectors, sums, nc, c, cm_stride, params);
  return w;
}

INLINE void igemm(
    const size_t rows, const size_t height, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride, size_t cn_stride,
    size_t a_offset, const float* zero, const union xnn_f32_minmax_params* params) {
  for (; nc > lanes; nc -= columns) {
    w = igemm_tile(rows, 2, height, nc, kc, ks, a, w, c, cm_stride, a_offset, zero, params);
    if (nc <= columns) {
      return;
    }
    c = (float*)((uintptr_t)c + cn_stride);
  }
  igemm_tile(rows, 1, height, nc, kc, ks, a, w, c, cm_stride, a_offset, zero, params);
}

void onnxstream_f32_gemm_minmax_ukernel_14x32__avx512f(
    size_t mr, size_t nc, size_t kc, const float* a, size_t a_stride, const float* w, float* c, size_t cm_stride, size_t cn_stride,
    const union xnn_f32_minmax_params* params) {
#define ROWS(rows)                                                       \
  case rows:                                                             \
    gemm(rows, nc, kc, a, a_stride, w, c, cm_stride, cn_stride, params); \
    break;
  switch (mr) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12) ROWS(13) ROWS(14)
  }
#undef ROWS
}

void onnxstream_f32_igemm_minmax_ukernel_12x32__avx512f(
    size_t mr, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride, size_t cn_stride, size_t a_offset,
    const float* zero, const union xnn_f32_minmax_params* params) {
#define ROWS(rows)                                                                       \
  case rows:                                                                             \
    igemm(rows, 12, nc, kc, ks, a, w, c, cm_stride, cn_stride, a_offset, zero, params);  \
    break;
  switch (mr) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
  }
#undef ROWS
}

void onnxstream_f32_igemm_minmax_ukernel_10x32__avx512f(
    size_t mr, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride, size_t cn_stride, size_t a_offset,
    const float* zero, const union xnn_f32_minmax_params* params) {
#define ROWS(rows)                                                                       \
  case rows:                                                                             \
    igemm(rows, 10, nc, kc, ks, a, w, c, cm_stride, cn_stride, a_offset, zero, params);  \
    break;
  switch (mr) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10)
  }
#undef ROWS
}
