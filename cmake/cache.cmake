# Sets CACHE_DIR: where downloaded sources and built libraries are kept, outside of every checkout.
# -DCACHE_DIR=… or the environment variable ONNXSTREAM_CACHE overrides the operating system's usual place.

if(NOT CACHE_DIR)
  if(DEFINED ENV{ONNXSTREAM_CACHE})
    set(CACHE_DIR "$ENV{ONNXSTREAM_CACHE}")
  elseif(CMAKE_HOST_WIN32)
    file(TO_CMAKE_PATH "$ENV{LOCALAPPDATA}/onnxstream-interop" CACHE_DIR)
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(CACHE_DIR "$ENV{XDG_CACHE_HOME}/onnxstream-interop")
  else()
    set(CACHE_DIR "$ENV{HOME}/.cache/onnxstream-interop")
  endif()
endif()
