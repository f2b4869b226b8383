// See emulated.c. The tiles of AMX in plain C; the rest of the kernels is AVX-512.
#include "emulated.h"

#include <immintrin.h>
#include <stdio.h>
#include <string.h>

#include "xnnpack/common.h"
#include "xnnpack/gemm.h"
#include "xnnpack/igemm.h"
#include "xnnpack/intrinsics-polyfill.h"
#include "xnnpack/math.h"
#include "xnnpack/unaligned.h"

static struct {
  int rows, bytes;
  uint8_t cells[16][64];
} tiles[8];

static void load_tile(int tile, const void* from, size_t stride) {
  for (int m = 0; m < tiles[tile].rows; m++) {
    memcpy(tiles[tile].cells[m], (const uint8_t*)from + m * stride, tiles[tile].bytes);
  }
}

static void store_tile(int tile, void* to, size_t stride) {
  for (int m = 0; m < tiles[tile].rows; m++) {
    memcpy((uint8_t*)to + m * stride, tiles[tile].cells[m], tiles[tile].bytes);
  }
}

static void multiply_tiles(int sums, int a, int b) {
  for (int m = 0; m < tiles[sums].rows; m++) {
    for (int n = 0; n < tiles[sums].bytes / 4; n++) {
      int32_t sum;
      memcpy(&sum, &tiles[sums].cells[m][4 * n], 4);
      for (int k = 0; k < tiles[a].bytes; k++) {
        sum += (int8_t)tiles[a].cells[m][k] * (int8_t)tiles[b].cells[k / 4][4 * n + k % 4];
      }
      memcpy(&tiles[sums].cells[m][4 * n], &sum, 4);
    }
  }
}

// The kernels have these instructions as assembly: configuration (where the structure is the operand), zeros, release.
static void assembly(const char* text, const void* config) {
  if (strstr(text, "ldtilecfg") != NULL) {
    for (int i = 0; i < 8; i++) {
      uint16_t bytes;
      memcpy(&bytes, (const uint8_t*)config + 16 + 2 * i, 2);
      tiles[i].bytes = bytes;
      tiles[i].rows = ((const uint8_t*)config)[48 + i];
    }
  } else if (strstr(text, "tilezero") != NULL) {
    for (int i = 0; i < 4; i++) {
      memset(tiles[i].cells, 0, sizeof tiles[i].cells);
    }
  }
}

#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#define _tile_loadd load_tile
#define _tile_stored store_tile
#define _tile_dpbssd multiply_tiles
#define __asm__ assembly
#define volatile(...) (#__VA_ARGS__, &tile_data)
#include "qd8-f32-qc8w-igemm/gen/qd8-f32-qc8w-igemm-16x64c4-minmax-avx512amx.c"
#include "qs8-qc8w-igemm/gen/qs8-qc8w-igemm-16x64c4-minmax-fp32-avx512amx.c"
#undef volatile
#undef __asm__

enum { height = 16, most_columns = 100, most_inputs = 196, taps = 2, zero_point = 3, output_zero_point = -5 };

static int8_t number(size_t i) { return (int8_t)(i * 73 % 251 - 125); }

