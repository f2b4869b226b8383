// Gives XNNPACK kernels that it does not bring itself.
#include <xnnpack.h>
#include <xnnpack/config.h>
#include <xnnpack/hardware-config.h>

#if XNN_ARCH_X86_64
#include "avx512f.h"
#endif

// To be called once, after xnn_initialize and before any operator is made. Returns how many kernels were added: 0 where XNNPACK has the best
// ones, or where it packs matrices in another way than the kernels here read them.
size_t onnxstream_add_kernels(void) {
#if XNN_ARCH_X86_64
  const struct xnn_hardware_config* hardware = xnn_init_hardware_config();
  // XNNPACK hands out what it has chosen as constant, but keeps it in memory that it writes itself.
  struct xnn_gemm_config* config = (struct xnn_gemm_config*)xnn_init_f32_gemm_config();
  if (hardware == NULL || !hardware->use_x86_avx512f || config == NULL || config->nr != onnxstream_avx512f_columns || config->log2_kr != 0 || config->log2_sr != 0 ||
      config->mr >= onnxstream_avx512f_igemm_rows) {
    return 0;
  }

  // Operators look for the height that fits a matrix best. Those of XNNPACK between one row and the highest compute what is left over twice.
  config->minmax.gemm[config->mr - 1] = (struct xnn_hmp_gemm_ukernel){{0}};
  config->minmax.igemm[config->mr - 1] = (struct xnn_hmp_igemm_ukernel){{0}};
  config->minmax.gemm[onnxstream_avx512f_gemm_rows - 1].function[XNN_UARCH_DEFAULT] = (xnn_gemm_ukernel_fn)onnxstream_f32_gemm_minmax_ukernel_14x32__avx512f;
  config->minmax.igemm[onnxstream_avx512f_igemm_rows - 1].function[XNN_UARCH_DEFAULT] = (xnn_igemm_ukernel_fn)onnxstream_f32_igemm_minmax_ukernel_12x32__avx512f;
  config->minmax.igemm[onnxstream_avx512f_low_igemm_rows - 1].function[XNN_UARCH_DEFAULT] = (xnn_igemm_ukernel_fn)onnxstream_f32_igemm_minmax_ukernel_10x32__avx512f;
  config->mr = onnxstream_avx512f_gemm_rows;
  return 3;
#else
  return 0;
#endif
}
