/* SPDX-License-Identifier: Apache-2.0 */
/* XML from a store that is not trusted, pages of listings, and the pauses between tries. */
#include "kit/net/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/buf.h"
#include "kit/net/s3_page.h"
#include "kit/net/s3_private.h"
#include "kit/net/url.h"
#include "tests/unit/unit.h"

static si_rc tell(void *ctx, const char *path, const char *text, size_t len) {
  CU_ASSERT_EQUAL(strlen(text), len);
  return si_buf_printf(ctx, "%s=%s;", path, text);
}

static void elements_are_told_with_their_paths(void) {
  static const struct {
    const char *xml, *told;
  } cases[] = {
      {"<a/>", "a=;"},
      {"<?xml version='1.0'?><a x='1'><!-- c --><b>t&amp;&#x41;</b> <b/></a>", "a/b=t&A;a/b=;a=;"},
      {"<a>x<b>y</b>z</a>", "a/b=y;a=;"},
      {"<a><b><c>1</c></b><c>2</c></a>", "a/b/c=1;a/b=;a/c=2;a=;"},
      {"<a xmlns='urn:x'><![CDATA[<b>]]></a>", "a=<b>;"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(10000);
    CU_ASSERT_EQUAL(si_xml_read(cases[i].xml, strlen(cases[i].xml), tell, &out, NULL), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].told);
  }
}

static si_rc ignore(void *ctx, const char *path, const char *text, size_t len) {
  (void)ctx;
  (void)path;
  (void)text;
  (void)len;
  return SI_OK;
}

