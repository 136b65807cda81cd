/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/grid.h - lists for people: columns aligned by the width they take on a terminal. Depends on
 * cli/output.h. The last column alone is cut, and on a terminal only: put the free text there.
 *
 *   struct si_grid table SI_AUTO(si_grid_free) = SI_GRID("NAME", "STATUS", "UPDATED");
 *   si_grid_row(&table, project->slug, project->status, project->updated_at);
 *   si_grid_print(inv->out, &table);
 */
#ifndef SI_CLI_GRID_H
#define SI_CLI_GRID_H

#include "cli/output.h"

#define SI_GRID_COLUMNS 8

struct si_grid {
  const char *heads[SI_GRID_COLUMNS + 1]; /* ended by NULL */
  char **cells;                           /* row by row; owned */
  size_t rows;
  size_t room;
  bool broken; /* out of memory: printing says so */
};

#define SI_GRID(...)               \
  {                                \
    .heads = { __VA_ARGS__, NULL } \
  }

/* As many texts as there are heads. NULL and "" become "-". Copies them. */
#define si_grid_row(table, ...)                            \
  si_grid_add((table), (const char *const[]){__VA_ARGS__}, \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
void si_grid_add(struct si_grid *table, const char *const *cells, size_t count);
/* Nothing with --json; nothing at all where there are no rows. */
void si_grid_print(struct si_output *out, const struct si_grid *table);
void si_grid_free(struct si_grid *table);

#endif
