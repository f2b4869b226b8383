// For processors with NEON.
#define SET neon
#include "few-rows-neon.inc"
