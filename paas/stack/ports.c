/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: "8080:80", "127.0.0.1:8080:80/tcp", "[::1]:8080:80", "80", ranges of equal
 * length, and the long form. Depends on parts.h; inet_pton knows what an address is.
 */
#include <arpa/inet.h>
#include <string.h>

#include "kit/base/text.h"
#include "paas/stack/document.h"
#include "paas/stack/parts.h"
#include "paas/stack/value.h"

enum { RANGE_MOST = 100 };

struct range {
  unsigned first; /* 0: left to the engine */
  unsigned last;
};

struct port {
  char host_ip[INET6_ADDRSTRLEN];
  struct range host;
  struct range inner;
  const char *protocol;
};

static const char *protocol_of(const char *text) {
  return strcmp(text, "tcp") == 0 ? "tcp" : strcmp(text, "udp") == 0 ? "udp" : NULL;
}

/* In the one spelling that equal addresses share. */
static bool read_address(const char *text, char to[INET6_ADDRSTRLEN]) {
  unsigned char raw[16];
  for (int i = 0; i < 2; i++) {
    int family = i ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, raw) == 1) {
      return inet_ntop(family, raw, to, INET6_ADDRSTRLEN) != NULL;
    }
  }
  return false;
}

static bool read_range(const char *text, struct range *out) {
  char first[8];
  uint64_t a, b;
  size_t len = strcspn(text, "-");
  if (len >= sizeof first) {
    return false;
  }
  memcpy(first, text, len);
  first[len] = '\0';
  if (si_parse_u64(first, 1, 65535, &a) != SI_OK) {
    return false;
  }
  b = a;
  if (text[len] && (si_parse_u64(text + len + 1, 1, 65535, &b) != SI_OK || b < a)) {
    return false;
  }
  *out = (struct range){(unsigned)a, (unsigned)b};
  return true;
}

/* Takes "[::1]:rest" or "1.2.3.4:rest" apart, in place; NULL where the address is none. */
static char *take_address(char *text, struct port *port) {
  char *address = text;
  char *end;
  if (text[0] == '[') {
    address = text + 1;
    end = strchr(address, ']');
    if (!end || end[1] != ':') {
      return NULL;
    }
    *end++ = '\0';
  } else {
    end = strchr(text, ':');
    if (!end || !strchr(end + 1, ':')) {
      return text; /* "8080:80" or "80" */
    }
  }
  *end = '\0';
  return read_address(address, port->host_ip) ? end + 1 : NULL;
}

static bool read_short(char *text, struct port *port) {
  char *slash = strrchr(text, '/');
  if (slash) {
    *slash = '\0';
    port->protocol = protocol_of(slash + 1);
  }
  char *rest = take_address(text, port);
  if (!rest || !port->protocol) {
    return false;
  }
  char *colon = strchr(rest, ':');
  if (!colon) {
    return rest == text && read_range(rest, &port->inner);
  }
  *colon = '\0';
  bool left_open = colon == rest && rest != text; /* "127.0.0.1::80" */
  return (left_open || read_range(rest, &port->host)) && read_range(colon + 1, &port->inner);
}

/* 0.0.0.0 takes the port of every IPv4 address, :: that of every IPv6 one. */
static bool addresses_meet(const char *a, const char *b) {
  bool six_a = strchr(a, ':'), six_b = strchr(b, ':');
  const char *any = six_a ? "::" : "0.0.0.0";
  return six_a == six_b && (strcmp(a, b) == 0 || strcmp(a, any) == 0 || strcmp(b, any) == 0);
}

