package dataset

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// RawPages says how long the raw pages are kept that a dataset was made from.
type RawPages string

// Raw pages are what types can be decided from again, without asking the source.
const (
	KeepRaw RawPages = "keep" // as long as a version that was made from them
	LastRaw RawPages = "last" // while the current version is made from them
	NoRaw   RawPages = "none" // not at all
)

// Settings say what is kept of a dataset.
type Settings struct {
	KeepVersions int64    `json:"keep_versions"` // the newest so many versions are kept
	KeepDays     int64    `json:"keep_days"`     // and those made in the last so many days; with both 0, all are kept
	RawPages     RawPages `json:"raw_pages"`
}

// DefaultSettings are those of a dataset for which nobody set others.
func DefaultSettings() Settings { return Settings{KeepVersions: 20, KeepDays: 7, RawPages: KeepRaw} }

func (s Settings) check() error {
	switch {
	case s.KeepVersions < 0:
		return errs.New(errs.Invalid, "a number of versions cannot be negative").Named("settings-invalid").At("/keep_versions").
			Fix("give the number of versions to keep, or 0")
	case s.KeepDays < 0 || s.KeepDays > 36500:
		return errs.New(errs.Invalid, "%d days are not between 0 and 36500", s.KeepDays).Named("settings-invalid").At("/keep_days").
			Fix("give the number of days to keep versions for, or 0")
	case s.RawPages != KeepRaw && s.RawPages != LastRaw && s.RawPages != NoRaw:
		return errs.New(errs.Invalid, "%q is no way to keep raw pages", s.RawPages).Named("settings-invalid").At("/raw_pages").
			Fix("use one of: keep, last, none")
	}
	return nil
}

func scanSettings(row meta.Row) (s Settings, err error) {
	err = row.Scan(&s.KeepVersions, &s.KeepDays, &s.RawPages)
	return s, err
}

// Settings returns a dataset's settings.
func (s *Store) Settings(ctx context.Context, id ID) (_ Settings, err error) {
	defer errs.Wrap(&err, "dataset.Settings(%s)", id)
	return s.settings(ctx, s.DB.Read(), id)
}

func (s *Store) settings(ctx context.Context, q meta.Querier, id ID) (Settings, error) {
	set, ok, err := meta.One(ctx, q, scanSettings,
		`SELECT keep_versions, keep_days, raw_pages FROM dataset_settings WHERE dataset_id = ?`, id)
	if err == nil && !ok {
		set = DefaultSettings()
	}
	return set, err
}

