# Fails the build where a program or library would not run where it should, or grew out of its package.
#
#   cmake -DLIBRARY=… -DMAXIMUM_BYTES=… [-DGLIBC_FLOOR=2.34] -P cmake/check-program.cmake

get_filename_component(name "${LIBRARY}" NAME)
file(SIZE "${LIBRARY}" bytes)
if(bytes GREATER MAXIMUM_BYTES)
  message(FATAL_ERROR "${LIBRARY} has ${bytes} bytes, and no more than ${MAXIMUM_BYTES} are allowed: is it stripped, and is only what is called linked?")
endif()
set(newest "")
if(GLIBC_FLOOR)
  # The names of symbol versions are plain text in the file's string table.
  file(STRINGS "${LIBRARY}" versions REGEX "^GLIBC_[0-9.]+$")
  set(newest 0)
  foreach(version IN LISTS versions)
    string(REPLACE "GLIBC_" "" version "${version}")
    if(version VERSION_GREATER newest)
      set(newest "${version}")
    endif()
  endforeach()
  if(newest VERSION_EQUAL 0)
    message(FATAL_ERROR "${LIBRARY} names no version of glibc: has the way to find it stopped working?")
  endif()
  if(newest VERSION_GREATER GLIBC_FLOOR)
    message(FATAL_ERROR "${LIBRARY} needs glibc ${newest}, but ${GLIBC_FLOOR} is promised: build it on an older system, or change the promise "
                        "(cmake/native.cmake, PublishVerb.cs, README.md).")
  endif()
  set(newest ", needs glibc ${newest}")
endif()
message(NOTICE "check: ${name} has ${bytes} bytes${newest}")