static si_rc claim(struct si_reading *r, const struct si_place *place,
                   const struct si_binding *binding) {
  for (size_t i = 0; i < r->binding_count; i++) {
    const struct si_binding *other = &r->bindings[i];
    if (other->host_port == binding->host_port && strcmp(other->protocol, binding->protocol) == 0 &&
        addresses_meet(other->host_ip, binding->host_ip)) {
      char line[200];
      si_stack_invalid(r, place, "takes port %s:%u/%s, which service %s takes on %s",
                       binding->host_ip, binding->host_port, binding->protocol, other->service,
                       si_stack_line(r, other->line, place->line, line));
      return si_stack_hint(r, "give one of them another host port");
    }
  }
  if (r->binding_count == SI_STACK_BINDINGS) {
    return si_stack_fail(r, "STACK_TOO_LARGE", place, "is beyond the %d ports a stack publishes",
                         SI_STACK_BINDINGS);
  }
  r->bindings[r->binding_count++] = *binding;
  return SI_OK;
}

/* A later file may say once more what an earlier one says. */
static bool stands_there(const cJSON *list, const struct port *port, unsigned host,
                         unsigned inner) {
  for (const cJSON *item = list->child; item; item = item->next) {
    if (strcmp(si_json_str(item, "host_ip"), port->host_ip) == 0 &&
        strcmp(si_json_str(item, "protocol"), port->protocol) == 0 &&
        si_json_int(item, "host_port", 0, 65535, 0) == (int64_t)host &&
        si_json_int(item, "port", 0, 65535, 0) == (int64_t)inner) {
      return true;
    }
  }
  return false;
}

static si_rc put_port(struct si_reading *r, const struct si_place *place,
                      const struct si_service *service, const struct port *port, unsigned offset) {
  cJSON *item = NULL;
  cJSON *list = cJSON_GetObjectItemCaseSensitive(service->json, "ports");
  unsigned host_port = port->host.first ? port->host.first + offset : 0;
  if (SI_LINE_FILE(place->line) > 0 &&
      stands_there(list, port, host_port, port->inner.first + offset)) {
    return SI_OK;
  }
  si_rc status = si_add_object(r, list, &item);
  status = status == SI_OK ? si_put_text(r, item, "host_ip", port->host_ip) : status;
  status = status == SI_OK ? si_put_number(r, item, "host_port", host_port) : status;
  status = status == SI_OK ? si_put_number(r, item, "port", port->inner.first + offset) : status;
  status = status == SI_OK ? si_put_text(r, item, "protocol", port->protocol) : status;
  if (status != SI_OK || !host_port) {
    return status;
  }
  struct si_binding binding = {service->name, si_json_str(item, "host_ip"), port->protocol,
                               host_port, place->line};
  return claim(r, place, &binding);
}

static si_rc put_range(struct si_reading *r, const struct si_place *place,
                       const struct si_service *service, const struct port *port) {
  unsigned span = port->inner.last - port->inner.first;
  si_rc status = SI_OK;
  if (port->host.first && port->host.last - port->host.first != span) {
    return si_stack_invalid(r, place, "pairs two ranges of different length");
  }
  if (span >= RANGE_MOST) {
    return si_stack_invalid(r, place, "is a range of more than %d ports", RANGE_MOST);
  }
  for (unsigned i = 0; status == SI_OK && i <= span; i++) {
    status = put_port(r, place, service, port, i);
  }
  return status;
}

/* --- the long form --- */

static si_rc read_target(struct si_reading *r, const struct si_yaml_node *value,
                         const struct si_place *place, void *into) {
  struct port *port = into;
  uint64_t number = 0;
  si_rc status = si_value_count(r, value, place, 1, 65535, &number);
  port->inner = (struct range){(unsigned)number, (unsigned)number};
  return status;
}

static si_rc read_published(struct si_reading *r, const struct si_yaml_node *value,
                            const struct si_place *place, void *into) {
  struct port *port = into;
  uint64_t number = 0;
  si_rc status = si_value_count(r, value, place, 1, 65535, &number);
  port->host = (struct range){(unsigned)number, (unsigned)number};
  return status;
}

