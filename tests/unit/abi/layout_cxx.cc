// SPDX-License-Identifier: Apache-2.0
// tests/unit/abi/layout_cxx.cc - the ABI's layout as C++11 sees it.
#include "layout.h"

extern "C" const struct layout *layout_of_cxx(size_t *count) {
  static const struct layout table[] = LAYOUT_TABLE;
  *count = sizeof table / sizeof *table;
  return table;
}
