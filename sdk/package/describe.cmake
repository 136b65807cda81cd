# SPDX-License-Identifier: Apache-2.0
# After a plugin was linked: writes its description beside it, with its hash, and takes from both the
# permission to write that si refuses of group and others.
#   cmake -DPLUGIN=/.../NAME.so -DDESCRIPTION=/.../NAME.json.in -P describe.cmake
file(SHA256 "${PLUGIN}" hash)
file(READ "${DESCRIPTION}" text)
string(REPLACE "\"sha256\":\"HASH\"" "\"sha256\":\"${hash}\"" text "${text}")
file(WRITE "${PLUGIN}.json" "${text}")
file(CHMOD "${PLUGIN}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
file(CHMOD "${PLUGIN}.json" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
