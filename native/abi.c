// The sizes of the C structures that the bindings mirror, so that a test can compare them with C#'s.
#include "attention.h"
#include "few-rows.h"

#include <pthreadpool.h>
#include <stddef.h>
#include <string.h>
#include <xnnpack.h>

#define SIZE_OF(type)                 \
  if (strcmp(name, #type) == 0) {     \
    return sizeof(struct type);       \
  }
#define SIZE_OF_UNION(type)           \
  if (strcmp(name, #type) == 0) {     \
    return sizeof(union type);        \
  }

// Returns sizeof(name) in bytes, or 0 when the name is unknown (or the type is opaque).
size_t onnxstream_sizeof(const char* name) {
  SIZE_OF(onnxstream_attention)
  SIZE_OF(onnxstream_few_rows)
  SIZE_OF(xnn_allocator)
  SIZE_OF(xnn_attention_logits_cap_tanh_params)
  SIZE_OF(xnn_binary_params)
  SIZE_OF(xnn_external_value)
  SIZE_OF(xnn_quantization_params)
  SIZE_OF_UNION(xnn_unary_params)
  SIZE_OF(xnn_weights_cache_look_up_key)
  SIZE_OF(xnn_weights_cache_provider)
  return 0;
}
