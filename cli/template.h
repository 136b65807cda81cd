/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/template.h - the projects that `si plugin new` writes: the examples of sdk/examples, built
 * into si. cmake/embed.cmake writes the table. Depends on libc alone.
 */
#ifndef SI_CLI_TEMPLATE_H
#define SI_CLI_TEMPLATE_H

#include <stddef.h>

struct si_template_file {
  const char *name; /* NULL ends a list */
  const unsigned char *text;
  size_t len;
};

struct si_template {
  const char *kind;     /* "artifact"; NULL ends the table */
  const char *language; /* "c", "c++" */
  const char *word; /* the example's own name, in texts and names of files: becomes the new one */
  const struct si_template_file *files;
};

extern const struct si_template si_templates[];

#endif
