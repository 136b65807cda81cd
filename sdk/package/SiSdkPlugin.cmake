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
    if(library MATCHES "^SiSdk::(kit|net|bucket)$" AND NOT TARGET ${library})
      message(FATAL_ERROR "si_add_plugin(${name}): ${library} needs "
        "${SiSdk_WANTING_${CMAKE_MATCH_1}}")
    endif()
  endforeach()

  add_library(${name} MODULE ${ARG_SOURCES})
  set_property(GLOBAL APPEND PROPERTY SiSdk_PLUGINS ${name})
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
  if(DEFINED ARG_NEEDS OR ARG_KEYWORDS_MISSING_VALUES MATCHES "NEEDS")
    _si_check_needs("${_si_where}" "${ARG_NEEDS}")
  endif()
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${_si_where}: this is not known: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "${_si_where}: SOURCES FILE... is missing")
  endif()
  if(NOT DEFINED ARG_NEEDS)
    message(STATUS "${name}: no NEEDS: it may only compute (no files, no network)")
    set(ARG_NEEDS "{}")
  endif()
  if(NOT DEFINED ARG_VERSION)
    set(ARG_VERSION "${PROJECT_VERSION}")
  endif()
  if(ARG_VERSION STREQUAL "")
    set(ARG_VERSION "0")
  endif()
endmacro()

# _si_check_needs(WHERE JSON): what a host can allow, or the configuration ends with what is wrong.
function(_si_check_needs where needs)
  set(brackets "write it in double brackets, in which CMake changes nothing: "
    "NEEDS [[{\"write\":[\"\${config.KEY}\"]}]]")
  string(JOIN "" brackets ${brackets})
  string(JSON type ERROR_VARIABLE error TYPE "${needs}")
  if(error OR NOT type STREQUAL "OBJECT")
    message(FATAL_ERROR "${where}: NEEDS is no JSON object: ${needs}\n${brackets}")
  endif()
  string(JSON count LENGTH "${needs}")
  set(i 0)
  while(i LESS count)
    string(JSON member MEMBER "${needs}" ${i})
    string(JSON type TYPE "${needs}" "${member}")
    string(JSON value GET "${needs}" "${member}")
    if(member MATCHES "^(read|write)$")
      _si_check_paths("${where}" "${member}" "${type}" "${value}" "${brackets}")
    elseif(member MATCHES "^(network|unix|exec)$")
      if(NOT type STREQUAL "BOOLEAN")
        message(FATAL_ERROR "${where}: NEEDS: \"${member}\" is true or false, not ${value}")
      endif()
    elseif(member STREQUAL "memory_mb")
      if(NOT type STREQUAL "NUMBER" OR NOT value MATCHES "^[0-9]+$" OR value LESS 16
          OR value GREATER 1048576)
        message(FATAL_ERROR "${where}: NEEDS: \"memory_mb\" is a whole number from 16 to 1048576, "
          "not ${value}")
      endif()
    else()
      message(FATAL_ERROR "${where}: NEEDS: \"${member}\" is none of read, write, network, unix, "
        "exec, memory_mb")
    endif()
    math(EXPR i "${i} + 1")
  endwhile()
endfunction()

# A list of absolute paths, and of ${config.KEY}.
function(_si_check_paths where member type list brackets)
  if(NOT type STREQUAL "ARRAY")
    message(FATAL_ERROR "${where}: NEEDS: \"${member}\" is a list of paths, not ${list}")
  endif()
  string(JSON count LENGTH "${list}")
  set(i 0)
  while(i LESS count)
    string(JSON path GET "${list}" ${i})
    if(path STREQUAL "")
      message(FATAL_ERROR "${where}: NEEDS: \"${member}\" has an empty path; if it was "
        "\${config.KEY}, CMake took that for a variable of its own: ${brackets}")
    elseif(NOT path MATCHES "^(/|[$]{config[.][^}/]+}(/|$))")
      message(FATAL_ERROR "${where}: NEEDS: \"${member}\" has \"${path}\", which is no absolute path "
        "and does not begin with \${config.KEY}; ${brackets}")
    endif()
    math(EXPR i "${i} + 1")
  endwhile()
endfunction()

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
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "si_test_plugin(${name}): this is not known: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT TARGET ${name})
    get_property(plugins GLOBAL PROPERTY SiSdk_PLUGINS)
    list(JOIN plugins ", " plugins)
    message(FATAL_ERROR "si_test_plugin(${name}): there is no plugin of that name; si_add_plugin "
      "made, so far: ${plugins}")
  endif()
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
