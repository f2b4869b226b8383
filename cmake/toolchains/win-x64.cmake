# 64-bit Windows with clang-cl (inside a Visual Studio developer prompt).
set(ONNXSTREAM_RID win-x64)
