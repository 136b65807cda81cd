/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/abi/layout_c.c - the ABI's layout as C11 sees it, held against C++11's and the record.
 */
#include "layout.h"

#include <stdio.h>

int main(void) {
  static const struct layout table[] = LAYOUT_TABLE;
  size_t count = 0;
  int wrong = 0;
  const struct layout *cxx = layout_of_cxx(&count);
  if (count != sizeof table / sizeof *table) {
    return 2;
  }
  for (size_t i = 0; i < count; i++) {
    if (table[i].value != table[i].expected || cxx[i].value != table[i].expected) {
      printf("%s: %zu in C, %zu in C++, %zu is written down\n", table[i].what, table[i].value,
             cxx[i].value, table[i].expected);
      wrong = 1;
    }
  }
  printf("%zu sizes and offsets compared\n", count);
  return wrong;
}
