# What is wrong in XNNPACK at the pinned commit, or slower than it must be, and mended in the build's copy of it.
#
# Every mend names what it replaces and how often that is there. A source in which it is not there that often fails the
# build: then look whether upstream has mended it, and delete the mend, or write it anew. Tests of the mends:
# tests/OnnxStream.Interop.Tests/Kernels/Xnnpack.
#
#   cmake -DXNNPACK=<folder> -P native/mends.cmake    mends a copy by hand

# Replaces a pattern in all files that match a glob. "files" have it, "places" times altogether.
function(onnxstream_mend root glob files places pattern replacement)
  file(GLOB paths "${root}/${glob}")
  set(found_files 0)
  set(found_places 0)
  foreach(path IN LISTS paths)
    file(READ "${path}" code)
    string(REPLACE "\r\n" "\n" code "${code}")
    # Counted by length, because a list of matches would break at every semicolon.
    string(REGEX REPLACE "${pattern}" "" without "${code}")
    if(without STREQUAL code)
      continue()
    endif()
    string(REGEX REPLACE "${pattern}" "<>" marked "${code}")
    string(LENGTH "${without}" length)
    string(LENGTH "${marked}" marked_length)
    math(EXPR found_places "${found_places} + (${marked_length} - ${length}) / 2")
    math(EXPR found_files "${found_files} + 1")
    string(REGEX REPLACE "${pattern}" "${replacement}" code "${code}")
    file(WRITE "${path}" "${code}")
  endforeach()
  if(NOT found_files EQUAL files OR NOT found_places EQUAL places)
    message(FATAL_ERROR "mends: ${glob} has ${found_places} places in ${found_files} files that match\n  ${pattern}\n"
                        "but ${places} in ${files} are expected. XNNPACK's source is another one than "
                        "native/mends.cmake was written for: see there what the mend is for.")
  endif()
endfunction()

