package meta

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"millwright/internal/errs"
)

// One file for each concept, numbered in the order of their references. A file
// that was released is never edited; a change is a new file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date: first the job queue's own tables, then
// ours, which may refer to them. Each step is one transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	if err := migrateQueue(ctx, db); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	// Out of order: the files belong to several concepts and grow side by side.
	ours, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithAllowOutofOrder(true), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, known, err := ours.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if current > known {
		return tooNew("schema", current, known)
	}
	if _, err := ours.Up(ctx); err != nil {
		return errs.New(errs.Internal, "the metadata database could not be brought up to date").Because(err)
	}
	return nil
}

func migrateQueue(ctx context.Context, db *sql.DB) error {
	queue, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("job queue migrations: %w", err)
	}
	all := queue.AllVersions()
	known := all[len(all)-1].Version
	current, err := queueVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read the job queue's schema version: %w", err)
	}
	if current > known {
		return tooNew("job queue", int64(current), int64(known))
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return errs.New(errs.Internal, "the job queue's tables could not be brought up to date").Because(err)
	}
	return nil
}

// queueVersion returns the newest version of the job queue's tables; 0 for a new
// database. The queue's own function fails on a version it does not know.
func queueVersion(ctx context.Context, db *sql.DB) (version int, err error) {
	var tables int
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'river_migration'`).Scan(&tables)
	if err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM river_migration`).Scan(&version)
	return version, err
}

func tooNew(what string, current, known int64) error {
	return errs.New(errs.Conflict,
		"the data folder was written by a newer Millwright: its %s version is %d and this program knows versions up to %d",
		what, current, known).
		Named("data-folder-too-new").
		Fix("start the newer Millwright again", "or restore a backup made by this version")
}
