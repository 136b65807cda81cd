/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/grid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/visible.h"

#define CELL_MAX ((size_t)65536)
#define TABLE_MAX (1u << 30)
#define GAP 2
#define LAST_MIN 8 /* columns that the last cell keeps on the narrowest terminal */

static size_t columns_of(const struct si_grid *table) {
  size_t n = 0;
  while (n < SI_GRID_COLUMNS && table->heads[n]) {
    n++;
  }
  return n;
}

static char *copy_cell(const char *text) {
  struct si_buf cell SI_AUTO(si_buf_free) = SI_BUF(10 * CELL_MAX);
  text = text && text[0] ? text : "-";
  if (si_visible(text, strnlen(text, CELL_MAX), "", &cell) != SI_OK) {
    return NULL;
  }
  return strdup(si_buf_text(&cell));
}

/* Room for one row more; false: out of memory. */
static bool grow(struct si_grid *table, size_t columns) {
  if (table->rows < table->room) {
    return true;
  }
  size_t room = table->room ? table->room * 2 : 16;
  char **cells = reallocarray(table->cells, room * columns, sizeof *cells);
  if (!cells) {
    return false;
  }
  table->cells = cells;
  table->room = room;
  return true;
}

void si_grid_add(struct si_grid *table, const char *const *cells, size_t count) {
  size_t columns = columns_of(table);
  if (columns == 0 || table->broken || !grow(table, columns)) {
    table->broken = true;
    return;
  }
  char **row = table->cells + table->rows++ * columns;
  for (size_t i = 0; i < columns; i++) {
    row[i] = copy_cell(i < count ? cells[i] : NULL);
    table->broken = table->broken || !row[i];
  }
}

static void measure(const struct si_grid *table, size_t columns, size_t *widths) {
  for (size_t c = 0; c < columns; c++) {
    widths[c] = si_display_width(table->heads[c]);
    for (size_t r = 0; r < table->rows; r++) {
      size_t width = si_display_width(table->cells[r * columns + c]);
      widths[c] = width > widths[c] ? width : widths[c];
    }
  }
}

/* What the last column may take; SIZE_MAX: all it wants. */
static size_t last_limit(const struct si_output *out, const size_t *widths, size_t columns) {
  size_t before = 0;
  for (size_t c = 0; c + 1 < columns; c++) {
    before += widths[c] + GAP;
  }
  if (out->columns == 0) {
    return SIZE_MAX;
  }
  return before + LAST_MIN < out->columns ? out->columns - before : LAST_MIN;
}

static si_rc add_last(struct si_buf *to, const char *text, size_t limit) {
  if (si_display_width(text) <= limit) {
    return si_buf_puts(to, text);
  }
  si_rc status = si_buf_add(to, text, si_display_cut(text, limit - 1));
  return status == SI_OK ? si_buf_puts(to, "…") : status;
}

static si_rc add_row(struct si_buf *to, const char *const *cells, size_t columns,
                     const size_t *widths, size_t limit) {
  si_rc status = SI_OK;
  for (size_t c = 0; status == SI_OK && c + 1 < columns; c++) {
    size_t pad = widths[c] - si_display_width(cells[c]) + GAP;
    status = si_buf_printf(to, "%s%*s", cells[c], (int)pad, "");
  }
  status = status == SI_OK ? add_last(to, cells[columns - 1], limit) : status;
  return status == SI_OK ? si_buf_add(to, "\n", 1) : status;
}

static si_rc add_heads(struct si_buf *to, const struct si_output *out, const struct si_grid *table,
                       size_t columns, const size_t *widths) {
  si_rc status = out->color_out ? si_buf_puts(to, "\x1b[1m") : SI_OK;
  if (status == SI_OK) {
    status = add_row(to, table->heads, columns, widths, SIZE_MAX);
  }
  return status == SI_OK && out->color_out ? si_buf_puts(to, "\x1b[0m") : status;
}

void si_grid_print(struct si_output *out, const struct si_grid *table) {
  size_t widths[SI_GRID_COLUMNS];
  size_t columns = columns_of(table);
  if (table->broken) {
    si_out_lost(out, ENOMEM);
    return;
  }
  if (out->json || table->rows == 0) {
    return;
  }
  measure(table, columns, widths);
  size_t limit = last_limit(out, widths, columns);
  struct si_buf text SI_AUTO(si_buf_free) = SI_BUF(TABLE_MAX);
  si_rc status = add_heads(&text, out, table, columns, widths);
  for (size_t r = 0; status == SI_OK && r < table->rows; r++) {
    const char *const *cells = (const char *const *)table->cells + r * columns;
    status = add_row(&text, cells, columns, widths, limit);
  }
  if (status != SI_OK) {
    si_out_lost(out, ENOMEM);
    return;
  }
  si_out_put(out, text.data, text.len);
}

void si_grid_free(struct si_grid *table) {
  size_t count = table->rows * columns_of(table);
  for (size_t i = 0; i < count; i++) {
    free(table->cells[i]);
  }
  free(table->cells);
  table->cells = NULL;
  table->rows = 0;
  table->room = 0;
}
