# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# What `cpack` makes of a build: one archive of all (-G TGZ), and packages for
# Debian's apt (-G DEB):
#
#   acc                         the compiler
#   libac1, libac-dev           the runtime: the shared library; the rest
#   libac-<name>1, libac-<name>-dev
#                               the same for each component that needs another
#                               library
#
# What a package needs is found by dpkg-shlibdeps in what was linked.
include_guard(GLOBAL)

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_VENDOR "the acc maintainers")
set(CPACK_PACKAGE_CONTACT "the acc maintainers")
string(TOLOWER "acc-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}" name)
set(CPACK_PACKAGE_FILE_NAME "${name}-${CMAKE_SYSTEM_PROCESSOR}")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The components' libraries link the runtime, which is no package yet.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${ACC_PREFIX_DIR}/lib")
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)

# _acc_package(<component> <package> <summary> [SECTION <section>]
#              [DEPENDS <component>...] [NEEDS <Debian package>...]
#              [RECOMMENDS <Debian package>...])
function(_acc_package component package summary)
  cmake_parse_arguments(PARSE_ARGV 3 arg "" "SECTION"
    "DEPENDS;NEEDS;RECOMMENDS")
  string(TOUPPER "${component}" upper)
  list(JOIN arg_NEEDS ", " needs)
  list(JOIN arg_RECOMMENDS ", " recommends)
  foreach(row IN ITEMS
      "DEBIAN_${upper}_PACKAGE_NAME:${package}"
      "DEBIAN_${upper}_DESCRIPTION:${summary}"
      "DEBIAN_${upper}_PACKAGE_SECTION:${arg_SECTION}"
      "COMPONENT_${upper}_DEPENDS:${arg_DEPENDS}"
      "DEBIAN_${upper}_PACKAGE_DEPENDS:${needs}"
      "DEBIAN_${upper}_PACKAGE_RECOMMENDS:${recommends}")
    string(REGEX MATCH "^([^:]+):(.*)$" row "${row}")
    if(CMAKE_MATCH_2)
      set(CPACK_${CMAKE_MATCH_1} "${CMAKE_MATCH_2}" PARENT_SCOPE)
    endif()
  endforeach()
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} ${component} PARENT_SCOPE)
endfunction()

set(CPACK_COMPONENTS_ALL)
if(ACC_BUILD_TOOL)
  # clang's own headers are no library that dpkg-shlibdeps would find.
  _acc_package(compiler acc "async and await for C: the compiler"
    NEEDS "gcc | c-compiler" "libc6-dev | libc-dev"
      libclang-common-${LibClang_VERSION}-dev
    RECOMMENDS libac-dev)
endif()
_acc_package(runtime libac${ACC_ABI_VERSION}
  "async and await for C: the runtime" SECTION libs)
_acc_package(dev libac-dev
  "async and await for C: headers and archive of the runtime"
  SECTION libdevel DEPENDS runtime RECOMMENDS acc)
get_property(components GLOBAL PROPERTY ACC_PACKAGED_COMPONENTS)
foreach(component IN LISTS components)
  get_property(needs GLOBAL PROPERTY ACC_COMPONENT_${component}_NEEDS)
  _acc_package(${component} libac-${component}${ACC_ABI_VERSION}
    "async and await for C: the runtime with ${component}"
    SECTION libs DEPENDS runtime)
  _acc_package(${component}_dev libac-${component}-dev
    "async and await for C: headers and archive of the runtime with ${component}"
    SECTION libdevel DEPENDS ${component} dev NEEDS ${needs})
endforeach()
include(CPack)