// Dynamically quantized images with float results, or static ones with 8-bit results.
static int check(size_t rows, size_t columns, size_t inputs, int is_dynamic) {
  static int8_t a[taps][height][most_inputs + 64];
  static int8_t zero[most_inputs + 64], zero_data[most_inputs + 64];
  static float floats[height][most_columns + 64];
  static int8_t bytes[height][most_columns + 64];
  _Alignas(64) static int8_t w[2 * 64 * (taps * (most_inputs + 4) + 12)];
  const int8_t* addresses[taps * height];
  const size_t padded = (inputs + 3) / 4 * 4, group = 64 * (taps * padded + (is_dynamic ? 12 : 8));
  memset(zero_data, zero_point, sizeof zero_data);
  for (size_t t = 0; t < taps; t++) {
    for (size_t m = 0; m < height; m++) {
      for (size_t k = 0; k < sizeof a[t][m]; k++) {
        a[t][m][k] = number(t * 5 + m * 11 + k);
      }
      // The last row's second tap lies outside of the image.
      addresses[t * height + m] = m < rows ? a[t][m] : a[t][rows - 1];
      if (t == 1 && m + 1 >= rows && rows > 1) {
        addresses[t * height + m] = zero;
      }
    }
  }

  // Packed in groups of 64 columns: sums or biases, four inputs of each column after another, scales, biases.
  memset(w, 0, sizeof w);
  for (size_t n = 0; n < (columns + 63) / 64 * 64; n++) {
    int8_t* start = w + n / 64 * group;
    int32_t sum = 0;
    for (size_t t = 0; t < taps; t++) {
      for (size_t k = 0; k < inputs; k++) {
        const int8_t weight = number(n * 3 + t * 17 + k * 29);
        start[256 + 64 * t * padded + k / 4 * 256 + n % 64 * 4 + k % 4] = weight;
        sum -= weight;
      }
    }
    const int32_t first = is_dynamic ? sum : (int32_t)n * 50;
    const float scale = 1e-4f * (float)(n % 7 + 1), bias = (float)n;
    memcpy(start + n % 64 * 4, &first, 4);
    memcpy(start + 256 + 64 * taps * padded + n % 64 * 4, &scale, 4);
    if (is_dynamic) {
      memcpy(start + 512 + 64 * taps * padded + n % 64 * 4, &bias, 4);
    }
  }

  const size_t ks = taps * height * sizeof(void*);
  const struct xnn_qd8_quantization_params row = {.zero_point = zero_point, .inv_scale = 0.5f};
  if (is_dynamic) {
    const union xnn_f32_minmax_params params = {.scalar = {.min = -1e9f, .max = 1e9f}};
    xnn_qd8_f32_qc8w_igemm_minmax_ukernel_16x64c4__avx512amx(
        rows, columns, inputs, ks, addresses, w, floats[0], sizeof floats[0], 64 * sizeof(float), 0, zero, zero_data,
        &params, &row);
  } else {
    const union xnn_qs8_qc8w_conv_minmax_params params = {
        .fp32_scalar = {.output_zero_point = output_zero_point, .output_min = -128, .output_max = 127}};
    xnn_qs8_qc8w_igemm_minmax_fp32_ukernel_16x64c4__avx512amx(
        rows, columns, inputs, ks, addresses, w, bytes[0], sizeof bytes[0], 64, 0, zero, &params);
  }

  for (size_t m = 0; m < rows; m++) {
    for (size_t n = 0; n < columns; n++) {
      int32_t sum = is_dynamic ? 0 : (int32_t)n * 50;
      for (size_t t = 0; t < taps; t++) {
        const int is_outside = addresses[t * height + m] == zero;
        for (size_t k = 0; k < inputs; k++) {
          const int x = is_outside ? (is_dynamic ? zero_point : 0) : a[t][m][k];
          sum += (x - (is_dynamic ? zero_point : 0)) * number(n * 3 + t * 17 + k * 29);
        }
      }
      const float scale = 1e-4f * (float)(n % 7 + 1);
      float expected = is_dynamic ? (float)sum * 0.5f * scale + (float)n : (float)sum * scale + output_zero_point;
      if (!is_dynamic) {
        expected = expected < -128 ? -128 : expected > 127 ? 127 : expected;
      }
      const float found = is_dynamic ? floats[m][n] : bytes[m][n], allowed = is_dynamic ? 1e-2f : 0.51f;
      const float difference = found - expected;
      if (!(difference <= allowed && difference >= -allowed)) {
        fprintf(stderr, "emulated: igemm of AMX (%s), %d rows, %d columns, %d inputs: [%d, %d] is %g, expected %g\n",
                is_dynamic ? "qd8_f32_qc8w" : "qs8_qc8w", (int)rows, (int)columns, (int)inputs, (int)m, (int)n,
                (double)found, (double)expected);
        return 0;
      }
    }
  }
  return 1;
}

int check_emulated_amx(void) {
  const size_t rows[] = {1, 2, 15, 16}, columns[] = {1, 63, 64, 65, 100}, inputs[] = {3, 64, 65, 128, 196};
  int right = 1;
  for (size_t i = 0; i < 4 * 5 * 5; i++) {
    right &= check(rows[i / 25], columns[i / 5 % 5], inputs[i % 5], 0);
    right &= check(rows[i / 25], columns[i / 5 % 5], inputs[i % 5], 1);
  }
  return right;
}
