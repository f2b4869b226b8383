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

// The instruction sets that XNNPACK distinguishes: flag, name, and two ranks. A limit to one of them keeps those
// that are above it in neither rank. There are two, because AVX-VNNI and AVX-512 are each without the other in
// processors that were made: a limit to avx512vnni is a Cascade Lake, one to avx512vnnigfni an Ice Lake, one to
// avxvnni an Alder Lake, one to avx512amx a Sapphire Rapids.
#if XNN_ARCH_ARM64
#define INSTRUCTION_SETS(SET)                     \
  SET(arm_neon, "neon", 0, 0)                     \
  SET(arm_neon_fma, "neonfma", 0, 0)              \
  SET(arm_neon_fp16, "neonfp16", 0, 0)            \
  SET(arm_neon_v8, "neonv8", 0, 0)                \
  SET(arm_neon_fp16_arith, "neonfp16arith", 1, 1) \
  SET(arm_neon_bf16, "neonbf16", 3, 3)            \
  SET(arm_neon_dot, "neondot", 2, 2)              \
  SET(arm_neon_i8mm, "neoni8mm", 3, 3)            \
  SET(arm_sve, "sve", 4, 4)                       \
  SET(arm_sve2, "sve2", 5, 5)                     \
  SET(arm_sme, "sme", 6, 6)                       \
  SET(arm_sme2, "sme2", 7, 7)
#elif XNN_ARCH_X86_64
#define INSTRUCTION_SETS(SET)                     \
  SET(x86_ssse3, "ssse3", 1, 1)                   \
  SET(x86_sse4_1, "sse4.1", 2, 2)                 \
  SET(x86_avx, "avx", 3, 3)                       \
  SET(x86_f16c, "f16c", 4, 4)                     \
  SET(x86_fma3, "fma3", 5, 5)                     \
  SET(x86_avx2, "avx2", 6, 6)                     \
  SET(x86_avxvnni, "avxvnni", 7, 6)               \
  SET(x86_avxvnniint8, "avxvnniint8", 9, 6)       \
  SET(x86_avx256skx, "avx256skx", 6, 8)           \
  SET(x86_avx256vnni, "avx256vnni", 7, 8)         \
  SET(x86_avx256vnnigfni, "avx256vnnigfni", 7, 8) \
  SET(x86_avx512f, "avx512f", 6, 7)               \
  SET(x86_avx512skx, "avx512skx", 6, 8)           \
  SET(x86_avx512vbmi, "avx512vbmi", 6, 10)        \
  SET(x86_avx512vnni, "avx512vnni", 6, 9)         \
  SET(x86_avx512vnnigfni, "avx512vnnigfni", 6, 10) \
  SET(x86_avx512amx, "avx512amx", 8, 12)          \
  SET(x86_avx512fp16, "avx512fp16", 8, 11)
#else
#define INSTRUCTION_SETS(SET)
#endif

// The instruction sets that XNNPACK uses on this processor: the name of the one at an index, counted from 0, or
// null behind the last.
const char* onnxstream_instruction_set(size_t index) {
  const struct xnn_hardware_config* config = xnn_init_hardware_config();
  if (config == NULL) {
    return NULL;
  }
#define USED(flag, name, first, second)     \
  if (config->use_##flag && index-- == 0) { \
    return name;                            \
  }
  INSTRUCTION_SETS(USED)
#undef USED
  return NULL;
}

// Has XNNPACK use no instruction set above one of those that it uses: to test the kernels of other processors than
// this one. To be called once, before xnn_initialize. Returns 0 where the name is none of an instruction set in
// use.
int onnxstream_limit_instruction_sets(const char* newest) {
  // XNNPACK hands out what it has found as constant, but keeps it in memory that it writes itself.
  struct xnn_hardware_config* config = (struct xnn_hardware_config*)xnn_init_hardware_config();
  int first_limit = -1, second_limit = -1;
  if (config == NULL) {
    return 0;
  }
#define FIND(flag, name, first, second)                     \
  if (config->use_##flag && strcmp(newest, name) == 0) {    \
    first_limit = first;                                    \
    second_limit = second;                                  \
  }
  INSTRUCTION_SETS(FIND)
#undef FIND
  if (first_limit < 0) {
    return 0;
  }
#define LIMIT(flag, name, first, second)                \
  if (first > first_limit || second > second_limit) {   \
    config->use_##flag = false;                         \
    config->arch_flags &= ~(uint64_t)xnn_arch_##flag;   \
  }
  INSTRUCTION_SETS(LIMIT)
#undef LIMIT
  return 1;
}
