// Attention for one tile of queries: softmax(scale * Q K' + mask) V, in single precision, without ever having all scores.
#pragma once
#include <stddef.h>

// How keys and values must lie: keys in groups of this many, each group as [depth][group]; values as [keys][value depth], with as many columns as are
// a multiple of a group. What fills a group or the columns up is zero.
enum { onnxstream_attention_group = 8 };

// One tile.
struct onnxstream_attention {
  // Of queries; at most what onnxstream_attention_rows returns.
  size_t rows;
  size_t keys;
  size_t depth;
  size_t value_depth;
  float scale;
  // Whether queries that have no key get zeros; they get NaN otherwise.
  int empty_rows_are_zero;
  const float* queries;
  // From one row to the next, in numbers.
  size_t query_stride;
  const float* keys_packed;
  const float* values_packed;
  // What is added to the scores: null; one number for each key (stride 0); or a row for each query.
  const float* mask;
  size_t mask_stride;
  // As many numbers as onnxstream_attention_scratch returns, at an address that is a multiple of 64.
  float* scratch;
  float* output;
  size_t output_stride;
};

// Keys whose scores exist at a time.
enum { onnxstream_attention_block = 64 };

// A kernel and the number of queries in its tile: three vectors.
typedef void (*onnxstream_attention_fn)(const struct onnxstream_attention* attention);
#define ONNXSTREAM_ATTENTION(set, tile)             \
  enum { onnxstream_attention_rows__##set = tile }; \
  void onnxstream_attention__##set(const struct onnxstream_attention* attention);

ONNXSTREAM_ATTENTION(avx512f, 48)
ONNXSTREAM_ATTENTION(avx2, 24)
ONNXSTREAM_ATTENTION(baseline, 12)
