/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema_addons.c - the fifth migration: which add-ons an app has, and had. By the app's
 * name: they may be enabled before there is a project. Depends on nothing.
 */
#include "paas/state/schema.h"

const char si_state_migration_addons[] =
    "CREATE TABLE addons("
    "seq INTEGER PRIMARY KEY,"
    "owner_id TEXT NOT NULL CHECK(length(owner_id) BETWEEN 1 AND 63),"
    "app TEXT NOT NULL CHECK(" NAME("app") "),"
    "pack TEXT NOT NULL CHECK(" NAME("pack") "),"
    "version TEXT NOT NULL CHECK(length(version) BETWEEN 1 AND 31),"
    "sha256 TEXT NOT NULL CHECK(" HEX64("sha256") "),"
    "settings TEXT NOT NULL CHECK(" DOCUMENT("settings", "65536") "),"
    "enabled_at TEXT NOT NULL,"
    "enabled_by TEXT NOT NULL,"
    "disabled_at TEXT,"
    "disabled_by TEXT,"
    "CHECK((disabled_at IS NULL)=(disabled_by IS NULL)))STRICT;"
    "CREATE UNIQUE INDEX addons_enabled ON addons(owner_id,app,pack)WHERE disabled_at IS NULL;"
    "CREATE TRIGGER addons_insert BEFORE INSERT ON addons WHEN NEW.disabled_at IS NOT NULL OR EXISTS"
    "(SELECT 1 FROM addons WHERE seq=NEW.seq OR(owner_id=NEW.owner_id AND app=NEW.app AND "
    "pack=NEW.pack AND disabled_at IS NULL))"
    "BEGIN SELECT RAISE(ABORT,'an add-on is enabled once');END;"
    "CREATE TRIGGER addons_update BEFORE UPDATE ON addons WHEN OLD.disabled_at IS NOT NULL OR "
    "NEW.disabled_at IS NULL OR(OLD.seq,OLD.owner_id,OLD.app,OLD.pack,OLD.version,OLD.sha256,"
    "OLD.settings,OLD.enabled_at,OLD.enabled_by)IS NOT(NEW.seq,NEW.owner_id,NEW.app,NEW.pack,"
    "NEW.version,NEW.sha256,NEW.settings,NEW.enabled_at,NEW.enabled_by)"
    "BEGIN SELECT RAISE(ABORT,'an add-on is disabled, once, and never changed');END;"
    "CREATE TRIGGER addons_delete BEFORE DELETE ON addons "
    "BEGIN SELECT RAISE(ABORT,'which add-ons there were is never forgotten');END;"

    "PRAGMA user_version=5;";
