# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# target_async_sources(<target> PRIVATE|PUBLIC|INTERFACE <file>...
#                      [PRIVATE|PUBLIC|INTERFACE <file>...]...)
#
# Adds .ac files to a target, as target_sources() adds .c files. They are C
# files to CMake, with acc as the compiler's launcher: so they get all that the
# target's C files get (include directories, definitions, options, the standard,
# also what is set after this call), dependencies are the compiler's own, and
# compile_commands.json has entries that clangd understands.
#
#   PRIVATE    compiled into the target
#   INTERFACE  compiled once, under the target's interface requirements, and
#              linked into each target that links this one
#   PUBLIC     both
#
# The target is linked with the runtime library: the archive acc::ac, or with
#
#   set_target_properties(<target> PROPERTIES ACC_SHARED_RUNTIME ON)
#
# acc::ac_shared, which a program and its shared libraries need that are to run
# tasks of each other. That is the default of shared libraries and modules.
include_guard(GLOBAL)

# The path of the tool, for OBJECT_DEPENDS, which takes no generator
# expressions.
function(_acc_tool_path result)
  get_target_property(tool acc::acc ALIASED_TARGET)
  if(tool)
    get_property(path GLOBAL PROPERTY ACC_TOOL_PATH)
  else()
    get_target_property(path acc::acc IMPORTED_LOCATION)
    get_target_property(configs acc::acc IMPORTED_CONFIGURATIONS)
    foreach(config IN LISTS configs)
      if(NOT path)
        get_target_property(path acc::acc IMPORTED_LOCATION_${config})
      endif()
    endforeach()
  endif()
  set(${result} "${path}" PARENT_SCOPE)
endfunction()

# Makes acc the launcher of a target's C compiler, in front of one that is
# there already (ccache).
function(_acc_launch target)
  get_target_property(launcher ${target} C_COMPILER_LAUNCHER)
  if(NOT launcher)
    set(launcher)
  endif()
  if("--launch" IN_LIST launcher)
    return()
  endif()
  set_property(TARGET ${target} PROPERTY C_COMPILER_LAUNCHER
    "$<TARGET_FILE:acc::acc>" --launch ${launcher})
  get_target_property(tool acc::acc ALIASED_TARGET)
  if(tool)
    add_dependencies(${target} ${tool})
  endif()
endfunction()

# An absolute path, as target_sources() finds it: in the source directory, or
# generated into the binary directory.
function(_acc_source_path file result)
  if(IS_ABSOLUTE "${file}")
    set(path "${file}")
  else()
    set(path "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
    if(NOT EXISTS "${path}")
      # Asking for a property makes CMake believe in the file: not sooner.
      set(generated "${CMAKE_CURRENT_BINARY_DIR}/${file}")
      get_source_file_property(is_generated "${generated}" GENERATED)
      if(is_generated OR EXISTS "${generated}")
        set(path "${generated}")
      endif()
    endif()
  endif()
  cmake_path(NORMAL_PATH path)
  set(${result} "${path}" PARENT_SCOPE)
endfunction()

# Compiles .ac files into a target, and links nothing.
function(acc_compile_in target files)
  _acc_tool_path(tool)
  _acc_launch(${target})
  foreach(file IN LISTS files)
    target_sources(${target} PRIVATE "${file}")
    set_source_files_properties("${file}" TARGET_DIRECTORY ${target}
      PROPERTIES LANGUAGE C SKIP_UNITY_BUILD_INCLUSION ON
        SKIP_PRECOMPILE_HEADERS ON)
    set_property(SOURCE "${file}" TARGET_DIRECTORY ${target}
      APPEND PROPERTY OBJECT_DEPENDS "${tool}")
  endforeach()
endfunction()

# The runtime, by property and not by target_link_libraries(): that would force
# the caller's choice between its two signatures.
function(_acc_link_runtime target)
  get_target_property(linked ${target} _ACC_LINKED)
  if(linked)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  get_target_property(shared ${target} ACC_SHARED_RUNTIME)
  if(shared MATCHES "NOTFOUND$" AND type MATCHES "SHARED|MODULE")
    set_target_properties(${target} PROPERTIES ACC_SHARED_RUNTIME ON)
  endif()
  set(is_shared "$<BOOL:$<TARGET_PROPERTY:${target},ACC_SHARED_RUNTIME>>")
  set(runtime "$<IF:${is_shared},acc::ac_shared,acc::ac>")
  set_property(TARGET ${target} APPEND PROPERTY LINK_LIBRARIES "${runtime}")
  if(type MATCHES "STATIC|OBJECT")
    set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES
      "$<LINK_ONLY:${runtime}>")
  endif()
  set_target_properties(${target} PROPERTIES _ACC_LINKED ON)
endfunction()

# The objects of a target's INTERFACE files. They take its interface
# requirements one by one: linking the target would make it link itself.
function(_acc_compile_for_users target files)
  string(MAKE_C_IDENTIFIER "${target}_async_objects" objects)
  if(NOT TARGET ${objects})
    add_library(${objects} OBJECT)
    set_target_properties(${objects} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    foreach(kind IN ITEMS DEFINITIONS OPTIONS FEATURES)
      string(TOLOWER ${kind} lower)
      cmake_language(CALL target_compile_${lower} ${objects} PRIVATE
        "$<TARGET_PROPERTY:${target},INTERFACE_COMPILE_${kind}>")
    endforeach()
    target_include_directories(${objects} PRIVATE
      "$<TARGET_PROPERTY:${target},INTERFACE_INCLUDE_DIRECTORIES>")
    target_link_libraries(${objects} PRIVATE acc::ac
      "$<TARGET_PROPERTY:${target},INTERFACE_LINK_LIBRARIES>")
    target_sources(${target} INTERFACE "$<TARGET_OBJECTS:${objects}>")
    target_link_libraries(${target} INTERFACE acc::ac)
  endif()
  acc_compile_in(${objects} "${files}")
endfunction()

function(target_async_sources target)
  if(NOT TARGET ${target})
    message(FATAL_ERROR "target_async_sources: there is no target '${target}'")
  endif()
  if(NOT CMAKE_GENERATOR MATCHES "Ninja|Makefiles")
    message(FATAL_ERROR "target_async_sources needs a Ninja or Makefile "
      "generator: '${CMAKE_GENERATOR}' knows no compiler launchers")
  endif()
  get_target_property(aliased ${target} ALIASED_TARGET)
  if(aliased)
    set(target ${aliased})
  endif()
  get_target_property(type ${target} TYPE)

  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PRIVATE;PUBLIC;INTERFACE")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "target_async_sources(${target}): PRIVATE, PUBLIC or "
      "INTERFACE must stand before '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(type STREQUAL "INTERFACE_LIBRARY" AND (arg_PRIVATE OR arg_PUBLIC))
    message(FATAL_ERROR "target_async_sources(${target}): an interface library "
      "takes INTERFACE files alone")
  endif()

  foreach(scope IN ITEMS PRIVATE PUBLIC INTERFACE)
    set(files)
    foreach(file IN LISTS arg_${scope})
      _acc_source_path("${file}" path)
      list(APPEND files "${path}")
    endforeach()
    if(files AND NOT scope STREQUAL "INTERFACE")
      acc_compile_in(${target} "${files}")
      _acc_link_runtime(${target})
    endif()
    if(files AND NOT scope STREQUAL "PRIVATE")
      _acc_compile_for_users(${target} "${files}")
    endif()
  endforeach()
endfunction()