function(onnxstream_mend_xnnpack root)
  # Clamping loses NaN. Kernels for SSE and AVX end with max(sum, low) and min(sum, high). These instructions give their
  # second operand if either is NaN, so that a NaN becomes the bound, infinite where there is none: a broken model would
  # look healthy. With the operands exchanged NaN stays NaN.
  foreach(family f32-gemm f32-igemm f32-vmulcaddc f32-dwconv f32-dwconv2d-chw f32-conv-hwc2chw
                 qd8-f32-qc8w-gemm qd8-f32-qc8w-igemm qd8-f32-qb4w-gemm)
    file(GLOB_RECURSE clamping "${root}/src/${family}/*.c")
    set(mended 0)
    foreach(file IN LISTS clamping)
      file(READ "${file}" code)
      string(REGEX REPLACE "(_mm(256|512)?_(max|min)_ps)\\((v[a-zA-Z0-9]+), (v(output_)?(min|max))\\)" "\\1(\\5, \\4)"
             exchanged "${code}")
      if(NOT exchanged STREQUAL code)
        file(WRITE "${file}" "${exchanged}")
        math(EXPR mended "${mended} + 1")
      endif()
    endforeach()
    if(mended EQUAL 0)
      message(FATAL_ERROR "mends: no kernel of ${family} clamps as expected: look at how XNNPACK's kernels end now, "
                          "and whether NaN stays NaN")
    endif()
  endforeach()

  # Operators take denormals for zero. What is small is not nothing: without the flag, results are those of other code.
  onnxstream_mend("${root}" src/operator-run.c 1 1 "flags = PTHREADPOOL_FLAG_DISABLE_DENORMALS" "flags = 0")

  # Products of dynamically quantized rows read parameters behind the rows. A kernel computes as many rows as it is
  # high; in the last tile the surplus rows are the last one again, but each with the parameters that lie behind the
  # last row's. 4-bit kernels in blocks for AVX-512 store the rows upwards, so that the last row gets the result of
  # foreign parameters; AMX kernels read 15 entries too many, where the header asks callers for 10. XNNPACK itself
  # hands grouped products a copy that repeats the last row's parameters: with such a copy nothing else is read, and
  # all rows of a place have one result. One entry more, because NEON kernels read entries by twos.
  onnxstream_mend("${root}" src/operator-run.c 1 1 "\nvoid xnn_compute_dqgemm\\(" [[

static const struct xnn_qd8_quantization_params* pad_quantization_params(
    const struct gemm_context* context,
    size_t mr_block_start,
    size_t mr_block_size,
    struct xnn_qd8_quantization_params* padded)
{
  memcpy(padded, &context->quantization_params[mr_block_start], mr_block_size * sizeof(*padded));
  for (size_t i = mr_block_size; i <= context->mr; i++) {
    padded[i] = padded[mr_block_size - 1];
  }
  return padded;
}

void xnn_compute_dqgemm(]])
  onnxstream_mend("${root}" src/operator-run.c 1 2
    "\\(\\(uintptr_t\\) &context->quantization_params\\[mr_block_start\\]\\)" [[pad_quantization_params(
          context, mr_block_start, mr_block_size, (struct xnn_qd8_quantization_params[XNN_MAX_MR + 1]) {{0}})]])

  # 4-bit kernels in blocks for SSE and AVX load aligned what is not aligned. Four columns are packed with 8 bytes
  # of scales for each block, so where the number of blocks is odd, every second group of columns begins between two
  # multiples of 16: the process ends there.
  onnxstream_mend("${root}" "src/qd8-f32-qb4w-gemm/gen/*.c" 24 24
    "const __m128 vksum = _mm_load_ps\\(" "const __m128 vksum = _mm_loadu_ps(")

  # Products of 8-bit integers for NEON without dot products are added by twos in 16 bits, which holds any but -128 * -128
  # twice: that is 32,768, and becomes -32,768. XNNPACK's own weights have no -128; those of a file are packed as they are.
  # Each product is added to the 32 bits by itself.
  foreach(family gemm igemm)
    onnxstream_mend("${root}" "src/qd8-f32-qc8w-${family}/gen/*c2s4-minmax-neon-mlal.c" 2 24
      "vprod([0-9]+x[0-9]+)(c[0-9]) = vmlal_s8\\(vprod[0-9]+x[0-9]+c[0-9], (vb[0-9a-z]+), (va[0-9a-z]+)\\);"
      "vacc\\1 = vpadalq_s16(vacc\\1, vprod\\1\\2);\n      vprod\\1\\2 = vmull_s8(\\3, \\4);")
  endforeach()

  # AMX convolutions advance the wrong row. Where one pixel is left for a tile, it is loaded without a copy, and
  # then the address of the tile's last row is advanced instead of its own: all channels behind the first 64 are
  # computed with the first 64 again. Mended upstream (the template src/qs8-igemm/c4-avx512amx.c.in has "a0 += 64"
  # there now).
  onnxstream_mend("${root}" "src/*-igemm/gen/*avx512amx*.c" 21 21
    "(_tile_loadd\\(4, a0, 64\\);   // Directly load input for mr=1\n +)a(6|15) \\+= 64;" "\\1a0 += 64;")

  # Half-precision kernels for AVX512-FP16 store the second 32 of 64 columns one element behind the first 32, not 32
  # (the number of the vector where the number of the column is meant). Mended upstream.
  onnxstream_mend("${root}" "src/f16-*gemm/gen/*avx512fp16*.c" 12 62
    "(_mm512_storeu_ph\\(\\(uint16_t\\*\\) c[0-9]+ \\+ )1, " "\\132, ")

  # Packing at run time leaves padding as it was. Kernels that take several inputs at once need zeros behind the
  # last input; a weight packed in advance has them, because its memory is cleared, and a workspace has what was in
  # it before. Dynamic products of few outputs, and weights given as [inputs, outputs], were packed without writing
  # it.
  onnxstream_mend("${root}" src/operator-run.c 1 1 "\nvoid xnn_compute_packw_gemm_gio\\(" [[

static void clear_padded_weights(
    void* packed_weights,
    size_t kc,
    size_t nr,
    size_t skr,
    size_t w_stride,
    size_t n_block_size)
{
  if (kc % skr != 0) {
    memset(packed_weights, 0, round_up(n_block_size, nr) * w_stride);
  }
}

void xnn_compute_packw_gemm_gio(]])
  onnxstream_mend("${root}" src/operator-run.c 1 4 "\n  context->packw_gemm_g(io|oi)\\(" [[

  clear_padded_weights(
      packed_weights, context->kc, context->nr, context->kr * context->sr, context->w_stride, n_block_size);
  context->packw_gemm_g\1(]])

  # Float products of quantized weights scale the bias too: the kernels start their sums with it, and multiply the sums
  # by the channel's scale. The packed bias is divided by that scale, which is checked to be positive and normal.
  onnxstream_mend("${root}" src/operators/fully-connected-nc.c 1 1
    "\n    if \\(use_weights_cache\\(fully_connected_op\\)\\) {\n[^\n]* = xnn_look_up_or_insert_weights_cache\\(" [[

    if (bias != NULL && (operator_type == xnn_operator_type_fully_connected_nc_f32_qc8w ||
                         operator_type == xnn_operator_type_fully_connected_nc_f32_qc4w)) {
      for (size_t i = 0; i < output_channels; i++) {
        float* packed_bias = (float*) ((uintptr_t) weights_ptr + i / nr * nr * weights_stride) + i % nr;
        *packed_bias /= scale_params[i];
      }
    }

    if (use_weights_cache(fully_connected_op)) {
      fully_connected_op->packed_weights.offset = xnn_look_up_or_insert_weights_cache(]])

  # Not wrong, but slow: weights of convolutions are packed number by number, each by a call of memmove, which took a tenth of the time of
  # a network whose weights are packed in every run.
  onnxstream_mend("${root}" src/reference/packing.cc 1 1 "\nvoid xnn_pack_f32_conv_goki_w\\(([^{]*)\\)\n{\n" [[

extern void onnxstream_transpose(
    size_t rows, size_t columns, const float* source, size_t source_stride, float* destination, size_t destination_stride);

static void pack_f32_conv_by_rows(
    size_t g, size_t nc, size_t ks, size_t kc, size_t nr, const float* k, const float* b, float* packed_weights, size_t extra_bytes)
{
  for (; g != 0; g--) {
    for (size_t nr_block_start = 0; nr_block_start < nc; nr_block_start += nr) {
      const size_t nr_block_size = min(nc - nr_block_start, nr);
      if XNN_LIKELY(b != nullptr) {
        std::copy_n(&b[nr_block_start], nr_block_size, packed_weights);
      }
      packed_weights += nr;
      for (size_t ki = 0; ki < ks; ki++) {
        onnxstream_transpose(nr_block_size, kc, &k[(nr_block_start * ks + ki) * kc], ks * kc, packed_weights, nr);
        packed_weights += nr * kc;
      }
      packed_weights = (float*) ((uintptr_t) packed_weights + extra_bytes);
    }
    k += ks * kc * nc;
    if XNN_UNPREDICTABLE(b != nullptr) {
      b += nc;
    }
  }
}

void xnn_pack_f32_conv_goki_w(\1)
{
  if (kr == 1 && sr == 1) {
    pack_f32_conv_by_rows(g, nc, ks, kc, nr, k, b, packed_weights, extra_bytes);
    return;
  }
]])
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  onnxstream_mend_xnnpack("${XNNPACK}")
endif()
