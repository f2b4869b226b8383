// Chooses the attention kernel of this processor.
#include "attention.h"

#include <xnnpack.h>
#include <xnnpack/hardware-config.h>

struct kernel {
  onnxstream_attention_fn function;
  size_t rows;
};

#define KERNEL(set) (struct kernel){onnxstream_attention__##set, onnxstream_attention_rows__##set}

static struct kernel choose(void) {
#if XNN_ARCH_X86_64
  const struct xnn_hardware_config* hardware = xnn_init_hardware_config();
  if (hardware != NULL && hardware->use_x86_avx512f) {
    return KERNEL(avx512f);
  }
  if (hardware != NULL && hardware->use_x86_avx2 && hardware->use_x86_fma3) {
    return KERNEL(avx2);
  }
#endif
  return KERNEL(baseline);
}

// The queries that a tile has at most.
size_t onnxstream_attention_rows(void) { return choose().rows; }

// The numbers that a tile needs beside its inputs and output.
size_t onnxstream_attention_scratch(size_t depth, size_t value_depth) {
  const size_t columns = (value_depth + onnxstream_attention_group - 1) / onnxstream_attention_group * onnxstream_attention_group;
  return (depth + columns + 2 * onnxstream_attention_block) * choose().rows;
}

// Computes one tile. XNNPACK must have been started.
void onnxstream_attention_tile(const struct onnxstream_attention* attention) { choose().function(attention); }
