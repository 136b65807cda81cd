/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paas/state/schema_prune.c - the migration that lets releases be pruned: the row stays, for what
 * was deployed points to it, and its number is never given again; its stack goes. Which of them may
 * go is said here, once, for whoever asks and for the trigger that refuses all others. Depends on
 * nothing.
 */
#include "paas/state/schema.h"

const char si_state_migration_prune[] =
    "ALTER TABLE releases ADD COLUMN pruned_at TEXT;"

    /* Of a project that is not deleted: neither the one that counts, nor one that a target shows,
     * nor the newest, nor the one that a rollback would go to, nor the one that served last before
     * another did; and none while an operation runs. */
    "CREATE VIEW releases_prunable AS SELECT r.project_id,r.number,r.made_at,p.slug,p.owner_id "
    "FROM "
    "releases r JOIN projects p ON p.id=r.project_id WHERE r.pruned_at IS NULL AND NOT EXISTS"
    "(SELECT 1 FROM operations WHERE project_id=p.id AND status='running')AND(p.status='deleted' "
    "OR("
    "r.number IS NOT p.release AND "
    "r.number<(SELECT max(number)FROM releases WHERE project_id=p.id)AND "
    "r.number IS NOT(SELECT max(number)FROM releases WHERE project_id=p.id AND number<p.release "
    "AND "
    "images IS NOT NULL AND pruned_at IS NULL)AND "
    "r.number IS NOT(SELECT from_release FROM deployments WHERE project_id=p.id AND status='ok' "
    "AND "
    "from_release<>release ORDER BY seq DESC LIMIT 1)AND NOT EXISTS"
    "(SELECT 1 FROM instances WHERE project_id=p.id AND release=r.number)));"

    "DROP TRIGGER releases_update;"
    "CREATE TRIGGER releases_update BEFORE UPDATE ON releases WHEN "
    "(OLD.seq,OLD.project_id,OLD.number,OLD.spec_sha256,OLD.made_at,OLD.made_by,OLD.note,"
    "OLD.secrets)IS NOT(NEW.seq,NEW.project_id,NEW.number,NEW.spec_sha256,NEW.made_at,NEW.made_by,"
    "NEW.note,NEW.secrets)OR OLD.pruned_at IS NOT NULL OR NOT iif(NEW.pruned_at IS NULL,"
    "OLD.images IS NULL AND NEW.stack=OLD.stack,"
    "NEW.images IS OLD.images AND NEW.stack='{}' AND EXISTS(SELECT 1 FROM releases_prunable WHERE "
    "project_id=OLD.project_id AND number=OLD.number))"
    "BEGIN SELECT RAISE(ABORT,'a release never changes, and only what nobody needs is pruned');END;"
    "CREATE TRIGGER releases_insert_whole BEFORE INSERT ON releases WHEN NEW.pruned_at IS NOT NULL "
    "BEGIN SELECT RAISE(ABORT,'a release begins whole');END;"

    /* What was pruned never serves again. */
    "CREATE TRIGGER projects_release_whole BEFORE UPDATE OF release ON projects WHEN EXISTS"
    "(SELECT 1 FROM releases WHERE project_id=NEW.id AND number=NEW.release AND "
    "pruned_at IS NOT NULL AND NEW.status<>'deleted')"
    "BEGIN SELECT RAISE(ABORT,'a release that was pruned cannot serve');END;"
    "CREATE TRIGGER deployments_whole BEFORE INSERT ON deployments WHEN EXISTS"
    "(SELECT 1 FROM releases WHERE project_id=NEW.project_id AND number=NEW.release AND "
    "pruned_at IS NOT NULL)"
    "BEGIN SELECT RAISE(ABORT,'a release that was pruned cannot be deployed');END;"

    "PRAGMA user_version=6;";
