package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// SaveGeneratedTx makes programs the generated ones of the dataset, in their
// order, and returns those of them that are stored and live: it is [Store.RegenerateTx]
// with nothing said of the programs that are there.
func (s *Store) SaveGeneratedTx(ctx context.Context, tx meta.Querier, projectID, datasetID string, datasetVersion int64, programs []program.Program) (_ []Record, err error) {
	saved, _, err := s.RegenerateTx(ctx, tx, Regeneration{ProjectID: projectID, DatasetID: datasetID, DatasetVersion: datasetVersion, Programs: programs})
	return saved, err
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
	old.RetiredAt, old.RetiredReason = nil, ""
	if err := save(ctx, tx, old); err != nil {
		return Record{}, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE queryprograms SET place = ?, gen_key = ? WHERE id = ?`, place, GenKey(fresh.Program), old.ID); err != nil {
		return Record{}, err
	}
	// Nobody wrote this version, so it may follow the data instead of piling up.
	_, err := tx.ExecContext(ctx, `UPDATE queryprogram_versions SET content = ? WHERE id = ?`, old.content().json, old.VersionID)
	return old, err
}

// GenKey is equal for programs that ask the same in the same way. What a slot
// may be is not part of it, because that follows the data.
func GenKey(p program.Program) string {
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