// SaveSettings stores a dataset's settings in place of what was there before. They
// take effect with the next [Store.Expire].
//
// It fails with errs.Conflict ("retention-pinned"), naming the pins, if they let a
// pinned version expire that the settings before did not.
func (s *Store) SaveSettings(ctx context.Context, id ID, set Settings) (err error) {
	defer errs.Wrap(&err, "dataset.SaveSettings(%s)", id)
	if err := set.check(); err != nil {
		return err
	}
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := s.existing(ctx, tx, id); err != nil {
			return err
		}
		before, err := s.settings(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := s.checkPins(ctx, tx, id, before, set); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO dataset_settings (dataset_id, keep_versions, keep_days, raw_pages, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (dataset_id) DO UPDATE SET keep_versions = excluded.keep_versions, keep_days = excluded.keep_days,
				raw_pages = excluded.raw_pages, updated_at = excluded.updated_at`,
			id, set.KeepVersions, set.KeepDays, string(set.RawPages), meta.Micros(s.Now()))
		return err
	})
}

// existing returns a dataset that was not deleted.
func (s *Store) existing(ctx context.Context, q meta.Querier, id ID) (Dataset, error) {
	d, ok, err := meta.One(ctx, q, scanDataset, selectDataset+`d.id = ?`+visible, id)
	if err == nil && !ok {
		err = noDataset()
	}
	return d, err
}

func (s *Store) checkPins(ctx context.Context, tx meta.Querier, id ID, before, after Settings) error {
	pins, err := s.pins(ctx, tx, id)
	if err != nil || len(pins) == 0 {
		return err
	}
	versions, err := s.kept(ctx, tx, id)
	if err != nil {
		return err
	}
	now := s.Now()
	were := drops(versions, before, now)
	var lost []string
	for _, v := range drops(versions, after, now) {
		holders := pins[v.Version]
		if len(holders) == 0 || slices.ContainsFunc(were, func(w Version) bool { return w.Version == v.Version }) {
			continue
		}
		lost = append(lost, fmt.Sprintf("version %d (pinned by %s)", v.Version, strings.Join(holders, ", ")))
	}
	if len(lost) == 0 {
		return nil
	}
	return errs.New(errs.Conflict, "these settings would let pinned versions expire: %s", strings.Join(lost, "; ")).
		Named("retention-pinned").Fix("remove the pins first", "keep more versions or more days")
}

// kept returns the versions that did not expire, the newest first.
func (s *Store) kept(ctx context.Context, q meta.Querier, id ID) ([]Version, error) {
	return meta.All(ctx, q, scanVersion,
		`SELECT `+versionColumns+` FROM dataset_versions WHERE dataset_id = ? AND expired_at IS NULL ORDER BY version DESC`, id)
}

// drops returns which of the versions, the newest first, the settings do not keep.
func drops(versions []Version, set Settings, now time.Time) []Version {
	if set.KeepVersions == 0 && set.KeepDays == 0 {
		return nil
	}
	var dropped []Version
	since := now.Add(-time.Duration(set.KeepDays) * 24 * time.Hour)
	for i, v := range versions {
		current, newest, young := i == 0, int64(i) < set.KeepVersions, set.KeepDays > 0 && v.CreatedAt.After(since)
		if !current && !newest && !young {
			dropped = append(dropped, v)
		}
	}
	return dropped
}

// Expire lets those versions expire that the settings do not keep and nobody
// pinned, and lets go of raw pages. The current version never expires. It returns
// the expired versions, the newest first.
//
// Only rows change: a running query keeps what it found until the bytes are
// collected, see [Store.Live].
func (s *Store) Expire(ctx context.Context, id ID, set Settings, now time.Time) (dropped []Version, err error) {
	defer errs.Wrap(&err, "dataset.Expire(%s)", id)
	if err := set.check(); err != nil {
		return nil, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		dropped = nil
		versions, err := s.kept(ctx, tx, id)
		if err != nil {
			return err
		}
		pins, err := s.pins(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, v := range drops(versions, set, now) {
			if len(pins[v.Version]) > 0 {
				continue
			}
			at := meta.Time(meta.Micros(now))
			v.ExpiredAt = &at
			dropped = append(dropped, v)
			if _, err := tx.ExecContext(ctx, `UPDATE dataset_versions SET expired_at = ?, profile = NULL, facts = NULL, report = '{}'
				WHERE dataset_id = ? AND version = ?`, meta.Micros(now), id, v.Version); err != nil {
				return err
			}
		}
		if err := dropFiles(ctx, tx, id, now); err != nil {
			return err
		}
		return s.dropRaws(ctx, tx, id, set.RawPages, now)
	})
	return dropped, err
}

// ExpireAll is Expire for every dataset with its own settings, hidden ones too. It
// returns how many versions expired, also with an error.
func (s *Store) ExpireAll(ctx context.Context, now time.Time) (expired int, err error) {
	defer errs.Wrap(&err, "dataset.ExpireAll")
	ids, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (id ID, err error) { err = row.Scan(&id); return id, err }, `SELECT id FROM datasets`)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		set, err := s.Settings(ctx, id)
		if err != nil {
			return expired, err
		}
		dropped, err := s.Expire(ctx, id, set, now)
		expired += len(dropped)
		if err != nil {
			return expired, err
		}
	}
	return expired, nil
}

// dropFiles deletes the data objects of files that no version holds any more.
func dropFiles(ctx context.Context, tx meta.Querier, id ID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE data_objects SET deleted_at = ?1 WHERE deleted_at IS NULL
		AND id IN (SELECT object_id FROM dataset_files WHERE dataset_id = ?2)
		AND id NOT IN (SELECT f.object_id FROM dataset_files f JOIN dataset_versions v ON `+holds+` WHERE f.dataset_id = ?2)`,
		meta.Micros(now), id)
	return err
}

// dropRaws deletes the data objects of raw pages that are not kept.
func (s *Store) dropRaws(ctx context.Context, tx meta.Querier, id ID, keep RawPages, now time.Time) error {
	wanted := `SELECT r.value FROM dataset_files f JOIN dataset_versions v ON ` + holds + `, json_each(f.raws) r WHERE f.dataset_id = ?2`
	switch keep {
	case LastRaw:
		wanted = `SELECT r.value FROM dataset_files f, json_each(f.raws) r WHERE f.dataset_id = ?2 AND f.removed_version IS NULL`
	case NoRaw:
		wanted = `SELECT NULL WHERE FALSE`
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE data_objects SET deleted_at = ?1 WHERE deleted_at IS NULL
		AND id IN (SELECT r.value FROM dataset_files f, json_each(f.raws) r WHERE f.dataset_id = ?2)
		AND id NOT IN (`+wanted+`)`, meta.Micros(now), id)
	return err
}

// userPin is the holder of a pin, which only people set: programs read current
// versions, which never expire.
const userPin = "user"

// Pin keeps a version from expiring until somebody unpins it; to pin twice is to
// pin once. It fails with errs.NotFound if there is no such version, or if it
// expired.
func (s *Store) Pin(ctx context.Context, id ID, version int64) (err error) {
	defer errs.Wrap(&err, "dataset.Pin(%s, %d)", id, version)
	return s.DB.Tx(ctx, func(tx *sql.Tx) error {
		v, err := s.version(ctx, tx, id, version)
		if err != nil {
			return err
		}
		if v.ExpiredAt != nil {
			return expired(v)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO dataset_pins (dataset_id, version, holder, created_at) VALUES (?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, id, version, userPin, meta.Micros(s.Now()))
		return err
	})
}

// Unpin lets go of a version, if it was pinned.
func (s *Store) Unpin(ctx context.Context, id ID, version int64) (err error) {
	defer errs.Wrap(&err, "dataset.Unpin(%s, %d)", id, version)
	_, err = s.DB.Write().ExecContext(ctx, `DELETE FROM dataset_pins WHERE dataset_id = ? AND version = ? AND holder = ?`, id, version, userPin)
	return err
}

// Pins returns the holders of a dataset's pinned versions, in order.
func (s *Store) Pins(ctx context.Context, id ID) (_ map[int64][]string, err error) {
	defer errs.Wrap(&err, "dataset.Pins(%s)", id)
	return s.pins(ctx, s.DB.Read(), id)
}

func (s *Store) pins(ctx context.Context, q meta.Querier, id ID) (map[int64][]string, error) {
	type pin struct {
		version int64
		holder  string
	}
	all, err := meta.All(ctx, q, func(row meta.Row) (p pin, err error) { err = row.Scan(&p.version, &p.holder); return p, err },
		`SELECT version, holder FROM dataset_pins WHERE dataset_id = ? ORDER BY version, holder`, id)
	pins := map[int64][]string{}
	for _, p := range all {
		pins[p.version] = append(pins[p.version], p.holder)
	}
	return pins, err
}
