/* SPDX-License-Identifier: Apache-2.0 */
/* Signature Version 4. Expected values are AWS's own: the examples of the S3 API reference
 * ("Signature Calculations for the Authorization Header"), and the published test suite of the
 * algorithm. What has no published value is held against tests/unit/kit/sigv4.py, which computes it
 * another way. */
#include "kit/net/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/base/hash.h"
#include "kit/net/url.h"
#include "tests/unit/unit.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define UNRESERVED "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define S3_HOST "examplebucket.s3.amazonaws.com"

static const char *script;

struct example {
  const char *name, *method, *path;
  struct si_http_header query[5], headers[9];
  const char *payload, *signature;
};

static size_t count_of(const struct si_http_header *list) {
  size_t n = 0;
  while (list[n].name) {
    n++;
  }
  return n;
}

/* The signature alone. `path` is plain: it is encoded here. */
static void sign(const struct si_sigv4_key *key, const char *time, const struct example *e,
                 char hex[SI_SHA256_HEX], char *names, size_t names_size) {
  struct si_buf path SI_AUTO(si_buf_free) = SI_BUF(8192);
  struct si_buf query SI_AUTO(si_buf_free) = SI_BUF(8192);
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(8192);
  char payload[SI_SHA256_HEX];
  CU_ASSERT_EQUAL_FATAL(si_url_encode(e->path, strlen(e->path), true, &path), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_sigv4_query(e->query, count_of(e->query), &query), SI_OK);
  CU_ASSERT_EQUAL_FATAL(si_sha256_hex(e->payload, strlen(e->payload), payload), SI_OK);
  const struct si_sigv4_request request = {.method = e->method,
                                           .path = si_buf_text(&path),
                                           .query = si_buf_text(&query),
                                           .headers = e->headers,
                                           .header_count = count_of(e->headers),
                                           .payload_sha256 = payload,
                                           .time = time};
  CU_ASSERT_EQUAL_FATAL(si_sigv4_authorization(key, &request, &out), SI_OK);
  const char *mark = strstr(si_buf_text(&out), "Signature=");
  const char *list = strstr(si_buf_text(&out), "SignedHeaders=");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mark);
  CU_ASSERT_PTR_NOT_NULL_FATAL(list);
  snprintf(hex, SI_SHA256_HEX, "%s", mark + 10);
  snprintf(names, names_size, "%.*s", (int)strcspn(list + 14, ","), list + 14);
}

static void check_all(const struct si_sigv4_key *key, const char *time,
                      const struct example *examples, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char hex[SI_SHA256_HEX], names[512];
    sign(key, time, &examples[i], hex, names, sizeof names);
    if (strcmp(hex, examples[i].signature) != 0) {
      fprintf(stderr, "  %s: %s, not %s\n", examples[i].name, hex, examples[i].signature);
    }
    CU_ASSERT_STRING_EQUAL(hex, examples[i].signature);
  }
}

#define S3_HEADERS(hash)                               \
  {"Host", S3_HOST}, {"x-amz-content-sha256", hash}, { \
    "x-amz-date", "20130524T000000Z"                   \
  }

