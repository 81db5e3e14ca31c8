package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// content is all that makes a version, as it is stored: two programs with equal
// content are the same version. Why a program was chosen, and its score, are not
// part of it.
type content struct {
	code string
	json string
}

// A body is the JSON of a version. The code is not in it, because JSON would
// replace bytes that are not UTF-8.
type body struct {
	Program   program.Program `json:"program"`
	SlotsText *string         `json:"slots_text,omitempty"`
	Steps     *string         `json:"steps,omitempty"`
	Stores    *string         `json:"stores,omitempty"`
}

func (r Record) content() content {
	b := body{Program: r.Program, SlotsText: r.SlotsText, Steps: r.Steps, Stores: r.Stores}
	b.Program.SQL, b.Program.Reason, b.Program.Score = "", nil, 0
	data, err := json.Marshal(b)
	if err != nil {
		// Equal to nothing, and addVersion reports the error.
		return content{code: r.Program.SQL, json: err.Error()}
	}
	return content{code: r.Program.SQL, json: string(data)}
}

func addVersion(ctx context.Context, tx meta.Querier, r Record) error {
	if _, err := encode(r.Program); err != nil {
		return err
	}
	c := r.content()
	_, err := tx.ExecContext(ctx, `INSERT INTO queryprogram_versions (id, program_id, version, prev_id, origin, code, content, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		r.VersionID, r.ID, r.Version, meta.NullText(r.PrevID), r.Origin, c.code, c.json, meta.Micros(r.UpdatedAt))
	return err
}

const versionColumns = `id, program_id, version, prev_id, origin, code, content, created_at`

func scanVersion(row meta.Row) (v Version, err error) {
	var prev sql.NullString
	var code, text string
	var created int64
	if err := row.Scan(&v.ID, &v.ProgramID, &v.Version, &prev, &v.Origin, &code, &text, &created); err != nil {
		return Version{}, err
	}
	var b body
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return Version{}, fmt.Errorf("version %s is damaged: %w", v.ID, err) // unreachable unless the database is corrupt
	}
	v.Program, v.SlotsText, v.Steps, v.Stores = b.Program, b.SlotsText, b.Steps, b.Stores
	v.Program.SQL, v.PrevID, v.CreatedAt = code, prev.String, meta.Time(created)
	return v, nil
}

// Versions returns every version of a program, newest first.
func (s *Store) Versions(ctx context.Context, programID ID) (_ []Version, err error) {
	defer errs.Wrap(&err, "program.Versions")
	return meta.All(ctx, s.DB.Read(), scanVersion,
		`SELECT `+versionColumns+` FROM queryprogram_versions WHERE program_id = ? ORDER BY version DESC`, programID)
}

// Version returns one version; errs.NotFound if there is none of that number.
func (s *Store) Version(ctx context.Context, programID ID, version int64) (_ Version, err error) {
	defer errs.Wrap(&err, "program.Version")
	return oldVersion(ctx, s.DB.Read(), programID, version)
}

func oldVersion(ctx context.Context, q meta.Querier, programID ID, version int64) (Version, error) {
	v, found, err := meta.One(ctx, q, scanVersion,
		`SELECT `+versionColumns+` FROM queryprogram_versions WHERE program_id = ? AND version = ?`, programID, version)
	if err == nil && !found {
		err = errs.New(errs.NotFound, "the program has no version %d", version)
	}
	return v, err
}

// Restore makes an old version the current one, as a new version, and returns the
// program. Nothing is lost: what was current is the version before.
func (s *Store) Restore(ctx context.Context, programID ID, version int64) (_ Record, err error) {
	defer errs.Wrap(&err, "program.Restore")
	var r Record
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if r, err = get(ctx, tx, programID); err != nil {
			return err
		}
		v, err := oldVersion(ctx, tx, programID, version)
		if err != nil {
			return err
		}
		before := r.content()
		v.Program.Reason, v.Program.Score = r.Program.Reason, r.Program.Score
		r.Program, r.SlotsText, r.Steps, r.Stores = v.Program, v.SlotsText, v.Steps, v.Stores
		r.UpdatedAt, r.DeletedAt = s.now(), nil
		if before != r.content() {
			if err := r.advance(ctx, tx); err != nil {
				return err
			}
		}
		return save(ctx, tx, r)
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}
