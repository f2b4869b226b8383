# Native build on 64-bit x86 Linux.
set(ONNXSTREAM_RID linux-x64)
