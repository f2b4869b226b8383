// See transpose.h. Four rows and four columns at a time are turned in registers; whole cache lines of a row are read one after the other.
#include "transpose.h"

enum { side = 4 };

typedef float vector __attribute__((vector_size(side * sizeof(float))));
typedef float loose_vector __attribute__((vector_size(side * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline void turn(const float* source, size_t source_stride, float* destination, size_t destination_stride) {
  const vector a = *(const loose_vector*)source;
  const vector b = *(const loose_vector*)(source + source_stride);
  const vector c = *(const loose_vector*)(source + 2 * source_stride);
  const vector d = *(const loose_vector*)(source + 3 * source_stride);
  const vector ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const vector ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const vector cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const vector cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(loose_vector*)destination = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(loose_vector*)(destination + destination_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(loose_vector*)(destination + 2 * destination_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(loose_vector*)(destination + 3 * destination_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

void onnxstream_transpose(size_t rows, size_t columns, const float* source, size_t source_stride, float* destination, size_t destination_stride) {
  enum { line = 4 * side };
  const size_t whole_rows = rows / side * side;
  const size_t whole_columns = columns / side * side;
  for (size_t first = 0; first < whole_columns; first += line) {
    const size_t end = first + line < whole_columns ? first + line : whole_columns;
    for (size_t row = 0; row < whole_rows; row += side) {
      for (size_t column = first; column < end; column += side) {
        turn(source + row * source_stride + column, source_stride, destination + column * destination_stride + row, destination_stride);
      }
    }
  }
  for (size_t column = whole_columns; column < columns; column++) {
    for (size_t row = 0; row < whole_rows; row++) {
      destination[column * destination_stride + row] = source[row * source_stride + column];
    }
  }
  for (size_t row = whole_rows; row < rows; row++) {
    for (size_t column = 0; column < columns; column++) {
      destination[column * destination_stride + row] = source[row * source_stride + column];
    }
  }
}
