package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"millwright/internal/meta"
	"millwright/internal/program"
)

const columns = `id, project_id, dataset_id, data_version, name, cue, code, slots, tables, dialect, kind, template,
	chart, reason, score, origin, published, public, slots_text, steps, stores, metadata,
	version, version_id, prev_id, created_at, updated_at, deleted_at, retired_at, retired_reason`

func scan(row meta.Row) (r Record, err error) {
	var dataset, chart, slotsText, steps, stores, prev sql.NullString
	var slots, tables, reason, metadata string
	var created, updated int64
	var deleted, retired sql.NullInt64
	p := &r.Program
	err = row.Scan(&r.ID, &r.ProjectID, &dataset, &r.DatasetVersion, &p.Name, &p.Cue, &p.SQL, &slots, &tables, &p.Dialect, &p.Kind, &p.Template,
		&chart, &reason, &p.Score, &r.Origin, &r.Published, &r.Public, &slotsText, &steps, &stores, &metadata,
		&r.Version, &r.VersionID, &prev, &created, &updated, &deleted, &retired, &r.RetiredReason)
	if err != nil {
		return Record{}, err
	}
	r.DatasetID, r.PrevID, r.Metadata = dataset.String, prev.String, json.RawMessage(metadata)
	r.SlotsText, r.Steps, r.Stores = text(slotsText), text(steps), text(stores)
	r.CreatedAt, r.UpdatedAt, r.DeletedAt, r.RetiredAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted), meta.NullTime(retired)
	for _, f := range []struct {
		from string
		to   any
	}{{slots, &p.Slots}, {tables, &p.Tables}, {reason, &p.Reason}, {chart.String, &p.Chart}} {
		if f.from == "" {
			continue
		}
		if err := json.Unmarshal([]byte(f.from), f.to); err != nil {
			return Record{}, fmt.Errorf("query program %s is damaged: %w", r.ID, err) // unreachable unless the database is corrupt
		}
	}
	return r, nil
}

// parts are the columns that hold JSON.
type parts struct{ slots, tables, reason, chart string }

func encode(p program.Program) (parts, error) {
	var out parts
	for _, f := range []struct {
		from any
		to   *string
	}{{p.Slots, &out.slots}, {p.Tables, &out.tables}, {p.Reason, &out.reason}, {p.Chart, &out.chart}} {
		data, err := json.Marshal(f.from)
		if err != nil {
			return parts{}, fmt.Errorf("query program: %w", err)
		}
		*f.to = string(data)
	}
	if p.Chart == nil {
		out.chart = ""
	}
	return out, nil
}

func insert(ctx context.Context, tx meta.Querier, r Record, genKey string, place int) error {
	e, err := encode(r.Program)
	if err != nil {
		return err
	}
	p := r.Program
	_, err = tx.ExecContext(ctx, `INSERT INTO queryprograms (`+columns+`, gen_key, place)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.ProjectID, meta.NullText(r.DatasetID), r.DatasetVersion, p.Name, p.Cue, p.SQL, e.slots, e.tables, p.Dialect, p.Kind, p.Template,
		meta.NullText(e.chart), e.reason, p.Score, r.Origin, r.Published, r.Public, null(r.SlotsText), null(r.Steps), null(r.Stores), string(r.Metadata),
		r.Version, r.VersionID, meta.NullText(r.PrevID), meta.Micros(r.CreatedAt), meta.Micros(r.UpdatedAt), meta.NullMicros(r.DeletedAt),
		meta.NullMicros(r.RetiredAt), r.RetiredReason, meta.NullText(genKey), place)
	return err
}

// save writes everything of r that may change.
func save(ctx context.Context, tx meta.Querier, r Record) error {
	e, err := encode(r.Program)
	if err != nil {
		return err
	}
	p := r.Program
	_, err = tx.ExecContext(ctx, `UPDATE queryprograms SET data_version = ?, name = ?, cue = ?, code = ?, slots = ?, tables = ?, kind = ?,
		chart = ?, reason = ?, score = ?, origin = ?, published = ?, public = ?, slots_text = ?, steps = ?, stores = ?, metadata = ?,
		version = ?, version_id = ?, prev_id = ?, updated_at = ?, deleted_at = ?, retired_at = ?, retired_reason = ? WHERE id = ?`,
		r.DatasetVersion, p.Name, p.Cue, p.SQL, e.slots, e.tables, p.Kind,
		meta.NullText(e.chart), e.reason, p.Score, r.Origin, r.Published, r.Public, null(r.SlotsText), null(r.Steps), null(r.Stores), string(r.Metadata),
		r.Version, r.VersionID, meta.NullText(r.PrevID), meta.Micros(r.UpdatedAt), meta.NullMicros(r.DeletedAt), meta.NullMicros(r.RetiredAt), r.RetiredReason, r.ID)
	return err
}

func text(s sql.NullString) *string {
	if !s.Valid {
		return nil
	}
	return &s.String
}

func null(s *string) sql.NullString {
	if s == nil {
		return sql.NullString{}
	}
	return sql.NullString{String: *s, Valid: true}
}

func get(ctx context.Context, q meta.Querier, id ID) (Record, error) {
	r, found, err := meta.One(ctx, q, scan, `SELECT `+columns+` FROM queryprograms WHERE id = ?`, id)
	if err == nil && !found {
		err = notFound()
	}
	return r, err
}
