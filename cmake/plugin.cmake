# SPDX-License-Identifier: Apache-2.0
# si_plugin(NAME SOURCES ... LIBRARIES ... NEEDS json): a provider plugin. One export, every
# symbol bound at load, never unloaded, no RPATH; listed in the tree's manifest when installed.
set(SI_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/si/plugins)

function(si_plugin name)
  cmake_parse_arguments(ARG "" "ID;KIND;NEEDS" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${ARG_ID}
    C_VISIBILITY_PRESET hidden)
  string(REPLACE "\"" "\\\"" needs "${ARG_NEEDS}") # as a C string literal has it
  target_compile_definitions(${name} PRIVATE "SI_PLUGIN_NEEDS=\"${needs}\""
    SI_PLUGIN_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
  if(NOT SI_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  set_property(GLOBAL APPEND PROPERTY SI_PLUGIN_TARGETS ${name})
  set_property(GLOBAL APPEND PROPERTY SI_PLUGIN_ENTRIES "${ARG_ID}|${ARG_KIND}|${ARG_NEEDS}|Apache-2.0")
  install(TARGETS ${name} LIBRARY DESTINATION ${SI_PLUGIN_DIR}
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

# The ABI as the manifest tells it, read from the header so that it is said once.
file(STRINGS ${CMAKE_SOURCE_DIR}/sdk/include/si/plugin.h abi_lines REGEX "#define SI_ABI_(MAJOR|MINOR|DRAFT)")
string(REGEX MATCHALL "[0-9]+u" abi_numbers "${abi_lines}")
list(TRANSFORM abi_numbers REPLACE "u" "")
list(GET abi_numbers 0 abi_major)
list(GET abi_numbers 1 abi_minor)
list(GET abi_numbers 2 abi_draft)
set(SI_ABI "${abi_major}.${abi_minor}-draft${abi_draft}")

# Lists the installed plugins, with the hashes of what was installed. After the last si_plugin.
function(si_plugin_manifest)
  get_property(entries GLOBAL PROPERTY SI_PLUGIN_ENTRIES)
  install(CODE "
    set(DIR \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${SI_PLUGIN_DIR}\")
    set(ENTRIES [==[${entries}]==])
    set(ABI ${SI_ABI})
    include(\"${CMAKE_SOURCE_DIR}/cmake/manifest.cmake\")
    message(STATUS \"Listed: \${DIR}/manifest.json\")")
endfunction()
