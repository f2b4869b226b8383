# Native build on 64-bit x86 Linux.
set(ONNXSTREAM_RID linux-x64)
# The oldest C library that the result may need; Raspberry Pi OS and Debian 12 have 2.36, Ubuntu 22.04 has 2.35.
set(ONNXSTREAM_GLIBC_FLOOR 2.34)
