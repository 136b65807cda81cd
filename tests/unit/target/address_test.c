/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/target/address_test.c - words of an ssh target: nothing in them that ssh could take
 * for an option, a token or a variable (R24).
 */
#include "paas/target/address.h"

#include <string.h>

#include "tests/unit/unit.h"

static void expect_read(const char *text, const char *user, const char *host, const char *port) {
  struct si_target_address a;
  struct si_error error;
  CU_ASSERT_EQUAL_FATAL(si_target_address_read(text, &a, &error), SI_OK);
  CU_ASSERT_STRING_EQUAL(a.user, user);
  CU_ASSERT_STRING_EQUAL(a.host, host);
  CU_ASSERT_STRING_EQUAL(a.port, port);
}

static void an_address_is_taken_apart(void) {
  expect_read("root@example.org", "root", "example.org", "22");
  expect_read("deploy_1@10.0.0.1:2222", "deploy_1", "10.0.0.1", "2222");
  expect_read("a.b-c@[2001:db8::1]:65535", "a.b-c", "2001:db8::1", "65535");
  expect_read("x@[::1]", "x", "::1", "22");
}

static void what_ssh_could_take_for_something_else_is_refused(void) {
  static const char *const texts[] = {"",
                                      "host",
                                      "@host",
                                      "root@",
                                      "-l@host",
                                      "root@-oX=y",
                                      "root@.host",
                                      "root@h h",
                                      "root@h;t",
                                      "root@%h",
                                      "root@$H",
                                      "root@${H}",
                                      "root@h:",
                                      "root@h:0",
                                      "root@h:1x",
                                      "root@h:65536",
                                      "root@h:-1",
                                      "root@[::1",
                                      "root@[h]",
                                      "root@[::1]x",
                                      "ro ot@h",
                                      "root@h:22:22",
                                      "root@h\n",
                                      "root@h\x7f",
                                      "r\xc3\xb6@h",
                                      "root@h/x",
                                      "root@[]",
                                      "root@h:00000022",
                                      ".r@h",
                                      "root@::1"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct si_target_address a;
    struct si_error error;
    si_rc status = si_target_address_read(texts[i], &a, &error);
    if (status != SI_E_INVALID) {
      printf("\npassed: %s\n", texts[i]);
    }
    CU_ASSERT_EQUAL(status, SI_E_INVALID);
  }
}

static void host_keys_and_sockets_are_plain_words(void) {
  char longest[200] = "/";
  CU_ASSERT(si_target_host_key_valid(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGf3SLqqvQJ0kz5nYb2WpTz0cYb0000000000000000000"));
  CU_ASSERT(!si_target_host_key_valid(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGf3SLqqvQJ0kz5nYb2WpTz0cYb0000000000 comment"));
  CU_ASSERT(!si_target_host_key_valid("ssh-ed25519 short"));
  CU_ASSERT(!si_target_host_key_valid("ssh-dss AAAAC3NzaC1lZDI1NTE5AAAAIGf3SLqqvQJ0kz5nYb2WpTz0c"));
  CU_ASSERT(!si_target_host_key_valid(
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGf3SLqqvQJ0kz5nYb2WpTz0cYb00000\n@cert-authority *"));
  CU_ASSERT(si_target_socket_valid("/var/run/docker.sock"));
  CU_ASSERT(!si_target_socket_valid("var/run/docker.sock"));
  CU_ASSERT(!si_target_socket_valid("/"));
  CU_ASSERT(!si_target_socket_valid("/run/%h"));
  CU_ASSERT(!si_target_socket_valid("/run/${X}"));
  CU_ASSERT(!si_target_socket_valid("/run/a:b"));
  memset(longest + 1, 'x', 106);
  CU_ASSERT(si_target_socket_valid(longest));
  longest[107] = 'x';
  CU_ASSERT(!si_target_socket_valid(longest));
}

UNIT_MAIN("target: words", UNIT(an_address_is_taken_apart),
          UNIT(what_ssh_could_take_for_something_else_is_refused),
          UNIT(host_keys_and_sockets_are_plain_words))