static void the_examples_of_s3_come_out_as_published(void) {
  static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const struct si_sigv4_key key = {"AKIAIOSFODNN7EXAMPLE", secret, sizeof secret - 1, "us-east-1",
                                   "s3"};
  static const struct example examples[] = {
      {"GET Object",
       "GET",
       "/test.txt",
       {{0}},
       {S3_HEADERS(EMPTY), {"Range", "bytes=0-9"}},
       "",
       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {"PUT Object",
       "PUT",
       "/test$file.text",
       {{0}},
       {S3_HEADERS("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
        {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
       "Welcome to Amazon S3.",
       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {"GET Bucket Lifecycle",
       "GET",
       "/",
       {{"lifecycle", ""}},
       {S3_HEADERS(EMPTY)},
       "",
       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {"List Objects",
       "GET",
       "/",
       {{"prefix", "J"}, {"max-keys", "2"}},
       {S3_HEADERS(EMPTY)},
       "",
       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
  };
  check_all(&key, "20130524T000000Z", examples, sizeof examples / sizeof *examples);
}

static const char suite_secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const struct si_sigv4_key suite_key = {"AKIDEXAMPLE", suite_secret, sizeof suite_secret - 1,
                                              "us-east-1", "service"};

#define SUITE                          \
  {"Host", "example.amazonaws.com"}, { \
    "X-Amz-Date", "20150830T123600Z"   \
  }

/* Without the cases that normalise paths: S3 does not. */
static void the_published_suite_comes_out_as_published(void) {
  static const struct example examples[] = {
      {"get-vanilla",
       "GET",
       "/",
       {{0}},
       {SUITE},
       "",
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-empty-query-key",
       "GET",
       "/",
       {{"Param1", "value1"}},
       {SUITE},
       "",
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "/",
       {{"Param2", "value2"}, {"Param1", "value1"}},
       {SUITE},
       "",
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-value",
       "GET",
       "/",
       {{"Param1", "value2"}, {"Param1", "value1"}},
       {SUITE},
       "",
       "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
      {"get-vanilla-query-order-value, upper case",
       "GET",
       "/",
       {{"Param1", "value2"}, {"Param1", "Value1"}},
       {SUITE},
       "",
       "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
      {"get-vanilla-query-order-encoded",
       "GET",
       "/",
       {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xE1\x88\xB4", "Value1"}},
       {SUITE},
       "",
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-query-unreserved",
       "GET",
       "/",
       {{UNRESERVED, UNRESERVED}},
       {SUITE},
       "",
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query",
       "GET",
       "/",
       {{"\xE1\x88\xB4", "bar"}},
       {SUITE},
       "",
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-unreserved",
       "GET",
       "/" UNRESERVED,
       {{0}},
       {SUITE},
       "",
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8",
       "GET",
       "/\xE1\x88\xB4",
       {{0}},
       {SUITE},
       "",
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-space",
       "GET",
       "/example space/",
       {{0}},
       {SUITE},
       "",
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-header-key-duplicate",
       "GET",
       "/",
       {{0}},
       {SUITE, {"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}},
       "",
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       "GET",
       "/",
       {{0}},
       {SUITE,
        {"My-Header1", "value4"},
        {"My-Header1", "value1"},
        {"My-Header1", "value3"},
        {"My-Header1", "value2"}},
       "",
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"get-header-value-trim",
       "GET",
       "/",
       {{0}},
       {SUITE, {"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\" \t"}},
       "",
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla",
       "POST",
       "/",
       {{0}},
       {SUITE},
       "",
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-query",
       "POST",
       "/",
       {{"Param1", "value1"}},
       {SUITE},
       "",
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-header-key-case",
       "POST",
       "/",
       {{0}},
       {SUITE, {"MY-HEADER1", "value1"}},
       "",
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       "POST",
       "/",
       {{0}},
       {SUITE, {"My-Header1", "VALUE1"}},
       "",
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"post-x-www-form-urlencoded",
       "POST",
       "/",
       {{0}},
       {SUITE, {"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  check_all(&suite_key, "20150830T123600Z", examples, sizeof examples / sizeof *examples);
}

static void a_query_is_encoded_and_sorted(void) {
  static const struct {
    struct si_http_header pairs[5];
    const char *text;
  } cases[] = {
      {{{0}}, ""},
      {{{"uploads", ""}}, "uploads="},
      {{{"b", "2"}, {"a", "x y+z=%/"}}, "a=x%20y%2Bz%3D%25%2F&b=2"},
      {{{"a", ""}, {"a", "0"}, {"a-", "1"}, {"A", "2"}}, "A=2&a=&a=0&a-=1"},
      {{{"k\xC3\xA9y", "~"}, {"k", "//"}}, "k=%2F%2F&k%C3%A9y=~"},
      /* Sorted as encoded: '%' comes before '-' and letters. */
      {{{"a-b", "1"}, {"a\x7F", "2"}}, "a%7F=2&a-b=1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(1000);
    CU_ASSERT_EQUAL(si_sigv4_query(cases[i].pairs, count_of(cases[i].pairs), &out), SI_OK);
    CU_ASSERT_STRING_EQUAL(si_buf_text(&out), cases[i].text);
  }
}

static void what_is_beyond_the_bounds_is_refused(void) {
  struct si_http_header many[SI_SIGV4_MAX + 1];
  struct si_buf out SI_AUTO(si_buf_free) = SI_BUF(100000);
  struct si_sigv4_request request = {.method = "GET",
                                     .path = "/",
                                     .query = "",
                                     .headers = many,
                                     .header_count = SI_SIGV4_MAX + 1,
                                     .payload_sha256 = EMPTY,
                                     .time = "20150830T123600Z"};
  for (size_t i = 0; i < SI_SIGV4_MAX + 1; i++) {
    many[i] = (struct si_http_header){"n", "v"};
  }
  CU_ASSERT_EQUAL(si_sigv4_query(many, SI_SIGV4_MAX + 1, &out), SI_E_QUOTA);
  CU_ASSERT_EQUAL(si_sigv4_authorization(&suite_key, &request, &out), SI_E_QUOTA);
  request.header_count = 1;
  request.time = "20150830";
  CU_ASSERT_EQUAL(si_sigv4_authorization(&suite_key, &request, &out), SI_E_INVALID);
  CU_ASSERT_EQUAL(out.len, 0);
}

static void a_time_is_written_as_the_header_has_it(void) {
  char text[SI_SIGV4_TIME];
  si_sigv4_time(1369353600000, text);
  CU_ASSERT_STRING_EQUAL(text, "20130524T000000Z");
  si_sigv4_time(1440938160999, text);
  CU_ASSERT_STRING_EQUAL(text, "20150830T123600Z");
}

/* No value was published for these: a second implementation computes them. */
static void odd_names_and_other_scopes_agree_with_another_implementation(void) {
  static const struct example examples[] = {
      {"blanks", "GET", "/bucket/a b/c+d=e", {{"x", " = "}}, {SUITE}, "", ""},
      {"percent", "PUT", "/bucket/100%25/%", {{"%", "%25"}}, {SUITE}, "p", ""},
      {"slashes", "GET", "/bucket//a///b/", {{0}}, {SUITE}, "", ""},
      {"dots", "GET", "/bucket/../a/./b", {{0}}, {SUITE}, "", ""},
      {"tilde, unicode",
       "DELETE",
       "/b/~\xC3\xBC\xF0\x9F\x98\x80",
       {{"uploadId", "a/b~c"}},
       {SUITE},
       "",
       ""},
      {"unsorted",
       "POST",
       "/b/k",
       {{"z", "1"}, {"uploads", ""}, {"A", "2"}, {"a", "3"}},
       {{"Zed", "z"}, SUITE, {"aaa", "a  b"}},
       "body",
       ""},
      {"token",
       "GET",
       "/",
       {{0}},
       {SUITE, {"X-Amz-Security-Token", "IQoJb3JpZ2luX2VjEOP//////////wEaCXVz+/="}},
       "",
       ""},
  };
  static const char *const scopes[][2] = {
      {"us-east-1", "s3"}, {"eu-central-1", "s3"}, {"us-east-1", "sts"}};
  char seen[21][SI_SHA256_HEX];
  size_t count = 0;
  for (size_t s = 0; s < 3; s++) {
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
      struct si_sigv4_key key = suite_key;
      char names[512], line[512] = "", command[8192];
      key.region = scopes[s][0];
      key.service = scopes[s][1];
      sign(&key, "20150830T123600Z", &examples[i], seen[count], names, sizeof names);
      int n = snprintf(command, sizeof command, "python3 %s '%s' '%s' '%s' '%s' '%s' '%s' '%s'",
                       script, suite_secret, key.region, key.service, "20150830T123600Z",
                       examples[i].method, examples[i].path, examples[i].payload);
      for (size_t q = 0; q < count_of(examples[i].query); q++) {
        n += snprintf(command + n, sizeof command - (size_t)n, " 'q:%s:%s'",
                      examples[i].query[q].name, examples[i].query[q].value);
      }
      for (size_t h = 0; h < count_of(examples[i].headers); h++) {
        n += snprintf(command + n, sizeof command - (size_t)n, " 'h:%s:%s'",
                      examples[i].headers[h].name, examples[i].headers[h].value);
      }
      FILE *other = popen(command, "r");
      CU_ASSERT_PTR_NOT_NULL_FATAL(other);
      CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, other));
      CU_ASSERT_EQUAL(pclose(other), 0);
      line[strcspn(line, "\n")] = '\0';
      CU_ASSERT_STRING_EQUAL(line, seen[count]);
      for (size_t k = 0; k < count; k++) {
        CU_ASSERT_STRING_NOT_EQUAL(seen[k], seen[count]); /* every part of the scope counts */
      }
      count++;
    }
  }
}

int main(int argc, char **argv) {
  static const struct unit_test tests[] = {
      UNIT(the_examples_of_s3_come_out_as_published),
      UNIT(the_published_suite_comes_out_as_published),
      UNIT(a_query_is_encoded_and_sorted),
      UNIT(what_is_beyond_the_bounds_is_refused),
      UNIT(a_time_is_written_as_the_header_has_it),
      UNIT(odd_names_and_other_scopes_agree_with_another_implementation),
  };
  if (argc != 2) {
    fprintf(stderr, "usage: %s sigv4.py\n", argv[0]);
    return 2;
  }
  script = argv[1];
  return unit_main("kit: signature version 4", tests, sizeof tests / sizeof *tests);
}
