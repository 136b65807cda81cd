# SPDX-License-Identifier: Apache-2.0
# Writes manifest.json of a plugin tree: what is in DIR, with its hash. Run when plugins are
# installed (after stripping, so that the hash is of what gets loaded), or by a test:
#   cmake -DDIR=... -DENTRIES="id|kind|needs|license;..." -DABI=1.0-draft3 -P manifest.cmake
# and, for another tree or a later edition of it, -DTREE=enterprise -DSERIAL=2.
if(NOT DEFINED TREE)
  set(TREE oss)
endif()
if(NOT DEFINED SERIAL)
  set(SERIAL 1)
endif()
set(plugins "")
foreach(entry ${ENTRIES})
  string(REPLACE "|" ";" parts "${entry}")
  list(GET parts 0 id)
  list(GET parts 1 kind)
  list(GET parts 2 needs)
  list(GET parts 3 license)
  file(SHA256 "${DIR}/${id}.so" hash)
  if(plugins)
    string(APPEND plugins ",\n")
  endif()
  string(APPEND plugins "  {\"id\":\"${id}\",\"file\":\"${id}.so\",\"sha256\":\"${hash}\",\n"
    "   \"kinds\":[\"${kind}\"],\"needs\":${needs},\"abi\":\"${ABI}\",\"license\":\"${license}\"}")
endforeach()
file(WRITE "${DIR}/manifest.json"
  "{\"schema\":\"si.plugins/1\",\"tree\":\"${TREE}\",\"serial\":${SERIAL},\"plugins\":[\n${plugins}\n]}\n")
file(CHMOD "${DIR}/manifest.json" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