static void hostile_documents_are_refused(void) {
  static const struct {
    const char *head, *repeated, *tail;
    size_t times;
    const char *why;
  } cases[] = {
      {"", "", "", 0, "well-formed"},
      {"<a>", "", "", 0, "well-formed"},
      {"<a></b>", "", "", 0, "well-formed"},
      {"<a/><b/>", "", "", 0, "well-formed"},
      {"<a>&x;</a>", "", "", 0, "well-formed"},
      {"<a>\xFF</a>", "", "", 0, "well-formed"},
      {"<a>&#0;</a>", "", "", 0, "well-formed"},
      {"<!DOCTYPE a><a/>", "", "", 0, "document type"},
      {"<!DOCTYPE a [<!ENTITY x \"xx\">]><a>&x;</a>", "", "", 0, "document type"},
      {"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "", "", 0, "document type"},
      {"", "<a>", "", 9, "deep"},
      {"", "<a>", "", 100000, "deep"},
      {"<a>", "x", "</a>", SI_XML_TEXT + 1, "text is too long"},
      {"<a>", "<b/>", "</a>", SI_XML_ELEMENTS, "too many"},
      {"<", "n", "/>", SI_XML_PATH, "name is too long"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf xml SI_AUTO(si_buf_free) = SI_BUF(1 << 20);
    const char *why = NULL;
    CU_ASSERT_EQUAL(si_buf_puts(&xml, cases[i].head), SI_OK);
    for (size_t n = 0; n < cases[i].times; n++) {
      CU_ASSERT_EQUAL_FATAL(si_buf_puts(&xml, cases[i].repeated), SI_OK);
    }
    CU_ASSERT_EQUAL(si_buf_puts(&xml, cases[i].tail), SI_OK);
    CU_ASSERT_EQUAL(si_xml_read(si_buf_text(&xml), xml.len, ignore, NULL, &why), SI_E_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL_FATAL(why);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
  }
}

#define LIST(inside) "<ListBucketResult>" inside "</ListBucketResult>"
#define END "<IsTruncated>false</IsTruncated>"
#define ENTRY(key, size) "<Contents><Key>" key "</Key><Size>" size "</Size></Contents>"
#define UPLOADS(inside) "<ListMultipartUploadsResult>" inside "</ListMultipartUploadsResult>"

#define VERSIONS(inside) "<ListVersionsResult>" inside "</ListVersionsResult>"
#define VERSION(key, id, size)                                                                    \
  "<Version><Key>" key "</Key><VersionId>" id "</VersionId><IsLatest>false</IsLatest><Size>" size \
  "</Size></Version>"
#define MARK(key, id)                              \
  "<DeleteMarker><Key>" key "</Key><VersionId>" id \
  "</VersionId>"                                   \
  "<IsLatest>true</IsLatest></DeleteMarker>"

static void a_page_is_taken_whole_or_not_at_all(void) {
  static const struct {
    enum s3_listing of;
    const char *xml, *keys, *token; /* keys NULL: refused */
  } cases[] = {
      {S3_OBJECTS, LIST(END), "", ""},
      {S3_OBJECTS, LIST(ENTRY("p/a", "0") ENTRY("p/b", "12") END), "p/a=0 p/b=12 ", ""},
      {S3_OBJECTS, LIST("<EncodingType>url</EncodingType>" ENTRY("p/a%2Bb+c%C3%A9", "1") END),
       "p/a+b c\xC3\xA9=1 ", ""},
      {S3_OBJECTS, LIST(ENTRY("p/a%2Bb", "1") END), "p/a%2Bb=1 ", ""},
      {S3_OBJECTS,
       LIST(ENTRY("p/a", "1") "<IsTruncated>true</IsTruncated>"
                              "<NextContinuationToken>to/k=</NextContinuationToken>"),
       "p/a=1 ", "to/k="},
      {S3_UPLOADS, UPLOADS("<Upload><Key>p/a</Key><UploadId>i</UploadId></Upload>" END), "p/a=0 ",
       ""},
      {S3_OBJECTS, LIST(""), NULL, NULL},
      {S3_OBJECTS, LIST("<IsTruncated>maybe</IsTruncated>"), NULL, NULL},
      {S3_OBJECTS, LIST("<IsTruncated>true</IsTruncated>"), NULL, NULL},
      {S3_OBJECTS, LIST("<Contents><Size>1</Size></Contents>" END), NULL, NULL},
      {S3_OBJECTS, LIST("<Contents><Key>p/a</Key></Contents>" END), NULL, NULL},
      {S3_OBJECTS, LIST("<Contents><Key>p/a</Key><Key>p/b</Key><Size>1</Size></Contents>" END),
       NULL, NULL},
      {S3_OBJECTS, LIST(ENTRY("p/a", "-1") END), NULL, NULL},
      {S3_OBJECTS, LIST(ENTRY("p/a", "99999999999999999999") END), NULL, NULL},
      {S3_OBJECTS, LIST(ENTRY("", "1") END), NULL, NULL},
      {S3_OBJECTS, LIST(ENTRY("q/a", "1") END), NULL, NULL},
      {S3_OBJECTS, LIST("<EncodingType>url</EncodingType>" ENTRY("p/%", "1") END), NULL, NULL},
      {S3_OBJECTS, LIST("<EncodingType>url</EncodingType>" ENTRY("p/%00", "1") END), NULL, NULL},
      {S3_OBJECTS, LIST("<EncodingType>url</EncodingType>" ENTRY("p/%4", "1") END), NULL, NULL},
      {S3_OBJECTS, LIST("<KeyCount>2</KeyCount>" ENTRY("p/a", "1") END), NULL, NULL},
      {S3_OBJECTS, UPLOADS(END), NULL, NULL},
      {S3_OBJECTS, "<Error><Code>x</Code></Error>", NULL, NULL},
      {S3_UPLOADS, UPLOADS("<Upload><Key>p/a</Key></Upload>" END), NULL, NULL},
      {S3_VERSIONS, VERSIONS(VERSION("p/a", "v1", "3") MARK("p/a", "v2") END),
       "p/a=3@v1 p/a=0@v2+x ", ""},
      {S3_VERSIONS,
       VERSIONS(VERSION("p/a", "v", "3") "<IsTruncated>true</IsTruncated>"
                                         "<NextKeyMarker>p/a</NextKeyMarker>"
                                         "<NextVersionIdMarker>v</NextVersionIdMarker>"),
       "p/a=3@v ", "p/a"},
      {S3_VERSIONS, VERSIONS("<Version><Key>p/a</Key><Size>1</Size></Version>" END), NULL, NULL},
      {S3_VERSIONS, VERSIONS("<DeleteMarker><Key>p/a</Key></DeleteMarker>" END), NULL, NULL},
      {S3_VERSIONS, VERSIONS("<Version><Key>p/a</Key><VersionId>v</VersionId></Version>" END), NULL,
       NULL},
      {S3_VERSIONS, VERSIONS(VERSION("q/a", "v", "3") END), NULL, NULL},
      {S3_VERSIONS, LIST(END), NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct s3_page page SI_AUTO(s3_page_free);
    const char *why = NULL;
    char keys[1000] = "";
    CU_ASSERT_EQUAL_FATAL(s3_page_init(&page), SI_OK);
    si_rc status = s3_page_read(&page, cases[i].of, "p/", cases[i].xml, strlen(cases[i].xml), &why);
    CU_ASSERT_EQUAL(status, cases[i].keys ? SI_OK : SI_E_CORRUPT);
    CU_ASSERT_EQUAL(why == NULL, cases[i].keys != NULL);
    for (size_t k = 0; k < page.count; k++) {
      size_t at = strlen(keys);
      const struct s3_entry *e = &page.entries[k];
      bool version = cases[i].of == S3_VERSIONS;
      snprintf(keys + at, sizeof keys - at, "%s=%llu%s%s%s%s ", page.text.data + e->key,
               (unsigned long long)e->length, version ? "@" : "",
               version ? page.text.data + e->id : "", e->latest ? "+" : "", e->marker ? "x" : "");
    }
    CU_ASSERT_STRING_EQUAL(keys, cases[i].keys ? cases[i].keys : "");
    CU_ASSERT(!cases[i].keys || strcmp(page.token, cases[i].token) == 0);
  }
}

static void pauses_grow_and_stay_bounded(void) {
  static const uint32_t whole[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
  for (uint32_t i = 0; i < sizeof whole / sizeof *whole; i++) {
    for (uint32_t random = 0; random < 10000; random += 7) {
      uint32_t ms = s3_backoff_ms(i + 1, random);
      CU_ASSERT_FATAL(ms >= whole[i] / 2 && ms <= whole[i]);
    }
  }
  CU_ASSERT_NOT_EQUAL(s3_backoff_ms(3, 1), s3_backoff_ms(3, 100));
  CU_ASSERT(s3_backoff_ms(UINT32_MAX, UINT32_MAX) <= 5000);
}

static void times_are_read_as_stores_write_them(void) {
  CU_ASSERT_EQUAL(si_s3_time("2015-08-30T12:36:00.000Z"), 1440938160000);
  CU_ASSERT_EQUAL(si_s3_time("Fri, 24 May 2013 00:00:00 GMT"), 1369353600000);
  CU_ASSERT_EQUAL(si_s3_time("2015-08-30T12:36:00.042Z"), 1440938160042);
  CU_ASSERT_EQUAL(si_s3_time("2015-08-30T12:36:00.5Z"), 1440938160500);
  CU_ASSERT_EQUAL(si_s3_time("2015-08-30T12:36:00.123456789Z"), 1440938160123);
  CU_ASSERT_EQUAL(si_s3_time(""), 0);
  CU_ASSERT_EQUAL(si_s3_time("yesterday"), 0);
}

UNIT_MAIN("kit: xml, pages, pauses", UNIT(elements_are_told_with_their_paths),
          UNIT(hostile_documents_are_refused), UNIT(a_page_is_taken_whole_or_not_at_all),
          UNIT(pauses_grow_and_stay_bounded), UNIT(times_are_read_as_stores_write_them))
