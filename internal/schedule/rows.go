package schedule

import (
	"context"
	"database/sql"
	"time"

	"millwright/internal/meta"
)

// selectLively selects schedules of datasources that were not deleted.
const selectLively = `SELECT s.datasource_id, d.project_id, s.user_id, s.every, s.cron, s.time_zone, s.jitter, s.overlap, s.anchor, s.paused,
	s.next_slot, s.next_at, s.waiting_slot, s.last_slot, s.last_at, s.last_job_id, s.skipped, s.missed, s.message, s.dealt,
	s.checked_at, s.created_at, s.updated_at
	FROM schedules s JOIN datasources d ON d.id = s.datasource_id JOIN projects p ON p.id = d.project_id
	WHERE d.deleted_at IS NULL AND p.deleted_at IS NULL`

func (s *Store) lively(ctx context.Context, q meta.Querier, datasourceID string) (Schedule, bool, error) {
	return meta.One(ctx, q, s.scan, selectLively+` AND s.datasource_id = ?`, datasourceID)
}

func (s *Store) scan(r meta.Row) (sch Schedule, err error) {
	var t Timing
	var dealt string
	var anchor, checked, created, updated int64
	var nextSlot, nextAt, waiting, lastSlot, lastAt sql.NullInt64
	if err := r.Scan(&sch.DatasourceID, &sch.ProjectID, &sch.UserID, &t.Every, &t.Cron, &t.Zone, &t.Jitter, &sch.Overlap, &anchor, &sch.Paused,
		&nextSlot, &nextAt, &waiting, &lastSlot, &lastAt, &sch.LastJobID, &sch.Skipped, &sch.Missed, &sch.Message, &dealt,
		&checked, &created, &updated); err != nil {
		return Schedule{}, err
	}
	// What was short enough when it was set stays so.
	if sch.Rule, err = parse(t, meta.Time(anchor), shareOf(sch.DatasourceID), 0); err != nil {
		return Schedule{}, err
	}
	if sch.dealt, err = decodeSpans(dealt); err != nil {
		return Schedule{}, err
	}
	for _, f := range []struct {
		to   *time.Time
		from sql.NullInt64
	}{{&sch.NextSlot, nextSlot}, {&sch.NextAt, nextAt}, {&sch.WaitingSlot, waiting}, {&sch.LastSlot, lastSlot}, {&sch.LastAt, lastAt}} {
		if f.from.Valid {
			*f.to = meta.Time(f.from.Int64)
		}
	}
	sch.checkedAt, sch.CreatedAt, sch.UpdatedAt = meta.Time(checked), meta.Time(created), meta.Time(updated)
	return sch, nil
}

func save(ctx context.Context, tx *sql.Tx, s Schedule) error {
	dealt, err := s.dealt.encode()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schedules (datasource_id, user_id, every, cron, time_zone, jitter, overlap, anchor, paused,
		next_slot, next_at, waiting_slot, last_slot, last_at, last_job_id, skipped, missed, message, dealt, checked_at, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (datasource_id) DO UPDATE SET user_id = excluded.user_id, every = excluded.every, cron = excluded.cron,
		time_zone = excluded.time_zone, jitter = excluded.jitter, overlap = excluded.overlap, anchor = excluded.anchor, paused = excluded.paused,
		next_slot = excluded.next_slot, next_at = excluded.next_at, waiting_slot = excluded.waiting_slot, last_slot = excluded.last_slot,
		last_at = excluded.last_at, last_job_id = excluded.last_job_id, skipped = excluded.skipped, missed = excluded.missed,
		message = excluded.message, dealt = excluded.dealt, checked_at = excluded.checked_at, created_at = excluded.created_at,
		updated_at = excluded.updated_at`,
		s.DatasourceID, s.UserID, s.Every, s.Cron, s.Zone, s.Jitter, string(s.Overlap), meta.Micros(s.anchor), s.Paused,
		nullTime(s.NextSlot), nullTime(s.NextAt), nullTime(s.WaitingSlot), nullTime(s.LastSlot), nullTime(s.LastAt), s.LastJobID,
		s.Skipped, s.Missed, s.Message, dealt, meta.Micros(s.checkedAt), meta.Micros(s.CreatedAt), meta.Micros(s.UpdatedAt))
	return err
}

// nullTime returns t as it is stored, or NULL if it is zero.
func nullTime(t time.Time) sql.NullInt64 {
	if t.IsZero() {
		return sql.NullInt64{}
	}
	return meta.NullMicros(&t)
}
