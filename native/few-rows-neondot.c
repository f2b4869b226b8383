// For processors with NEON and dot products; few-rows.c asks the processor before it uses this.
#define SET neondot
#define HAS_DOT
#include "few-rows-neon.inc"
