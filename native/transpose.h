// Turns matrices of 32-bit numbers, for packing weights.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C"
#endif
// Rows become columns. Strides are the numbers from one row to the next, of the source and of what it becomes.
void onnxstream_transpose(size_t rows, size_t columns, const float* source, size_t source_stride, float* destination, size_t destination_stride);
