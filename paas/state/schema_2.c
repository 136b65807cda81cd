/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema_2.c - the second migration: the heads of the event chains and the events that
 * wait for their file, the ledger of the vault, and alerts. Depends on nothing.
 */
#include "paas/state/schema.h"

#define TEXT_TO(column, max) "length(" column ") BETWEEN 1 AND " max

const char si_state_migration_2[] =
    /* The last event of each chain. `prev` of the first is the hash of the context's id. */
    "CREATE TABLE event_heads("
    "stream TEXT PRIMARY KEY CHECK(stream IN('audit','deployments','alerts')),"
    "seq INTEGER NOT NULL CHECK(seq>=1),"
    "hash TEXT NOT NULL CHECK(" HEX64("hash") "))STRICT,WITHOUT ROWID;"
    "CREATE TRIGGER event_heads_insert BEFORE INSERT ON event_heads WHEN NEW.seq<>1 OR EXISTS"
    "(SELECT 1 FROM event_heads WHERE stream=NEW.stream)"
    "BEGIN SELECT RAISE(ABORT,'a chain of events begins with 1, once');END;"
    "CREATE TRIGGER event_heads_update BEFORE UPDATE ON event_heads "
    "WHEN NEW.stream<>OLD.stream OR NEW.seq<>OLD.seq+1 "
    "BEGIN SELECT RAISE(ABORT,'a chain of events grows by one at its end');END;"
    "CREATE TRIGGER event_heads_delete BEFORE DELETE ON event_heads "
    "BEGIN SELECT RAISE(ABORT,'a chain of events is never removed');END;"

    /* Whole lines, until the stream's file has them durably. */
    "CREATE TABLE event_outbox("
    "stream TEXT NOT NULL REFERENCES event_heads(stream),"
    "seq INTEGER NOT NULL CHECK(seq>=1),"
    "line TEXT NOT NULL CHECK(" DOCUMENT("line", "262144") "),"
    "PRIMARY KEY(stream,seq))STRICT,WITHOUT ROWID;"
    "CREATE TRIGGER event_outbox_insert BEFORE INSERT ON event_outbox WHEN NOT EXISTS"
    "(SELECT 1 FROM event_heads WHERE stream=NEW.stream AND seq=NEW.seq)OR EXISTS"
    "(SELECT 1 FROM event_outbox WHERE stream=NEW.stream AND seq=NEW.seq)"
    "BEGIN SELECT RAISE(ABORT,'an event is the head of its chain when it is added');END;"
    "CREATE TRIGGER event_outbox_update BEFORE UPDATE ON event_outbox "
    "BEGIN SELECT RAISE(ABORT,'an event never changes');END;"

    /* What the vault's file must hold, line by line; what a write that has begun would make of it
     * stands in next_*. A secret that was removed keeps its revision: the same one never comes
     * back. */
    "CREATE TABLE ledger("
    "app TEXT NOT NULL CHECK(app='' OR " NAME("app") "),"
    "key TEXT NOT NULL CHECK(" TEXT_TO("key", "128") " AND key NOT GLOB '*[^A-Z0-9_]*'"
    " AND key NOT GLOB '[0-9]*'),"
    "revision INTEGER NOT NULL CHECK(revision>=0),"
    "sha256 TEXT CHECK(" HEX64("sha256") "),"
    "origin TEXT NOT NULL CHECK(origin IN('set','generated','imported')),"
    "created_at TEXT NOT NULL,"
    "updated_at TEXT NOT NULL,"
    "next_revision INTEGER CHECK(next_revision>=revision),"
    "next_sha256 TEXT CHECK(" HEX64("next_sha256") "),"
    "next_origin TEXT CHECK(next_origin IN('set','generated','imported')),"
    "PRIMARY KEY(app,key),"
    "CHECK(next_revision IS NOT NULL OR(next_sha256 IS NULL AND next_origin IS NULL)))"
    "STRICT,WITHOUT ROWID;"
    "CREATE TRIGGER ledger_insert BEFORE INSERT ON ledger WHEN NEW.revision<>0 OR EXISTS"
    "(SELECT 1 FROM ledger WHERE app=NEW.app AND key=NEW.key)"
    "BEGIN SELECT RAISE(ABORT,'a secret enters the ledger once, as what is to come');END;"
    "CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger "
    "WHEN NEW.app<>OLD.app OR NEW.key<>OLD.key OR NEW.created_at<>OLD.created_at "
    "OR NEW.revision<OLD.revision "
    "BEGIN SELECT RAISE(ABORT,'the revision of a secret only grows');END;"
    "CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger "
    "BEGIN SELECT RAISE(ABORT,'the ledger forgets no secret');END;"

    /* Which key is the context's own, and which recipients are trusted (SHA-256 over the sorted
     * set). next_event, the audit record of a write that has begun, says that one has. */
    "CREATE TABLE vault("
    "one INTEGER PRIMARY KEY CHECK(one=1),"
    "own TEXT CHECK(length(own)=62 AND own GLOB 'age1*'),"
    "trusted TEXT CHECK(" HEX64("trusted") "),"
    "trusted_at TEXT,"
    "next_own TEXT CHECK(length(next_own)=62 AND next_own GLOB 'age1*'),"
    "next_trusted TEXT CHECK(" HEX64("next_trusted") "),"
    "next_event TEXT CHECK(" DOCUMENT("next_event", "131072") "),"
    "CHECK(next_event IS NOT NULL OR(next_own IS NULL AND next_trusted IS NULL)))STRICT;"

    /* Small documents of the context: the alert policy, and later others of its kind. */
    "CREATE TABLE documents("
    "name TEXT PRIMARY KEY CHECK(" TEXT_TO("name", "64") "),"
    "json TEXT NOT NULL CHECK(" DOCUMENT("json", "65536") "),"
    "updated_at TEXT NOT NULL)STRICT,WITHOUT ROWID;"
    /* The end of the store (place.h). */
    "CREATE TRIGGER projects_removed BEFORE INSERT ON projects WHEN EXISTS"
    "(SELECT 1 FROM documents WHERE name='removed')"
    "BEGIN SELECT RAISE(ABORT,'no project begins in a context that is being removed');END;"

    "CREATE TABLE alerts("
    "seq INTEGER PRIMARY KEY,"
    "id TEXT NOT NULL UNIQUE CHECK(" TEXT_TO("id", "48") "),"
    "dedupe TEXT NOT NULL CHECK(" TEXT_TO("dedupe", "255") "),"
    "severity TEXT NOT NULL CHECK(severity IN('info','warning','critical')),"
    "source TEXT NOT NULL CHECK(" TEXT_TO("source", "64") "),"
    "message TEXT NOT NULL CHECK(" TEXT_TO("message", "4096") "),"
    "raised_at TEXT NOT NULL,"
    "last_at TEXT NOT NULL,"
    "count INTEGER NOT NULL DEFAULT 1 CHECK(count>=1),"
    "channel TEXT NOT NULL CHECK(" TEXT_TO("channel", "64") "),"
    "delivery TEXT NOT NULL DEFAULT 'pending' CHECK(delivery IN"
    "('pending','sent','failed','none')),"
    "attempts INTEGER NOT NULL DEFAULT 0 CHECK(attempts>=0),"
    "next_at TEXT," /* no attempt before it, but for one that is asked for */
    "delivery_error TEXT CHECK(length(delivery_error)<=4096),"
    "acked_at TEXT,"
    "acked_by TEXT)STRICT;"
    "CREATE INDEX alerts_dedupe ON alerts(dedupe,seq);"
    "CREATE INDEX alerts_delivery ON alerts(delivery) WHERE delivery='pending';"
    "CREATE TRIGGER alerts_identity BEFORE UPDATE OF seq,id,dedupe,severity,source,raised_at "
    "ON alerts BEGIN SELECT RAISE(ABORT,'the identity of an alert never changes');END;"
    "CREATE TRIGGER alerts_delete BEFORE DELETE ON alerts "
    "BEGIN SELECT RAISE(ABORT,'an alert is never removed');END;"

    "CREATE TRIGGER alerts_insert BEFORE INSERT ON alerts WHEN EXISTS"
    "(SELECT 1 FROM alerts WHERE id=NEW.id OR seq=NEW.seq)"
    "BEGIN SELECT RAISE(ABORT,'an alert is new when it is added');END;"

    "CREATE TRIGGER meta_insert BEFORE INSERT ON meta WHEN EXISTS(SELECT 1 FROM meta)"
    "BEGIN SELECT RAISE(ABORT,'a store belongs to one context');END;"
    "CREATE TRIGGER meta_update BEFORE UPDATE ON meta "
    "BEGIN SELECT RAISE(ABORT,'a store belongs to one context');END;"
    "CREATE TRIGGER meta_delete BEFORE DELETE ON meta "
    "BEGIN SELECT RAISE(ABORT,'a store belongs to one context');END;"

    "PRAGMA user_version=2;";
