// Chooses the kernel of this processor for products of a few rows with 4-bit numbers, and prepares data for it.
#include "few-rows.h"

#include <math.h>
#include <string.h>
#include <xnnpack.h>
#include <xnnpack/hardware-config.h>

static onnxstream_few_rows_fn choose(void) {
  const struct xnn_hardware_config* hardware = xnn_init_hardware_config();
  if (hardware == NULL) {
    return NULL;
  }
#if XNN_ARCH_X86_64
  if (hardware->use_x86_avx512vnni) {
    return onnxstream_few_rows__avx512vnni;
  }
  if (hardware->use_x86_avx2 && hardware->use_x86_fma3) {
    return onnxstream_few_rows__avx2;
  }
  return NULL;
#elif XNN_ARCH_ARM64
  return hardware->use_arm_neon_dot ? onnxstream_few_rows__neondot : onnxstream_few_rows__neon;
#else
  return NULL;
#endif
}

// Whether this processor has a kernel. XNNPACK must have been started.
int onnxstream_few_rows_is_supported(void) { return choose() != NULL; }

// The bytes of a row of data.
size_t onnxstream_few_rows_data_bytes(size_t inputs) {
  return (inputs + onnxstream_few_rows_group - 1) / onnxstream_few_rows_group * sizeof(struct onnxstream_few_rows_data);
}

// Prepares a row of data. Returns 0 where integers cannot stand for its numbers: one is not finite or far above all others, or a whole group is nearly zero.
int onnxstream_few_rows_prepare(size_t inputs, const float* numbers, struct onnxstream_few_rows_data* data) {
  for (; inputs > 0; data++) {
    const size_t count = inputs < onnxstream_few_rows_group ? inputs : onnxstream_few_rows_group;
    float largest = 0.0f;
    // A product with zero is a number for those that are finite only.
    float check = 0.0f;
    for (size_t i = 0; i < count; i++) {
      const float magnitude = fabsf(numbers[i]);
      largest = magnitude > largest ? magnitude : largest;
      check += numbers[i] * 0.0f;
    }
    if (check != 0.0f || (largest > 0.0f && largest < 1e-30f)) {
      return 0;
    }
    // The mean square of all but the largest, as a part of the square of the largest.
    const float to_one = largest > 0.0f ? 1.0f / largest : 0.0f;
    float squares = 0.0f;
    for (size_t i = 0; i < count; i++) {
      const float part = numbers[i] * to_one;
      squares += part * part;
    }
    const float others = (squares - 1.0f) / (float)count;
    // A row whose largest numbers are 16 times the others loses four bits of 24. With 32 bits, those that are 512 times the others lose one of them.
    data->has_four_parts = largest > 0.0f && others < 1.0f / (16.0f * 16.0f);
    if (data->has_four_parts && others < 1.0f / (512.0f * 512.0f)) {
      return 0;
    }
    // The largest integers whose bytes are all 127.
    const int32_t largest_integer = data->has_four_parts ? 2139062143 : 8355711;
    const float to_integer = (float)largest_integer * to_one;
    int32_t integers[onnxstream_few_rows_group] = {0};
    for (size_t i = 0; i < count; i++) {
      const float number = numbers[i] * to_integer;
      const float rounded = number + (number < 0.0f ? -0.5f : 0.5f);
      // Rounding may exceed the largest integer.
      integers[i] = rounded >= (float)largest_integer ? largest_integer : rounded <= -(float)largest_integer ? -largest_integer : (int32_t)rounded;
    }
    for (size_t half = 0; half < 2; half++) {
      for (size_t i = 0; i < onnxstream_few_rows_group / 2; i++) {
        const int32_t second = (integers[2 * i + half] + 128) >> 8;
        const int32_t third = (second + 128) >> 8;
        data->parts[0][half][i] = (int8_t)integers[2 * i + half];
        data->parts[1][half][i] = (int8_t)second;
        data->parts[2][half][i] = (int8_t)third;
        data->parts[3][half][i] = (int8_t)((third + 128) >> 8);
      }
    }
    for (size_t eight = 0; eight < onnxstream_few_rows_group / 8; eight++) {
      float sum = 0.0f;
      for (size_t i = 0; i < 8; i++) {
        sum += (float)integers[8 * eight + i];
      }
      data->sums[eight] = sum;
    }
    data->scale = largest / (float)largest_integer;
    numbers += count;
    inputs -= count;
  }
  return 1;
}

// Computes a product. Only where there is a kernel.
void onnxstream_few_rows_multiply(const struct onnxstream_few_rows* product) { choose()(product); }
