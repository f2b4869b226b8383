// Matrix kernels for processors with AVX-512, beside those of XNNPACK: the same arithmetic in the same order, more rows at a time.
#pragma once
#include <stddef.h>
#include <xnnpack/microfnptr.h>

// The most rows that a kernel computes at a time. An accumulator of 32 columns takes two of the 32 registers.
enum { onnxstream_avx512f_gemm_rows = 14, onnxstream_avx512f_igemm_rows = 12, onnxstream_avx512f_low_igemm_rows = 10, onnxstream_avx512f_columns = 32 };

// As XNNPACK's xnn_f32_gemm_minmax_ukernel_MRx32: mr rows (1 to 14) of A, whose rows are a_stride bytes apart, times packed columns.
void onnxstream_f32_gemm_minmax_ukernel_14x32__avx512f(
    size_t mr, size_t nc, size_t kc, const float* a, size_t a_stride, const float* w, float* c, size_t cm_stride, size_t cn_stride,
    const union xnn_f32_minmax_params* params);

// As XNNPACK's xnn_f32_igemm_minmax_ukernel_MRx32: rows (1 to 12) that are found through addresses, 12 for each element of a kernel.
void onnxstream_f32_igemm_minmax_ukernel_12x32__avx512f(
    size_t mr, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride, size_t cn_stride, size_t a_offset,
    const float* zero, const union xnn_f32_minmax_params* params);

// The same with 10 rows, of which small images have a better multiple: those of 7x7 and 10x10 pixels.
void onnxstream_f32_igemm_minmax_ukernel_10x32__avx512f(
    size_t mr, size_t nc, size_t kc, size_t ks, const float** a, const float* w, float* c, size_t cm_stride, size_t cn_stride, size_t a_offset,
    const float* zero, const union xnn_f32_minmax_params* params);
