# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# acc_add_component(<name> <pkg-config module>[>=version] <Debian package>
#                   [LINK_OPTIONS <option>...])
#
# A part of the runtime that needs another library, or none (the module is ""),
# and is a library of its own all the same: the sources in
# runtime/<name>/, the header include/ac/<name>.h, as the archive acc::<name>,
# the shared library acc::<name>_shared, a pkg-config module acc-<name>, and a
# component of the CMake package. It is left out, and this said, where the
# other library is not installed; -DACC_WITH_<NAME>=ON makes that an error and
# OFF leaves it out. LINK_OPTIONS: for whoever links it.
include_guard(GLOBAL)
find_package(PkgConfig)
set_property(GLOBAL PROPERTY ACC_ALL_COMPONENTS)
set_property(GLOBAL PROPERTY ACC_COMPONENTS)

function(_acc_find_module name module package result)
  string(TOUPPER "${name}" upper)
  set(ACC_WITH_${upper} AUTO CACHE STRING
    "Build acc::${name}, which needs ${module}: AUTO, ON or OFF")
  set_property(CACHE ACC_WITH_${upper} PROPERTY STRINGS AUTO ON OFF)
  set(wanted "${ACC_WITH_${upper}}")
  set(${result} FALSE PARENT_SCOPE)
  if(NOT wanted)
    message(STATUS "acc::${name}: left out, as ACC_WITH_${upper} says")
    return()
  endif()
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(ACC_${upper} QUIET IMPORTED_TARGET GLOBAL "${module}")
  endif()
  if(ACC_${upper}_FOUND)
    message(STATUS "acc::${name}: with ${module} ${ACC_${upper}_VERSION}")
    set(${result} TRUE PARENT_SCOPE)
    return()
  endif()
  set(message "acc::${name}: left out: pkg-config finds no ${module} "
    "(Debian: ${package})")
  string(CONCAT message ${message})
  if(wanted STREQUAL "AUTO")
    message(STATUS "${message}")
  else()
    message(FATAL_ERROR "${message}")
  endif()
endfunction()

# acc::<name> on top of the target `runtime`.
function(_acc_component_target target runtime module_target options)
  target_link_libraries(${target} PUBLIC ${runtime} ${module_target})
  if(options)
    target_link_options(${target} INTERFACE ${options})
  endif()
endfunction()

function(acc_add_component name module package)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "LINK_OPTIONS")
  string(TOUPPER "${name}" upper)
  set_property(GLOBAL APPEND PROPERTY ACC_ALL_COMPONENTS ${name})
  set(needs)
  if(module)
    _acc_find_module(${name} "${module}" "${package}" found)
    if(NOT found)
      return()
    endif()
    set(needs PkgConfig::ACC_${upper})
  endif()
  set(dir "${CMAKE_CURRENT_SOURCE_DIR}/${name}")
  ac_add_library(ac_${name} STATIC ac_${name} "${dir}")
  _acc_component_target(ac_${name} ac "${needs}" "${arg_LINK_OPTIONS}")
  ac_add_library(ac_${name}_shared SHARED ac_${name} "${dir}")
  _acc_component_target(ac_${name}_shared ac_shared "${needs}" "")
  foreach(target IN ITEMS ${name} ${name}_shared)
    add_library(acc::${target} ALIAS ac_${target})
    set_target_properties(ac_${target} PROPERTIES EXPORT_NAME ${target})
  endforeach()
  set(sanitized ac_${name})
  if(ACC_BUILD_TESTS AND NOT ACC_SANITIZE)
    set(sanitized ac_${name}_sanitized)
    ac_add_sanitized_library(${sanitized} ac_${name}_sanitized "${dir}")
    _acc_component_target(${sanitized} ac_sanitized "${needs}" "")
  endif()
  set_property(GLOBAL APPEND PROPERTY ACC_COMPONENTS ${name})
  set_property(GLOBAL PROPERTY ACC_COMPONENT_${name}_SANITIZED ${sanitized})
  set_property(GLOBAL PROPERTY ACC_COMPONENT_${name}_LIBS
    ${arg_LINK_OPTIONS} ${ACC_${upper}_LDFLAGS})
  set_property(GLOBAL PROPERTY ACC_COMPONENT_${name}_CFLAGS
    ${ACC_${upper}_CFLAGS})
  if(ACC_INSTALL)
    _acc_install_component(${name} "${module}" "${arg_LINK_OPTIONS}")
    if(module)
      # A package of its own: see AccPackages.cmake.
      set_property(GLOBAL APPEND PROPERTY ACC_PACKAGED_COMPONENTS ${name})
      set_property(GLOBAL PROPERTY ACC_COMPONENT_${name}_NEEDS "${package}")
    endif()
  endif()
endfunction()

function(_acc_install_component name module options)
  string(TOUPPER "${name}" upper)
  set(export accComponent_${name})
  # What needs nothing else goes with the runtime.
  set(library runtime)
  set(development dev)
  if(module)
    set(library ${name})
    set(development ${name}_dev)
  endif()
  install(FILES "${ACC_INCLUDE_DIR}/ac/${name}.h"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/ac" COMPONENT ${development})
  install(TARGETS ac_${name} ac_${name}_shared EXPORT ${export}
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${development}
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT ${library}
      NAMELINK_COMPONENT ${development})
  set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/acc")
  install(EXPORT ${export} NAMESPACE acc:: DESTINATION "${package_dir}"
    FILE ${export}Targets.cmake COMPONENT ${development})
  set(file "${CMAKE_CURRENT_BINARY_DIR}/${export}.cmake")
  set(dependency "")
  if(module)
    set(dependency "# acc::${name} needs ${module}.
find_dependency(PkgConfig)
pkg_check_modules(ACC_${upper} REQUIRED QUIET IMPORTED_TARGET GLOBAL \"${module}\")
")
  endif()
  file(WRITE "${file}"
"${dependency}include(\"\${CMAKE_CURRENT_LIST_DIR}/${export}Targets.cmake\")
")
  install(FILES "${file}" DESTINATION "${package_dir}" COMPONENT ${development})
  file(RELATIVE_PATH ACC_PC_PREFIX
    "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
  string(REGEX REPLACE "/$" "" ACC_PC_PREFIX "${ACC_PC_PREFIX}")
  string(REGEX REPLACE "([<>=]+)" " \\1 " ACC_PC_MODULE "${module}")
  list(JOIN options " " ACC_PC_OPTIONS)
  set(ACC_PC_WITH "${ACC_PC_MODULE}")
  set(ACC_PC_REQUIRES "acc, ${ACC_PC_MODULE}")
  if(NOT module)
    set(ACC_PC_WITH "its component ${name}")
    set(ACC_PC_REQUIRES "acc")
  endif()
  set(ACC_PC_NAME ${name})
  configure_file("${PROJECT_SOURCE_DIR}/cmake/acc-component.pc.in"
    acc-${name}.pc @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/acc-${name}.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT ${development})
endfunction()
