package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"slices"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// SaveGeneratedTx makes programs the generated ones of the dataset, in their
// order, and returns those of them that are stored and live.
//
// It touches only programs that are as they were generated and not published:
// those that are generated again keep their id and history, the others go. A
// program that somebody edited, published or deleted stays as it is, and is not
// made a second time. No programs at all remove the generated ones.
func (s *Store) SaveGeneratedTx(ctx context.Context, tx meta.Querier, projectID, datasetID string, datasetVersion int64, programs []program.Program) (_ []Record, err error) {
	defer errs.Wrap(&err, "program.SaveGenerated(%s)", datasetID)
	known, err := meta.All(ctx, tx, scanKeyed,
		`SELECT `+columns+`, gen_key FROM queryprograms WHERE dataset_id = ? AND gen_key IS NOT NULL ORDER BY created_at, place, id`, datasetID)
	if err != nil {
		return nil, err
	}
	saved := []Record{}
	var kept []string
	for place, p := range programs {
		r := Record{ProjectID: projectID, DatasetID: datasetID, DatasetVersion: datasetVersion, Program: p}
		if err := r.normalize(); err != nil {
			return nil, err
		}
		key := genKey(p)
		if slices.Contains(kept, key) {
			continue
		}
		kept = append(kept, key)
		at := slices.IndexFunc(known, func(k keyed) bool { return k.key == key })
		if at < 0 {
			r, err = s.generate(ctx, tx, r, key, place)
		} else {
			r, err = s.regenerate(ctx, tx, known[at].Record, r, place)
		}
		if err != nil {
			return nil, err
		}
		if r.DeletedAt == nil {
			saved = append(saved, r)
		}
	}
	for _, k := range known {
		if k.replaceable() && !slices.Contains(kept, k.key) {
			if _, err := tx.ExecContext(ctx, `DELETE FROM queryprograms WHERE id = ?`, k.ID); err != nil {
				return nil, err
			}
		}
	}
	return saved, nil
}

func (r Record) replaceable() bool {
	return r.Origin == Generated && !r.Published && r.DeletedAt == nil
}

// generate stores a program that is new.
func (s *Store) generate(ctx context.Context, tx meta.Querier, r Record, key string, place int) (Record, error) {
	r.ID, r.VersionID, r.Version, r.Origin = newID(), newID(), 1, Generated
	r.CreatedAt = s.now()
	r.UpdatedAt = r.CreatedAt
	if err := insert(ctx, tx, r, key, place); err != nil {
		if meta.IsDangling(err) {
			return Record{}, errs.New(errs.NotFound, "no such project").Because(err)
		}
		return Record{}, err
	}
	return r, addVersion(ctx, tx, r)
}

// regenerate brings a program up to date that was generated before.
func (s *Store) regenerate(ctx context.Context, tx meta.Querier, old, fresh Record, place int) (Record, error) {
	if !old.replaceable() {
		return old, nil
	}
	old.Program, old.DatasetVersion, old.UpdatedAt = fresh.Program, fresh.DatasetVersion, s.now()
	if err := save(ctx, tx, old); err != nil {
		return Record{}, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE queryprograms SET place = ? WHERE id = ?`, place, old.ID); err != nil {
		return Record{}, err
	}
	// Nobody wrote this version, so it may follow the data instead of piling up.
	_, err := tx.ExecContext(ctx, `UPDATE queryprogram_versions SET content = ? WHERE id = ?`, old.content().json, old.VersionID)
	return old, err
}

// genKey is equal for programs that ask the same in the same way. What a slot
// may be is not part of it, because that follows the data.
func genKey(p program.Program) string {
	h := sha256.New()
	for _, part := range []string{p.Template, p.Cue, p.SQL} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}

type keyed struct {
	Record
	key string
}

func scanKeyed(row meta.Row) (k keyed, err error) {
	var key sql.NullString
	k.Record, err = scan(extra{row, &key})
	k.key = key.String
	return k, err
}

// extra scans one more column than its caller asks for.
type extra struct {
	meta.Row
	last any
}

// Scan adds the last column.
func (e extra) Scan(dest ...any) error { return e.Row.Scan(append(dest, e.last)...) }
