/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/abi/texts.h - `texts`: the record's texts beside the headers', as the language that
 * includes this sees them. Depends on layout.h. */
#define SIZE(type, size)
#define OFFSET(type, member, offset)
#define VALUE(name, value)
#define TEXT(name, text) {#name, name, text},
static const struct text texts[] = {
#include "record.h"
    {NULL, NULL, NULL}};
#undef SIZE
#undef OFFSET
#undef VALUE
#undef TEXT
