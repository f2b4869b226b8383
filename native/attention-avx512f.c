// Attention for processors with AVX-512F; attention.c asks the processor before it uses this.
#include <immintrin.h>

#define SET avx512f
#define LANES 16
#define KEYS 8
#define SCALE_BY_POWER(x, n) (vector) _mm512_scalef_ps((__m512)(x), (__m512)(n))
#include "attention-kernel.inc"
