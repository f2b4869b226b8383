# Says how CMake is to use the compiler that it was given: -DCLANG=…, which the build program finds (src/OnnxStream.Interop.Build).
#
# XNNPACK's x86 kernels need Clang: GCC 12 spills an accumulator inside the innermost loop of the
# FMA3 GEMM kernel, and the same convolution drops from 189 to 69 GFLOPS. So on x86 GCC is refused
# unless ALLOW_GCC is on.

function(onnxstream_use_compilers)
  if(CLANG)
    file(TO_CMAKE_PATH "${CLANG}" CLANG)
    execute_process(COMMAND "${CLANG}" --version OUTPUT_VARIABLE version ERROR_QUIET)
    if(NOT version MATCHES "clang version ([0-9]+)([^\n]*)")
      message(FATAL_ERROR "native: ${CLANG} is not Clang")
    endif()
    string(STRIP "clang ${CMAKE_MATCH_1}${CMAKE_MATCH_2}" id)
    if(CMAKE_HOST_WIN32)
      set(cxx "${CLANG}")
    else()
      string(REGEX REPLACE "clang(-[0-9]+)?$" "clang++\\1" cxx "${CLANG}")
    endif()
    set(ONNXSTREAM_COMPILER_ID "${id}" PARENT_SCOPE)
    set(ONNXSTREAM_COMPILER_ARGUMENTS "-DCMAKE_C_COMPILER=${CLANG}" "-DCMAKE_CXX_COMPILER=${cxx}" "-DCMAKE_ASM_COMPILER=${CLANG}" PARENT_SCOPE)
    return()
  endif()
  if(ALLOW_GCC)
    execute_process(COMMAND gcc -dumpfullversion OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
    message(WARNING "native: building with GCC ${version}: expect a third of the speed on x86")
    set(ONNXSTREAM_COMPILER_ID "gcc ${version}" PARENT_SCOPE)
    set(ONNXSTREAM_COMPILER_ARGUMENTS -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ PARENT_SCOPE)
    return()
  endif()
  message(FATAL_ERROR "native: no compiler was given. './build.sh native' finds Clang 16 or newer; by hand: -DCLANG=/usr/bin/clang-16. "
                      "GCC makes XNNPACK's x86 kernels 2.7 times slower; to use it all the same: -DALLOW_GCC=ON.")
endfunction()
