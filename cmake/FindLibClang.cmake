# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Finds the C API of clang: the newest installed LLVM from 22 down to 17 with
# header, library and clang's own headers. ACC_LLVM_ROOT names one by hand.
#
# Gives: LibClang::LibClang, LibClang_VERSION (the major version),
# LibClang_ROOT (where bin/, lib/ and include/ are), LibClang_HEADERS (where the
# include/ with clang's own headers is).

# The major version of the LLVM at a root, which is the name of the directory
# of clang's own headers; empty when something is missing, and then `lack` says
# what.
function(_libclang_probe root)
  unset(version PARENT_SCOPE)
  unset(lack PARENT_SCOPE)
  if(NOT EXISTS "${root}/include/clang-c/Index.h")
    set(lack "no include/clang-c/Index.h" PARENT_SCOPE)
    return()
  endif()
  file(GLOB headers "${root}/lib/clang/*/include/stddef.h"
    "${root}/lib64/clang/*/include/stddef.h")
  foreach(header IN LISTS headers)
    if(header MATCHES "/clang/([0-9]+)[^/]*/include")
      set(major ${CMAKE_MATCH_1})
      cmake_path(GET header PARENT_PATH resources)
      cmake_path(GET resources PARENT_PATH resources)
    endif()
  endforeach()
  if(NOT major)
    set(lack "none of clang's own headers, lib/clang/N/include" PARENT_SCOPE)
    return()
  endif()
  unset(library CACHE)
  find_library(library NAMES clang clang-${major} libclang.so.${major}
    PATHS "${root}/lib" "${root}/lib64" NO_DEFAULT_PATH NO_CACHE)
  if(library)
    set(version ${major} PARENT_SCOPE)
    set(library "${library}" PARENT_SCOPE)
    set(resources "${resources}" PARENT_SCOPE)
  else()
    set(lack "no lib/libclang.so" PARENT_SCOPE)
  endif()
endfunction()

# What there is, but does not do: a sentence for the message.
function(_libclang_explain)
  set(said)
  foreach(root IN LISTS ARGN)
    if(NOT IS_DIRECTORY "${root}" AND root STREQUAL ACC_LLVM_ROOT)
      string(APPEND said " ${root} is no directory.")
      continue()
    endif()
    _libclang_probe("${root}")
    if(NOT version AND root MATCHES "/llvm-([0-9]+)$" AND
       CMAKE_MATCH_1 LESS 17)
      set(version ${CMAKE_MATCH_1})
    endif()
    if(version AND version LESS 17 AND IS_DIRECTORY "${root}")
      string(APPEND said " ${root} has version ${version}, which is too old.")
    elseif(NOT version AND (root MATCHES "llvm" OR ARGC EQUAL 1) AND
           IS_DIRECTORY "${root}")
      string(APPEND said " ${root} has ${lack}.")
    endif()
  endforeach()
  set(explanation "${said}" PARENT_SCOPE)
endfunction()

set(_libclang_roots)
if(ACC_LLVM_ROOT)
  set(_libclang_roots "${ACC_LLVM_ROOT}")
elseif(DEFINED ENV{ACC_LLVM_ROOT})
  set(_libclang_roots "$ENV{ACC_LLVM_ROOT}")
else()
  foreach(_major RANGE 22 17 -1)
    list(APPEND _libclang_roots /usr/lib/llvm-${_major}
      /usr/lib/llvm/${_major} /usr/lib64/llvm${_major} /opt/llvm-${_major}
      /usr/local/llvm${_major} /usr/local/opt/llvm@${_major}
      /opt/homebrew/opt/llvm@${_major})
  endforeach()
  list(APPEND _libclang_roots /usr/local /usr)
endif()

set(LibClang_VERSION)
foreach(_root IN LISTS _libclang_roots)
  _libclang_probe("${_root}")
  if(version AND version GREATER_EQUAL 17)
    set(LibClang_VERSION ${version})
    set(LibClang_ROOT "${_root}")
    set(LibClang_LIBRARY "${library}")
    set(LibClang_HEADERS "${resources}")
    break()
  endif()
endforeach()

set(explanation)
if(NOT LibClang_VERSION)
  if(NOT ACC_LLVM_ROOT AND NOT DEFINED ENV{ACC_LLVM_ROOT})
    foreach(_major RANGE 16 12 -1)
      list(APPEND _libclang_roots /usr/lib/llvm-${_major})
    endforeach()
  endif()
  _libclang_explain(${_libclang_roots})
endif()

string(CONCAT _libclang_reason "acc needs libclang 17 to 22 with its headers "
  "(Debian: libclang-19-dev).${explanation} -DACC_LLVM_ROOT=DIR names one.")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibClang
  REQUIRED_VARS LibClang_LIBRARY LibClang_ROOT
  VERSION_VAR LibClang_VERSION
  REASON_FAILURE_MESSAGE "${_libclang_reason}")

if(LibClang_FOUND AND NOT TARGET LibClang::LibClang)
  add_library(LibClang::LibClang UNKNOWN IMPORTED)
  set_target_properties(LibClang::LibClang PROPERTIES
    IMPORTED_LOCATION "${LibClang_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibClang_ROOT}/include")
endif()
