# SPDX-License-Identifier: Apache-2.0
# Every library the project stands on, found once. Which room may use which: docs/architecture.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
# SQLite is linked in: binding a shared one's symbols costs each command that reads a fifth of its
# instructions (docs/performance.md). It only ever sees the state stores that si made itself.
option(SI_SHARED_SQLITE "Load libsqlite3 when si starts, in place of linking it in" OFF)
find_library(SQLITE_ARCHIVE libsqlite3.a PATHS ${SQLITE_LIBRARY_DIRS})
if(SQLITE_ARCHIVE AND NOT SI_SHARED_SQLITE)
  set_property(TARGET PkgConfig::SQLITE PROPERTY INTERFACE_LINK_LIBRARIES ${SQLITE_ARCHIVE} m)
endif()
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# Debian ships no .pc file for libltdl.
find_path(LTDL_INCLUDE_DIR ltdl.h REQUIRED)
find_library(LTDL_LIBRARY ltdl REQUIRED)
add_library(ltdl INTERFACE)
target_include_directories(ltdl SYSTEM INTERFACE ${LTDL_INCLUDE_DIR})
target_link_libraries(ltdl INTERFACE ${LTDL_LIBRARY})
