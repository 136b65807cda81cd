/* SPDX-License-Identifier: Apache-2.0 */
/* Where an alert may be sent: what is read of an address as text, and what of one as numbers. */
#include "paas/alert/net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "paas/alert/net/url.h"
#include "tests/unit/unit.h"

static enum si_reach reach(const char *text) {
  struct sockaddr_in four = {.sin_family = AF_INET};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  if (inet_pton(AF_INET, text, &four.sin_addr) == 1) {
    return si_address_reach((const struct sockaddr *)&four, sizeof four);
  }
  CU_ASSERT_EQUAL(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
  return si_address_reach((const struct sockaddr *)&six, sizeof six);
}

static void every_address_has_its_reach(void) {
  static const struct {
    const char *address;
    enum si_reach reach;
  } cases[] = {
      {"1.1.1.1", SI_REACH_PUBLIC},
      {"169.253.255.255", SI_REACH_PUBLIC},
      {"169.254.0.0", SI_REACH_NEVER},
      {"169.254.169.254", SI_REACH_NEVER},
      {"169.254.255.255", SI_REACH_NEVER},
      {"169.255.0.0", SI_REACH_PUBLIC},
      {"0.0.0.0", SI_REACH_NEVER},
      {"0.1.2.3", SI_REACH_NEVER},
      {"224.0.0.1", SI_REACH_NEVER},
      {"255.255.255.255", SI_REACH_NEVER},
      {"100.100.100.200", SI_REACH_NEVER},
      {"168.63.129.16", SI_REACH_NEVER},
      {"168.63.129.17", SI_REACH_PUBLIC},
      {"127.0.0.1", SI_REACH_LOOPBACK},
      {"127.255.255.254", SI_REACH_LOOPBACK},
      {"128.0.0.1", SI_REACH_PUBLIC},
      {"10.0.0.1", SI_REACH_PRIVATE},
      {"11.0.0.1", SI_REACH_PUBLIC},
      {"172.15.0.1", SI_REACH_PUBLIC},
      {"172.16.0.1", SI_REACH_PRIVATE},
      {"172.31.255.255", SI_REACH_PRIVATE},
      {"172.32.0.1", SI_REACH_PUBLIC},
      {"192.168.1.1", SI_REACH_PRIVATE},
      {"100.64.0.1", SI_REACH_PRIVATE},
      {"100.128.0.1", SI_REACH_PUBLIC},
      {"2606:4700::1111", SI_REACH_PUBLIC},
      {"::", SI_REACH_NEVER},
      {"::1", SI_REACH_LOOPBACK},
      {"fe80::1", SI_REACH_NEVER},
      {"febf::1", SI_REACH_NEVER},
      {"fec0::1", SI_REACH_PRIVATE},
      {"fc00::1", SI_REACH_PRIVATE},
      {"fd12::1", SI_REACH_PRIVATE},
      {"fd00:ec2::254", SI_REACH_NEVER},
      {"ff02::1", SI_REACH_NEVER},
      {"::ffff:169.254.169.254", SI_REACH_NEVER},
      {"::ffff:10.0.0.1", SI_REACH_PRIVATE},
      {"::ffff:1.1.1.1", SI_REACH_PUBLIC},
      {"::169.254.169.254", SI_REACH_NEVER},
      {"64:ff9b::a9fe:a9fe", SI_REACH_NEVER},
      {"2002:a9fe:a9fe::", SI_REACH_NEVER},
      {"2002:7f00:1::", SI_REACH_LOOPBACK},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (reach(cases[i].address) != cases[i].reach) {
      printf("\n%s: %d instead of %d\n", cases[i].address, (int)reach(cases[i].address),
             (int)cases[i].reach);
      CU_FAIL("reach");
    }
  }
}

static void an_address_of_another_kind_is_never_reached(void) {
  const struct sockaddr local = {.sa_family = AF_UNIX};
  const struct sockaddr_in four = {.sin_family = AF_INET};
  CU_ASSERT_EQUAL(si_address_reach(&local, sizeof local), SI_REACH_NEVER);
  CU_ASSERT_EQUAL(si_address_reach((const struct sockaddr *)&four, 4), SI_REACH_NEVER);
}

static void urls_are_read_strictly(void) {
  static const struct {
    const char *text, *base, *target; /* base NULL: refused */
  } cases[] = {
      {"https://hooks.example.org/a/b?c=d", "https://hooks.example.org", "/a/b?c=d"},
      {"https://Hooks.Example.ORG:8443", "https://hooks.example.org:8443", "/"},
      {"https://h?x=1", "https://h", "/?x=1"},
      {"http://127.0.0.1:80/x", "http://127.0.0.1:80", "/x"},
      {"https://[::1]:443/x", "https://[::1]:443", "/x"},
      {"https://h/a/../b", "https://h", "/a/../b"},
      {"https://h/a@b", "https://h", "/a@b"},
      {"HTTPS://h/", NULL, NULL},
      {"ftp://h/", NULL, NULL},
      {"//h/", NULL, NULL},
      {"https://", NULL, NULL},
      {"https:///x", NULL, NULL},
      {"https://u@h/", NULL, NULL},
      {"https://u:p@h/", NULL, NULL},
      {"https://h:0/", NULL, NULL},
      {"https://h:65536/", NULL, NULL},
      {"https://h:/", NULL, NULL},
      {"https://h:+1/", NULL, NULL},
      {"https://h:80:80/", NULL, NULL},
      {"https://h/#x", NULL, NULL},
      {"https://h\\@evil/", NULL, NULL},
      {"https://h /", NULL, NULL},
      {"https://h/\n", NULL, NULL},
      {"https://h/\xc3\xa4", NULL, NULL},
      {"https://h..x/", NULL, NULL},
      {"https://.h/", NULL, NULL},
      {"https://h./", NULL, NULL},
      {"https://h_x/", NULL, NULL},
      {"https://[::1/", NULL, NULL},
      {"https://[::1]x/", NULL, NULL},
      {"https://[fe80::1%25eth0]/", NULL, NULL},
      {"https://[127.0.0.1]/", NULL, NULL},
      {"https://h%2e/", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_url url;
    const char *why = si_url_parse(cases[i].text, &url);
    bool well = cases[i].base ? !why && strcmp(url.base, cases[i].base) == 0 &&
                                    strcmp(url.target, cases[i].target) == 0
                              : why != NULL;
    if (!well) {
      printf("\n%s: %s %s %s\n", cases[i].text, why ? why : "taken", why ? "" : url.base,
             why ? "" : url.target);
      CU_FAIL("url");
    }
  }
}

static void only_this_machine_is_loopback_by_name(void) {
  static const struct {
    const char *text;
    bool loopback;
  } cases[] = {{"http://localhost/", true},
               {"http://LOCALHOST:1/", true},
               {"http://127.0.0.1/", true},
               {"http://127.9.9.9/", true},
               {"http://[::1]/", true},
               {"http://localhost.example.org/", false},
               {"http://127.0.0.1.nip.io/", false},
               {"http://0/", false},
               {"http://128.0.0.1/", false},
               {"http://[::2]/", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct si_url url;
    CU_ASSERT_PTR_NULL(si_url_parse(cases[i].text, &url));
    CU_ASSERT_EQUAL(si_url_loopback(&url), cases[i].loopback);
  }
}

static void a_url_that_is_too_long_is_refused(void) {
  char text[SI_URL_MAX + 8];
  struct si_url url;
  memset(text, 'a', sizeof text);
  memcpy(text, "https://h/", 10);
  text[SI_URL_MAX - 2] = '\0';
  CU_ASSERT_PTR_NULL(si_url_parse(text, &url));
  CU_ASSERT_EQUAL(strlen(url.target), SI_URL_MAX - 2 - 9);
  text[SI_URL_MAX - 2] = 'a';
  text[SI_URL_MAX - 1] = '\0';
  CU_ASSERT_PTR_NOT_NULL(si_url_parse(text, &url));
}

UNIT_MAIN("alert.address", UNIT(every_address_has_its_reach),
          UNIT(an_address_of_another_kind_is_never_reached), UNIT(urls_are_read_strictly),
          UNIT(only_this_machine_is_loopback_by_name), UNIT(a_url_that_is_too_long_is_refused))
