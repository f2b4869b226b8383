# Builds (or takes from the cache) the native library and puts it into artifacts/native/<rid>/.
#
#   cmake -DCLANG=/usr/bin/clang-16 [-DRID=linux-x64] [-DCACHE_DIR=…] [-DALLOW_GCC=ON] [-DQUIET=ON] [-D<NAME>_SOURCE_DIR=…] -P cmake/native.cmake
#
# ./build.sh native finds Clang and passes it on. Without one, ALLOW_GCC takes GCC.
#
# The cache key covers everything that the library is made from: pinned versions, the compiler, the
# build files and the list of bound functions. A second checkout on the same machine compiles nothing.

cmake_minimum_required(VERSION 3.22)
get_filename_component(ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

if(NOT RID)
  cmake_host_system_information(RESULT machine QUERY OS_PLATFORM)
  string(TOLOWER "${machine}" machine)
  if(machine MATCHES "aarch64|arm64")
    set(arch arm64)
  else()
    set(arch x64)
  endif()
  if(CMAKE_HOST_WIN32)
    set(RID win-${arch})
  elseif(CMAKE_HOST_APPLE)
    set(RID osx-${arch})
  else()
    set(RID linux-${arch})
  endif()
endif()
set(TOOLCHAIN "${ROOT}/cmake/toolchains/${RID}.cmake")
if(NOT EXISTS "${TOOLCHAIN}")
  file(GLOB known RELATIVE "${ROOT}/cmake/toolchains" "${ROOT}/cmake/toolchains/*.cmake")
  message(FATAL_ERROR "native: no toolchain for '${RID}'. Known: ${known}")
endif()

include("${ROOT}/cmake/cache.cmake")
include("${ROOT}/cmake/dependencies.cmake")
include("${ROOT}/cmake/compilers.cmake")
onnxstream_use_compilers()

set(scripts compilers dependencies native sources)
list(TRANSFORM scripts REPLACE "(.+)" "${ROOT}/cmake/\\1.cmake")
file(GLOB inputs ${scripts} "${ROOT}/cmake/toolchains/${RID}.cmake" "${ROOT}/native/*" "${ROOT}/bindings/Abi.cs" "${ROOT}/bindings/Generated/*Xnnpack.cs" "${ROOT}/bindings/Generated/*Methods.cs")
list(SORT inputs)
set(identity "${RID}\n${ONNXSTREAM_COMPILER_ID}\n")
foreach(input IN LISTS inputs)
  if(NOT IS_DIRECTORY "${input}")
    file(SHA256 "${input}" hash)
    string(APPEND identity "${hash}\n")
  endif()
endforeach()
foreach(name IN LISTS ONNXSTREAM_DEPENDENCIES)
  string(APPEND identity "${name} ${${name}_SOURCE_DIR} $ENV{${name}_SOURCE_DIR}\n")
endforeach()
string(SHA256 key "${identity}")
string(SUBSTRING "${key}" 0 20 key)

set(CACHED "${CACHE_DIR}/native/${RID}-${key}")
set(OUTPUT "${ROOT}/artifacts/native/${RID}")

if(NOT EXISTS "${CACHED}/complete")
  include("${ROOT}/cmake/sources.cmake")
  onnxstream_get_sources()
  set(build "${CACHE_DIR}/build/${RID}-${key}")
  set(arguments -G Ninja -S "${ROOT}/native" -B "${build}" -DCMAKE_BUILD_TYPE=Release
      "-DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN}" "-DCMAKE_INSTALL_PREFIX=${CACHED}" ${ONNXSTREAM_COMPILER_ARGUMENTS})
  foreach(name IN LISTS ONNXSTREAM_DEPENDENCIES)
    list(APPEND arguments "-D${name}_SOURCE_DIR=${${name}_SOURCE_DIR}")
  endforeach()
  message(NOTICE "native: compiling XNNPACK for ${RID} with ${ONNXSTREAM_COMPILER_ID} (some minutes, once)")
  execute_process(COMMAND "${CMAKE_COMMAND}" ${arguments} RESULT_VARIABLE code OUTPUT_FILE "${CACHE_DIR}/configure.log" ERROR_FILE "${CACHE_DIR}/configure.log")
  if(NOT code EQUAL 0)
    file(READ "${CACHE_DIR}/configure.log" log)
    message(FATAL_ERROR "native: configuring failed\n${log}")
  endif()
  set(ninja_options "")
  if(QUIET)
    # In a log, a thousand lines of progress hide the one that matters.
    set(ninja_options -- --quiet)
  endif()
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --target install ${ninja_options} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "native: compiling failed, see above")
  endif()
  # Objects are not needed any more: what counts is in CACHED.
  file(REMOVE_RECURSE "${build}")
  file(WRITE "${CACHED}/complete" "${identity}")
endif()

file(GLOB files LIST_DIRECTORIES FALSE "${CACHED}/*")
list(REMOVE_ITEM files "${CACHED}/complete")
file(MAKE_DIRECTORY "${OUTPUT}")
file(COPY ${files} DESTINATION "${OUTPUT}")

# Raspberry Pi OS and Debian 12 have glibc 2.36, Ubuntu 22.04 has 2.35. README.md and PublishVerb.cs promise the same version.
if(RID MATCHES "^linux-")
  set(GLIBC_FLOOR 2.34)
endif()
file(GLOB LIBRARY "${OUTPUT}/*onnxstream_xnnpack.so" "${OUTPUT}/*onnxstream_xnnpack.dylib" "${OUTPUT}/*onnxstream_xnnpack.dll")
set(MAXIMUM_BYTES 3145728)
include("${ROOT}/cmake/check-program.cmake")
message(NOTICE "native: ${OUTPUT} is ready (cached as ${RID}-${key})")
