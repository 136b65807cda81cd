/* SPDX-License-Identifier: Apache-2.0 */
/* What a store answers: pages of listings, and any XML at all. Whatever comes, what is taken keeps
 * within its bounds and under the prefix. The first byte chooses the kind of page. */
#include <stdlib.h>
#include <string.h>

#include "kit/net/s3_page.h"
#include "kit/net/s3_private.h"
#include "kit/net/xml.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(int holds) {
  if (!holds) {
    abort();
  }
}

static si_rc look(void *ctx, const char *path, const char *text, size_t len) {
  size_t *elements = ctx;
  require(strlen(path) < SI_XML_PATH && strlen(text) == len && len <= SI_XML_TEXT);
  require(++*elements <= SI_XML_ELEMENTS);
  return SI_OK;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  const char *xml = (const char *)data + 1;
  const char *why = NULL;
  size_t elements = 0;
  struct s3_page page;
  if (size == 0) {
    return 0;
  }
  si_rc status = si_xml_read(xml, size - 1, look, &elements, &why);
  require(status == SI_OK || (status == SI_E_CORRUPT && why));
  require(s3_page_init(&page) == SI_OK);
  why = NULL;
  status = s3_page_read(&page, data[0] % 3, "p/", xml, size - 1, &why);
  require(status == SI_OK || (status == SI_E_CORRUPT && why && page.count == 0));
  require(page.count <= S3_PAGE_ENTRIES);
  for (size_t i = 0; i < page.count; i++) {
    const char *key = page.text.data + page.entries[i].key;
    require(strncmp(key, "p/", 2) == 0 && strlen(key) <= SI_S3_KEY_MAX);
  }
  s3_page_free(&page);
  return 0;
}
