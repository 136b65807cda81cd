// SPDX-License-Identifier: Apache-2.0
// tests/unit/abi/layout_cxx.cc - the ABI as C++11 sees it is the one that is recorded.
#include "layout.h"
#include "texts.h"

const struct text *texts_of_cxx(void) {
  return texts;
}
