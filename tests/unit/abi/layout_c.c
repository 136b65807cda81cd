/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/abi/layout_c.c - the ABI as C11 sees it is the one that is recorded, and the one that
 * C++11 sees. Most of this is decided while it compiles. */
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "texts.h"

int main(void) {
  const struct text *cxx = texts_of_cxx();
  size_t count = 0;
  int wrong = 0;
  for (; texts[count].name; count++) {
    const struct text *text = &texts[count];
    if (strcmp(text->now, text->recorded) != 0 || strcmp(cxx[count].now, text->recorded) != 0) {
      printf("%s: \"%s\" in C, \"%s\" in C++: " CHANGED "\n", text->name, text->now,
             cxx[count].now);
      wrong = 1;
    }
  }
  printf("%zu texts compared; sizes, offsets and numbers were, in both languages\n", count);
  return wrong || count == 0;
}
