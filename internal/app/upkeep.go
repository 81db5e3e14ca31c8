package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"millwright/internal/blob"
	"millwright/internal/dataset"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/secret"
	"millwright/internal/source"
	"millwright/internal/upkeep"
)

// collector returns the collector of orphans of a data folder.
func collector(config Config, db *meta.DB, blobs *blob.Dir, log *slog.Logger) *upkeep.Collector {
	return &upkeep.Collector{DB: db, Blobs: blobs, Live: (&dataset.Store{DB: db, Now: time.Now}).Live,
		Work: filepath.Join(config.Data, "unfinished"), Log: log, Now: time.Now, Grace: config.OrphanGrace}
}

// look opens the data folder to be looked at, also while a server has it open.
func look(ctx context.Context, config *Config) (*meta.DB, *blob.Dir, error) {
	*config = config.withDefaults()
	err := config.Validate()
	if err != nil {
		return nil, nil, err
	}
	if config.Data, err = filepath.Abs(config.Data); err != nil {
		return nil, nil, err
	}
	db, err := meta.OpenReadOnly(ctx, filepath.Join(config.Data, upkeep.Database))
	return db, &blob.Dir{Root: config.Data}, err
}

// Examine looks for everything that may be wrong with the data folder and changes
// nothing. A server may have it open.
func Examine(ctx context.Context, config Config, progress upkeep.Progress) (_ upkeep.Report, err error) {
	db, blobs, err := look(ctx, &config)
	if err != nil {
		return upkeep.Report{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// A place of its own: opening an engine empties the folder, which may be a server's.
	spill, err := os.MkdirTemp("", "millwright-doctor-")
	if err != nil {
		return upkeep.Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(spill)) }()
	engine, err := duckdb.Open(duckdb.Config{Workers: 1, Spare: 1, SpillDir: spill})
	if err != nil {
		return upkeep.Report{}, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	orphans := collector(config, db, blobs, slog.New(slog.NewTextHandler(io.Discard, nil)))
	orphans.Dry, orphans.Idle = true, !db.Served()
	doctor := &upkeep.Doctor{
		Root: config.Data, DB: db, Blobs: blobs, Live: orphans.Live, Engine: engine, Orphans: orphans, Now: time.Now, Progress: progress,
		Secrets: func(ctx context.Context, bad func(string, error)) (int, error) {
			vault, err := secret.OpenVault(config.Data)
			if err != nil {
				return 0, err
			}
			return (&source.Store{DB: db, Vault: vault, Now: time.Now}).OpenAll(ctx, bad)
		},
		Sandbox: func() (bool, string) { r := engine.Sandbox(); return r.Full(), sandboxWords(r) },
	}
	return doctor.Examine(ctx)
}

// sandboxWords says what confines the workers.
func sandboxWords(r duckdb.Report) string {
	yes := map[bool]string{true: "yes", false: "no"}
	return fmt.Sprintf("files (Landlock %d): %s; network: %s; system calls (seccomp): %s; memory: %s",
		r.Landlock, yes[r.Landlock > 0], yes[r.Network], yes[r.Seccomp], yes[r.AddressSpace])
}

// CollectOrphans removes what no row names any more, or with dry says what it
// would remove. No server may have the folder open, unless dry: a server collects
// by itself.
func CollectOrphans(ctx context.Context, config Config, dry bool, progress upkeep.Progress) (_ upkeep.Collected, err error) {
	db, blobs, err := look(ctx, &config)
	if err != nil {
		return upkeep.Collected{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if db.Served() && !dry {
		return upkeep.Collected{}, errs.New(errs.Conflict, "a server has the data folder open; it collects orphans by itself, every hour").
			Named("data-folder-in-use").Fix("leave it to the server", "or stop the server first", "or only look, with --dry-run")
	}
	c := collector(config, db, blobs, slog.New(slog.NewTextHandler(io.Discard, nil)))
	c.Dry, c.Idle = dry, !db.Served()
	return c.Pass(ctx, progress)
}

// Backup copies the data folder to the folder dest, also while a server has it
// open. With key it includes the key of the vault.
func Backup(ctx context.Context, config Config, dest string, key bool, progress upkeep.Progress) (_ upkeep.Backup, err error) {
	db, blobs, err := look(ctx, &config)
	if err != nil {
		return upkeep.Backup{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keeper := &upkeep.Keeper{Root: config.Data, DB: db, Blobs: blobs, Now: time.Now, Progress: progress,
		Secrets: func(ctx context.Context, snapshot *meta.DB) (int, error) {
			return (&source.Store{DB: snapshot, Now: time.Now}).Count(ctx)
		}}
	return keeper.Backup(ctx, dest, key)
}

// Restore makes a new data folder from a backup. key names a file with the key of
// the vault, for a backup without it; it may be empty.
func Restore(ctx context.Context, config Config, from, key string, progress upkeep.Progress) (upkeep.Backup, error) {
	config = config.withDefaults()
	return (&upkeep.Restorer{Key: key, Now: time.Now, Progress: progress}).Restore(ctx, from, config.Data)
}
