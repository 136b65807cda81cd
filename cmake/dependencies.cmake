# SPDX-License-Identifier: Apache-2.0
# Every library the project stands on, found once. Which room may use which: docs/architecture.md.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)

# Debian ships no .pc file for libltdl.
find_path(LTDL_INCLUDE_DIR ltdl.h REQUIRED)
find_library(LTDL_LIBRARY ltdl REQUIRED)
add_library(ltdl INTERFACE)
target_include_directories(ltdl SYSTEM INTERFACE ${LTDL_INCLUDE_DIR})
target_link_libraries(ltdl INTERFACE ${LTDL_LIBRARY})
