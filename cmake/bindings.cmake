# Regenerates bindings/Generated from the headers of the pinned sources. See bindings/README.md.
#
#   cmake [-DCACHE_DIR=…] [-D<NAME>_SOURCE_DIR=…] -P cmake/bindings.cmake

cmake_minimum_required(VERSION 3.22)
get_filename_component(ROOT "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)

find_program(GENERATOR ClangSharpPInvokeGenerator PATHS "$ENV{HOME}/.dotnet/tools" "$ENV{USERPROFILE}/.dotnet/tools")
if(NOT GENERATOR)
  message(FATAL_ERROR "bindings: ClangSharpPInvokeGenerator was not found. Get it with\n"
                      "  dotnet tool install --global ClangSharpPInvokeGenerator --version 22.1.8\n"
                      "(from nuget.org; ClangSharp.PInvokeGenerator is a library, not this tool). "
                      "The generated code is checked in: without the tool everything else still builds.")
endif()

include("${ROOT}/cmake/cache.cmake")
include("${ROOT}/cmake/sources.cmake")
onnxstream_get_sources()
set(XNNPACK_INCLUDE "${XNNPACK_SOURCE_DIR}/include")
set(PTHREADPOOL_INCLUDE "${PTHREADPOOL_SOURCE_DIR}/include")

# Generated beside first: a failed run leaves the old code alone, and types that are gone leave no file behind.
set(WORK "${ROOT}/artifacts/bindings")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/Generated")
configure_file("${ROOT}/bindings/header.txt" "${WORK}/header.txt" COPYONLY)
configure_file("${ROOT}/bindings/xnnpack.rsp" "${WORK}/xnnpack.rsp")
execute_process(COMMAND "${GENERATOR}" @xnnpack.rsp WORKING_DIRECTORY "${WORK}" RESULT_VARIABLE code)
file(GLOB generated "${WORK}/Generated/*.cs")
if(NOT code EQUAL 0 OR NOT generated)
  message(FATAL_ERROR "bindings: ClangSharpPInvokeGenerator failed with ${code}; what it made is in ${WORK}")
endif()
file(REMOVE_RECURSE "${ROOT}/bindings/Generated")
file(COPY "${WORK}/Generated" DESTINATION "${ROOT}/bindings")
list(LENGTH generated count)
message(NOTICE "bindings: ${count} files in bindings/Generated. Review 'git diff bindings', then './build.sh test'.")
