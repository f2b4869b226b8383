// Runs kernels for AVX512-FP16 and AMX on processors that have neither, by writing their special instructions in
// plain C, and compares them with plain loops: the build of the library fails where a mend of mends.cmake is
// missing. Exit code 0 if right.
#include "emulated.h"

#include <immintrin.h>
#include <stdio.h>
#include <string.h>

#include "xnnpack/common.h"
#include "xnnpack/gemm.h"
#include "xnnpack/igemm.h"
#include "xnnpack/intrinsics-polyfill.h"
#include "xnnpack/math.h"

// Vectors of 32 halves.
typedef struct {
  _Float16 lanes[32];
} halves;

static halves load_halves(const void* p) {
  halves v;
  memcpy(&v, p, sizeof v);
  return v;
}

static void store_halves(void* p, halves v) { memcpy(p, &v, sizeof v); }

static void store_masked_halves(void* p, uint32_t mask, halves v) {
  for (int i = 0; i < 32; i++) {
    if (mask >> i & 1) {
      memcpy((_Float16*)p + i, &v.lanes[i], sizeof(_Float16));
    }
  }
}

static halves spread_half(uint16_t bits) {
  halves v;
  for (int i = 0; i < 32; i++) {
    memcpy(&v.lanes[i], &bits, sizeof bits);
  }
  return v;
}

#define LANES(name, expression)                          \
  static halves name(halves a, halves b, halves c) {     \
    for (int i = 0; i < 32; i++) {                       \
      const float x = a.lanes[i], y = b.lanes[i], z = c.lanes[i]; \
      a.lanes[i] = (_Float16)(expression);               \
    }                                                    \
    return a;                                            \
  }
LANES(multiply_add, x * y + z)
LANES(maximum, x > y ? x : z)
LANES(minimum, x < y ? x : z)

#define __AVX512FP16__ 1
#define __m512h halves
#define _mm512_load_ph load_halves
#define _mm512_storeu_ph store_halves
#define _mm512_mask_storeu_epi16 store_masked_halves
#define _mm512_set1_epi16 spread_half
#define _mm512_castsi512_ph(v) (v)
#define _mm512_castph_si512(v) (v)
#define _cvtu32_mask32(mask) (mask)
#define __mmask32 uint32_t
#define _mm512_fmadd_ph multiply_add
#define _mm512_max_ph(a, b) maximum(a, b, b)
#define _mm512_min_ph(a, b) minimum(a, b, b)

#include "f16-gemm/gen/f16-gemm-1x64-minmax-avx512fp16-broadcast.c"
#include "f16-gemm/gen/f16-gemm-7x64-minmax-avx512fp16-broadcast.c"
#include "f16-igemm/gen/f16-igemm-1x64-minmax-avx512fp16-broadcast.c"
#include "f16-igemm/gen/f16-igemm-7x64-minmax-avx512fp16-broadcast.c"

enum { height = 7, most_columns = 130, most_inputs = 5, taps = 2 };

static _Float16 number(int i) { return (_Float16)((i * 37 % 17 - 8) / 8.0f); }

static int check_halves(size_t rows, size_t columns, size_t inputs, int is_indirect) {
  static _Float16 a[taps][height][most_inputs];
  static _Float16 c[height][most_columns + 64];
  _Alignas(64) static _Float16 w[3 * 64 * (1 + taps * most_inputs)];
  const xnn_float16* addresses[taps * height];
  const int used_taps = is_indirect ? taps : 1;
  const size_t kernel_height = rows == 1 ? 1 : height;
  const union xnn_f16_minmax_params params = {
      .scalar = {.min = xnn_float16_from_float(-1000.0f), .max = xnn_float16_from_float(1000.0f)}};
  memset(c, 0xFF, sizeof c);
  for (int t = 0; t < taps; t++) {
    for (int m = 0; m < height; m++) {
      for (size_t k = 0; k < inputs; k++) {
        a[t][m][k] = number(t * 100 + m * 10 + (int)k);
      }
    }
    for (size_t m = 0; m < kernel_height; m++) {
      addresses[t * kernel_height + m] = (const xnn_float16*)a[t][m < rows ? m : rows - 1];
    }
  }

  // Packed in groups of 64 columns: biases, then the columns' weights of each input of each tap.
  const size_t group = 64 * (1 + used_taps * inputs);
  for (size_t n = 0; n < (columns + 63) / 64 * 64; n++) {
    w[n / 64 * group + n % 64] = number((int)n + 3);
    for (size_t k = 0; k < used_taps * inputs; k++) {
      w[n / 64 * group + 64 * (1 + k) + n % 64] = number((int)(n * 7 + k * 5));
    }
  }

  const size_t kc = inputs * sizeof(_Float16), cm_stride = sizeof c[0], cn_stride = 64 * sizeof(_Float16);
  const xnn_float16 zero[most_inputs] = {0};
  if (is_indirect) {
    (rows == 1 ? xnn_f16_igemm_minmax_ukernel_1x64__avx512fp16_broadcast
               : xnn_f16_igemm_minmax_ukernel_7x64__avx512fp16_broadcast)(
        rows, columns, kc, taps * kernel_height * sizeof(void*), addresses, (const xnn_float16*)w, (xnn_float16*)c,
        cm_stride, cn_stride, 0, zero, &params);
  } else {
    (rows == 1 ? xnn_f16_gemm_minmax_ukernel_1x64__avx512fp16_broadcast
               : xnn_f16_gemm_minmax_ukernel_7x64__avx512fp16_broadcast)(
        rows, columns, kc, (const xnn_float16*)a[0], sizeof a[0][0], (const xnn_float16*)w, (xnn_float16*)c, cm_stride,
        cn_stride, &params);
  }

  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      float sum = w[n / 64 * group + n % 64];
      for (int t = 0; t < used_taps; t++) {
        for (size_t k = 0; k < inputs; k++) {
          sum += (float)a[t][m][k] * (float)w[n / 64 * group + 64 * (1 + t * inputs + k) + n % 64];
        }
      }
      const float difference = sum - (float)c[m][n];
      if (!(difference < 0.05f && difference > -0.05f)) {
        fprintf(stderr,
                "emulated: f16-%sgemm of AVX512-FP16, %d rows, %d columns, %d inputs: [%d, %d] is %g, expected %g\n",
                is_indirect ? "i" : "", (int)rows, (int)columns, (int)inputs, (int)m, (int)n, (double)c[m][n],
                (double)sum);
        return 0;
      }
    }
  }
  return 1;
}

int main(void) {
  int right = 1;
  const size_t columns[] = {1, 31, 32, 33, 63, 64, 65, 96, 100, 128, 130};
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
    for (size_t rows = 1; rows <= height; rows++) {
      right &= check_halves(rows, columns[i], 1, 0);
      right &= check_halves(rows, columns[i], most_inputs, 0);
      right &= check_halves(rows, columns[i], 3, 1);
    }
  }
  if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl")) {
    printf("emulated: AVX512-FP16 %s; AMX was not tried, because this processor has no AVX-512\n",
           right ? "right" : "wrong");
    return !right;
  }
  right &= check_emulated_amx();
  printf("emulated: AVX512-FP16 and AMX %s\n", right ? "right" : "wrong");
  return !right;
}
