# SPDX-License-Identifier: Apache-2.0
# si_plugin(NAME SOURCES ... LIBRARIES ... NEEDS json): a provider plugin. One export, every
# symbol bound at load, never unloaded, no RPATH; listed in the tree's manifest when installed.
set(SI_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/si/plugins)

function(si_plugin name)
  cmake_parse_arguments(ARG "" "ID;KIND;NEEDS" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${ARG_ID}
    C_VISIBILITY_PRESET hidden)
  target_compile_definitions(${name} PRIVATE SI_PLUGIN_NEEDS=\"${ARG_NEEDS}\"
    SI_PLUGIN_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
  if(NOT SI_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  set_property(GLOBAL APPEND PROPERTY SI_PLUGIN_TARGETS ${name})
  set_property(GLOBAL APPEND PROPERTY SI_PLUGIN_ENTRIES "${ARG_ID}|${ARG_KIND}|${ARG_NEEDS}")
  install(TARGETS ${name} LIBRARY DESTINATION ${SI_PLUGIN_DIR}
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()