static si_rc read_host_ip(struct si_reading *r, const struct si_yaml_node *value,
                          const struct si_place *place, void *into) {
  struct port *port = into;
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && !read_address(text, port->host_ip)) {
    return si_stack_invalid(r, place, "\"%.60s\" is no IP address", text);
  }
  return status;
}

static si_rc read_protocol(struct si_reading *r, const struct si_yaml_node *value,
                           const struct si_place *place, void *into) {
  struct port *port = into;
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && !(port->protocol = protocol_of(text))) {
    return si_stack_invalid(r, place, "must be tcp or udp");
  }
  return status;
}

/* Both mean a port of the engine's machine, there being one. */
static si_rc read_mode(struct si_reading *r, const struct si_yaml_node *value,
                       const struct si_place *place, void *into) {
  char *text SI_AUTO(si_text_free) = NULL;
  (void)into;
  si_rc status = si_value_text(r, value, place, 0, &text);
  if (status == SI_OK && strcmp(text, "host") != 0 && strcmp(text, "ingress") != 0) {
    return si_stack_invalid(r, place, "must be host or ingress, which are the same here");
  }
  return status;
}

static si_rc read_long(struct si_reading *r, const struct si_yaml_node *node,
                       const struct si_place *place, struct port *port) {
  static const struct si_key known[] = {{"target", read_target},
                                        {"published", read_published},
                                        {"host_ip", read_host_ip},
                                        {"protocol", read_protocol},
                                        {"mode", read_mode}};
  static const struct si_refused_key refused[] = {
      {"name", "remove it: it is for readers alone, who have comments"},
      {"app_protocol", "remove it: nothing reads it"},
  };
  static const struct si_keys keys = {known, sizeof known / sizeof *known, refused, 2};
  si_rc status = si_keys_read(r, node, place, &keys, port);
  if (status == SI_OK && !port->inner.first) {
    return si_stack_invalid(r, place, "has no `target`, the port inside the container");
  }
  return status;
}

static si_rc read_port(struct si_reading *r, const struct si_yaml_node *node,
                       const struct si_place *place, const struct si_service *service) {
  struct port port = {"127.0.0.1", {0, 0}, {0, 0}, "tcp"};
  char *text SI_AUTO(si_text_free) = NULL;
  si_rc status;
  if (node->kind == SI_YAML_MAP) {
    status = read_long(r, node, place, &port);
  } else {
    status = si_value_text(r, node, place, SI_TEXT_NUMBERS, &text);
    if (status == SI_OK && !read_short(text, &port)) {
      si_stack_invalid(r, place, "\"%.60s\" is no port", node->text);
      return si_stack_hint(r,
                           "write \"8080:80\", \"127.0.0.1:8080:80/tcp\" or \"80\"; ports are "
                           "1 to 65535, the protocol tcp or udp");
    }
  }
  status = status == SI_OK ? put_range(r, place, service, &port) : status;
  bool all = strcmp(port.host_ip, "0.0.0.0") == 0 || strcmp(port.host_ip, "::") == 0 ||
             strcmp(port.host_ip, "::ffff:0.0.0.0") == 0;
  return status == SI_OK && all
             ? si_stack_find(r, "port.public", service->name, place,
                             "name the address that is meant, or leave it out, which is 127.0.0.1",
                             "is published on %s, which is every address of the machine",
                             port.host_ip)
             : status;
}

si_rc si_read_ports(struct si_reading *r, const struct si_yaml_node *value,
                    const struct si_place *place, void *into) {
  const struct si_service *service = into;
  cJSON *list = NULL;
  bool failed = false;
  si_rc status = si_kind_check(r, value, place, SI_YAML_LIST);
  status = status == SI_OK ? si_put_list(r, service->json, "ports", &list) : status;
  for (size_t i = 0; status == SI_OK && i < value->count; i++) {
    struct si_place at = si_place_of(place, value, i);
    status = read_port(r, value->entries[i].value, &at, service);
    status = si_stack_go_on(r, status, &failed);
  }
  return si_stack_came_to(status, failed);
}
