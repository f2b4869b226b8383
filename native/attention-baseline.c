// Attention with what every processor of the architecture has: NEON on ARM, where 32 registers hold twice as many sums, SSE2 on x86.
#define SET baseline
#define LANES 4
#if defined(__aarch64__)
#define KEYS 8
#else
#define KEYS 4
#endif
#include "attention-kernel.inc"
