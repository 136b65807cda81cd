/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema_webhooks.c - the seventh migration: what a push may deploy, and which pushes
 * came. A mapping is never changed, only ended; a push ends once, or begins again where it came to
 * nothing. Depends on nothing.
 */
#include "paas/state/schema.h"

#define LIST(column, max) "length(" column ")<=" max " AND " column " GLOB '[[]*]'"

const char si_state_migration_webhooks[] =
    "CREATE TABLE webhooks("
    "seq INTEGER PRIMARY KEY,"
    "owner_id TEXT NOT NULL CHECK(length(owner_id) BETWEEN 1 AND 63),"
    "name TEXT NOT NULL CHECK(" NAME("name") "),"
    "app TEXT NOT NULL CHECK(" NAME("app") "),"
    "source TEXT NOT NULL CHECK(length(source) BETWEEN 1 AND 31),"
    "stack TEXT NOT NULL CHECK(stack GLOB '/*' AND length(stack)<4096),"
    "secret TEXT NOT NULL CHECK(length(secret) BETWEEN 1 AND 128),"
    "enabled_at TEXT NOT NULL,"
    "enabled_by TEXT NOT NULL,"
    "removed_at TEXT,"
    "removed_by TEXT,"
    "branches TEXT NOT NULL CHECK(" LIST("branches", "8192") "),"
    "targets TEXT NOT NULL CHECK(" LIST("targets", "8192") "),"
    "CHECK((removed_at IS NULL)=(removed_by IS NULL)))STRICT;"
    "CREATE UNIQUE INDEX webhooks_live ON webhooks(owner_id,name)WHERE removed_at IS NULL;"
    "CREATE TRIGGER webhooks_insert BEFORE INSERT ON webhooks WHEN NEW.removed_at IS NOT NULL OR "
    "EXISTS(SELECT 1 FROM webhooks WHERE seq=NEW.seq OR(owner_id=NEW.owner_id AND name=NEW.name AND "
    "removed_at IS NULL))BEGIN SELECT RAISE(ABORT,'a webhook has a name of its own');END;"
    "CREATE TRIGGER webhooks_update BEFORE UPDATE ON webhooks WHEN OLD.removed_at IS NOT NULL OR "
    "NEW.removed_at IS NULL OR(OLD.seq,OLD.owner_id,OLD.name,OLD.app,OLD.source,OLD.stack,OLD.secret,"
    "OLD.enabled_at,OLD.enabled_by,OLD.branches,OLD.targets)IS NOT(NEW.seq,NEW.owner_id,NEW.name,"
    "NEW.app,NEW.source,NEW.stack,NEW.secret,NEW.enabled_at,NEW.enabled_by,NEW.branches,NEW.targets)"
    "BEGIN SELECT RAISE(ABORT,'a webhook is removed, once, and never changed');END;"
    "CREATE TRIGGER webhooks_delete BEFORE DELETE ON webhooks "
    "BEGIN SELECT RAISE(ABORT,'which webhooks there were is never forgotten');END;"

    "CREATE TABLE pushes("
    "seq INTEGER PRIMARY KEY,"
    "webhook INTEGER NOT NULL REFERENCES webhooks(seq),"
    "digest TEXT NOT NULL CHECK(" HEX64("digest") "),"
    "delivery TEXT NOT NULL CHECK(length(delivery)<=128),"
    "branch TEXT NOT NULL CHECK(length(branch)<=255),"
    "commit_id TEXT NOT NULL CHECK(length(commit_id)<=64),"
    "outcome TEXT NOT NULL CHECK(outcome IN('pending','deployed','failed','ignored')),"
    "received_at TEXT NOT NULL,"
    "ended_at TEXT,"
    "detail TEXT NOT NULL DEFAULT '' CHECK(length(detail)<=1023),"
    "CHECK((outcome='pending')=(ended_at IS NULL)))STRICT;"
    "CREATE UNIQUE INDEX pushes_digest ON pushes(webhook,digest);"
    "CREATE TRIGGER pushes_insert BEFORE INSERT ON pushes WHEN EXISTS"
    "(SELECT 1 FROM pushes WHERE seq=NEW.seq OR(webhook=NEW.webhook AND digest=NEW.digest))"
    "BEGIN SELECT RAISE(ABORT,'a push comes once');END;"
    "CREATE TRIGGER pushes_update BEFORE UPDATE ON pushes WHEN "
    "OLD.outcome IN('deployed','ignored')OR(OLD.seq,OLD.webhook,OLD.digest,OLD.delivery,OLD.branch,"
    "OLD.commit_id,OLD.received_at)IS NOT(NEW.seq,NEW.webhook,NEW.digest,NEW.delivery,NEW.branch,"
    "NEW.commit_id,NEW.received_at)"
    "BEGIN SELECT RAISE(ABORT,'what became of a push is said once');END;"
    "CREATE TRIGGER pushes_delete BEFORE DELETE ON pushes WHEN OLD.outcome='pending' OR OLD.seq>"
    "(SELECT max(seq) FROM pushes)-10000 "
    "BEGIN SELECT RAISE(ABORT,'the newest pushes are kept');END;"

    "PRAGMA user_version=7;";
