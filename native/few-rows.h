// Products of a few rows of data with a matrix of 4-bit numbers whose blocks have scales, used where it lies.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Numbers that are computed together, and the least that may share a scale.
enum { onnxstream_few_rows_group = 128, onnxstream_few_rows_block = 32 };

// A group of a row of data. Each number is an integer, in three or four bytes, times one scale: 24 bits, or 32 where the largest of the group is far above the
// others. That is as precise as single precision. Numbers at even positions come first, as a byte of the matrix holds an even and an odd one.
struct onnxstream_few_rows_data {
  int8_t parts[4][2][onnxstream_few_rows_group / 2];
  // Of eight neighbours each.
  float sums[onnxstream_few_rows_group / 8];
  float scale;
  int32_t has_four_parts;
  int32_t unused[14];
};

// One product: results[row][output] = sum over i of data[row][i] * scale[output][i / block] * (matrix[output][i] - zero_point[output][i / block]).
struct onnxstream_few_rows {
  size_t rows;
  // A multiple of onnxstream_few_rows_block, as is block.
  size_t inputs;
  size_t outputs;
  size_t block;
  const uint8_t* matrix;
  // Bytes from one row of the matrix to the next.
  size_t matrix_stride;
  // What each byte of the matrix is combined with to make its numbers those from 0 to 15: 0, or 0x88 for numbers from -8 to 7.
  int flip;
  const float* scales;
  const float* zero_points;
  // 1, or 0 where all blocks have the same.
  size_t zero_point_step;
  // onnxstream_few_rows_groups(inputs) for each row.
  const struct onnxstream_few_rows_data* data;
  // Bytes from one row of data to the next.
  size_t data_stride;
  float* results;
  // In numbers.
  size_t result_stride;
};

typedef void (*onnxstream_few_rows_fn)(const struct onnxstream_few_rows* product);
void onnxstream_few_rows__avx512vnni(const struct onnxstream_few_rows* product);
void onnxstream_few_rows__avx2(const struct onnxstream_few_rows* product);
void onnxstream_few_rows__neondot(const struct onnxstream_few_rows* product);
void onnxstream_few_rows__neon(const struct onnxstream_few_rows* product);
