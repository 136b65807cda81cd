/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema_targets.c - the fourth migration: where projects run. `local` is there without
 * a row, until somebody says where its engine listens. Depends on nothing.
 */
#include "paas/state/schema.h"

const char si_state_migration_targets[] =
    "CREATE TABLE targets("
    "name TEXT PRIMARY KEY CHECK(" NAME("name") "),"
    "kind TEXT NOT NULL CHECK(kind IN('local','ssh')),"
    "config TEXT NOT NULL CHECK(" DOCUMENT("config", "65536") "),"
    "labels TEXT NOT NULL CHECK(" DOCUMENT("labels", "65536") "),"
    "made_at TEXT NOT NULL,"
    "checked_at TEXT)STRICT,WITHOUT ROWID;"
    "CREATE TRIGGER targets_delete BEFORE DELETE ON targets "
    "WHEN EXISTS(SELECT 1 FROM instances WHERE target=OLD.name)"
    "BEGIN SELECT RAISE(ABORT,'projects live on that target');END;"
    "CREATE TRIGGER targets_update BEFORE UPDATE OF name,kind,config,made_at ON targets "
    "BEGIN SELECT RAISE(ABORT,'a target is removed and made anew, never changed');END;"

    "PRAGMA user_version=4;";
