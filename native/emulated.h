// The parts of the program "emulated", each compiled for another instruction set.
#pragma once

// Compares convolution kernels for AMX with plain loops. The processor must have AVX-512. Returns 1 if they are right.
int check_emulated_amx(void);
