# SPDX-License-Identifier: Apache-2.0
# si_add_plugin(NAME KIND artifact|provisioner|backup LICENSE SPDX SOURCES FILE...
#               [NEEDS JSON] [LIBRARIES TARGET...] [VERSION TEXT])
#
# Builds NAME.so, a provider plugin as si loads it: one export, every symbol bound at load, never
# unloaded, no RPATH, hardened; and beside it NAME.so.json, which describes it to
# `si plugin trust add NAME.so` with the hash of what was built. NAME is the provider's id,
# [a-z0-9][a-z0-9-]{0,62}. NEEDS is what it may do ({}: compute), as si-plugin(7) has it; write it
# in [[double brackets]] for the ${config.KEY} in it. The sources get SI_PLUGIN_ID, _VERSION,
# _LICENSE and _NEEDS as texts.
#
# si_test_plugin(NAME [CONFIG KEY=VALUE...] [ARGUMENTS TEXT...])
#
# A CTest test, `conform.NAME`: runs si-conform on the plugin. Where this SDK has no si-conform there
# is no test, and configuring says so.

set(_SiSdk_DIR "${CMAKE_CURRENT_LIST_DIR}")

function(si_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "KIND;LICENSE;NEEDS;VERSION" "SOURCES;LIBRARIES")
  _si_check_plugin("${name}")
  foreach(library ${ARG_LIBRARIES})
    if(library MATCHES "^SiSdk::(kit|net)$" AND NOT TARGET ${library})
      message(FATAL_ERROR "si_add_plugin(${name}): ${library} needs "
        "${SiSdk_WANTING_${CMAKE_MATCH_1}}")
    endif()
  endforeach()

  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name} SUFFIX .so
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    SKIP_BUILD_RPATH ON INSTALL_RPATH "" INSTALL_RPATH_USE_LINK_PATH OFF
    LINK_DEPENDS "${_SiSdk_DIR}/plugin.map")
  string(REPLACE "\"" "\\\"" needs "${ARG_NEEDS}") # as a C string literal has it
  target_compile_definitions(${name} PRIVATE "SI_PLUGIN_NEEDS=\"${needs}\""
    "SI_PLUGIN_ID=\"${name}\"" "SI_PLUGIN_VERSION=\"${ARG_VERSION}\""
    "SI_PLUGIN_LICENSE=\"${ARG_LICENSE}\"")
  target_link_libraries(${name} PRIVATE SiSdk::abi ${ARG_LIBRARIES})
  _si_harden(${name})

  # What it is, for who will trust it: complete once the file's hash is known.
  set(description "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${name}.json.in")
  file(CONFIGURE OUTPUT "${description}" @ONLY CONTENT
    "{\"file\":\"${name}.so\",\"sha256\":\"HASH\",\"id\":\"${name}\",\"kinds\":[\"${ARG_KIND}\"],\n \"needs\":${ARG_NEEDS},\"abi\":\"${SiSdk_ABI}\",\"license\":\"${ARG_LICENSE}\"}\n")
  add_custom_command(TARGET ${name} POST_BUILD VERBATIM
    COMMAND ${CMAKE_COMMAND} "-DPLUGIN=$<TARGET_FILE:${name}>" "-DDESCRIPTION=${description}"
    -P "${_SiSdk_DIR}/describe.cmake")
endfunction()

# Completes the caller's ARG_*, or ends the configuration with what is wrong.
macro(_si_check_plugin name)
  set(_si_where "si_add_plugin(${name})")
  string(LENGTH "${name}" _si_length)
  if(NOT "${name}" MATCHES "^[a-z0-9][a-z0-9-]*$" OR _si_length GREATER 63)
    message(FATAL_ERROR "${_si_where}: a plugin's name is [a-z0-9][a-z0-9-]{0,62}")
  endif()
  if(NOT "${ARG_KIND}" MATCHES "^(artifact|provisioner|backup)$")
    message(FATAL_ERROR "${_si_where}: KIND is artifact, provisioner or backup, not \"${ARG_KIND}\"")
  endif()
  if(NOT "${ARG_LICENSE}" MATCHES "^[A-Za-z0-9.+() -]+$")
    message(FATAL_ERROR "${_si_where}: LICENSE is missing, or no SPDX expression")
  endif()
  if(NOT ARG_SOURCES OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${_si_where}: SOURCES FILE... is missing, or this is not known: "
      "${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT DEFINED ARG_NEEDS)
    set(ARG_NEEDS "{}")
  endif()
  string(JSON _si_type ERROR_VARIABLE _si_error TYPE "${ARG_NEEDS}")
  if(_si_error OR NOT _si_type STREQUAL "OBJECT")
    message(FATAL_ERROR "${_si_where}: NEEDS is no JSON object: ${ARG_NEEDS}")
  endif()
  if(NOT DEFINED ARG_VERSION)
    set(ARG_VERSION "${PROJECT_VERSION}")
  endif()
  if(ARG_VERSION STREQUAL "")
    set(ARG_VERSION "0")
  endif()
endmacro()

# The compiler's and the linker's part of what makes a plugin safe to load.
function(_si_harden name)
  target_compile_options(${name} PRIVATE -fstack-protector-strong)
  target_link_options(${name} PRIVATE "-Wl,--version-script=${_SiSdk_DIR}/plugin.map"
    -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodelete)
  if(SiSdk_SANITIZED)
    # This SDK was built with sanitizers: the host brings their runtime.
    target_compile_options(${name} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(${name} PRIVATE -fsanitize=address,undefined)
  else()
    target_compile_options(${name} PRIVATE
      $<$<NOT:$<CONFIG:Debug,>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug,>>:-D_FORTIFY_SOURCE=2>)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()

function(si_test_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "CONFIG;ARGUMENTS")
  find_program(SI_CONFORM si-conform PATHS "${SiSdk_BINDIR}" NO_DEFAULT_PATH)
  if(NOT SI_CONFORM)
    message(STATUS "There is no si-conform in ${SiSdk_BINDIR}: ${name} has no conformance test")
    return()
  endif()
  set(config "")
  foreach(setting ${ARG_CONFIG})
    list(APPEND config --config "${setting}")
  endforeach()
  add_test(NAME conform.${name}
    COMMAND ${SI_CONFORM} $<TARGET_FILE:${name}> ${config} ${ARG_ARGUMENTS})
endfunction()
