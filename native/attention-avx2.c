// Attention for processors with AVX2 and fused multiply-add; attention.c asks the processor before it uses this.
#define SET avx2
#define LANES 8
#define KEYS 4
#include "attention-kernel.inc"
