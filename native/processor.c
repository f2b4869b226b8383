// What XNNPACK found the processor to be, and which kernels it chose for it: for people, who otherwise could only guess.
#include <stdint.h>
#include <string.h>
#include <xnnpack.h>
#include <xnnpack/config.h>
#include <xnnpack/hardware-config.h>

// The matrix kernels that XNNPACK may choose from, as CMake finds them in its source. A reference that is weak takes part in no
// search of the archives: those for other processors than this library's stay null.
#if defined(__ELF__)
#define KERNEL(name) extern void name(void) __attribute__((weak, visibility("hidden")));
#include "gemm-kernels.inc"
#undef KERNEL
#endif

static const char* kernel_name(const struct xnn_gemm_config* config) {
  if (config == NULL || config->mr == 0) {
    return "";
  }
#if defined(__ELF__)
  const uintptr_t chosen = (uintptr_t)config->minmax.gemm[config->mr - 1].function[XNN_UARCH_DEFAULT];
#define KERNEL(name)                             \
  if ((uintptr_t)name == chosen && chosen != 0) { \
    return #name;                                \
  }
#include "gemm-kernels.inc"
#undef KERNEL
#endif
  return "";
}

// The name of the micro-kernel that multiplies matrices of a type (f32, f16 or qd8_f32_qc8w); empty where this processor has none, or
// where the object format cannot tell. xnn_initialize must have been called.
const char* onnxstream_matrix_kernel(const char* type) {
  if (strcmp(type, "f32") == 0) {
    return kernel_name(xnn_init_f32_gemm_config());
  }
  if (strcmp(type, "f16") == 0) {
    return kernel_name(xnn_init_f16_gemm_config());
  }
  if (strcmp(type, "qd8_f32_qc8w") == 0) {
    return kernel_name(xnn_init_qd8_f32_qc8w_gemm_config());
  }
  return "";
}

// The instruction sets that XNNPACK uses on this processor: the name of the one at an index, counted from 0, or null behind the last.
const char* onnxstream_instruction_set(size_t index) {
  const struct xnn_hardware_config* config = xnn_init_hardware_config();
#define USED(flag, name)                     \
  if (config->use_##flag && index-- == 0) {  \
    return name;                             \
  }
  if (config == NULL) {
    return NULL;
  }
#if XNN_ARCH_ARM64
  USED(arm_neon, "neon")
  USED(arm_neon_fma, "neonfma")
  USED(arm_neon_fp16, "neonfp16")
  USED(arm_neon_v8, "neonv8")
  USED(arm_neon_fp16_arith, "neonfp16arith")
  USED(arm_neon_bf16, "neonbf16")
  USED(arm_neon_dot, "neondot")
  USED(arm_neon_i8mm, "neoni8mm")
  USED(arm_sve, "sve")
  USED(arm_sve2, "sve2")
  USED(arm_sme, "sme")
  USED(arm_sme2, "sme2")
#elif XNN_ARCH_X86_64
  USED(x86_ssse3, "ssse3")
  USED(x86_sse4_1, "sse4.1")
  USED(x86_avx, "avx")
  USED(x86_f16c, "f16c")
  USED(x86_fma3, "fma3")
  USED(x86_avx2, "avx2")
  USED(x86_avxvnni, "avxvnni")
  USED(x86_avxvnniint8, "avxvnniint8")
  USED(x86_avx256skx, "avx256skx")
  USED(x86_avx256vnni, "avx256vnni")
  USED(x86_avx256vnnigfni, "avx256vnnigfni")
  USED(x86_avx512f, "avx512f")
  USED(x86_avx512skx, "avx512skx")
  USED(x86_avx512vbmi, "avx512vbmi")
  USED(x86_avx512vnni, "avx512vnni")
  USED(x86_avx512vnnigfni, "avx512vnnigfni")
  USED(x86_avx512amx, "avx512amx")
  USED(x86_avx512fp16, "avx512fp16")
#endif
  return NULL;
}
