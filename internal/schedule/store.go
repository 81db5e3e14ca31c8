package schedule

import (
	"context"
	"database/sql"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// A Store keeps schedules in the metadata database. Whether a caller may see one is
// for the caller's caller to check, by its datasource.
type Store struct {
	DB    *meta.DB
	Now   func() time.Time // the clock on the wall
	Least time.Duration    // the shortest interval; 0 means the constant Least
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (s *Store) least() time.Duration {
	if s.Least > 0 {
		return s.Least
	}
	return Least
}

func notFound() error {
	return errs.New(errs.NotFound, "this datasource has no schedule").Named("no-schedule").Fix("make one with PUT /v1/datasources/{id}/schedule")
}

// Set gives the datasource a schedule, or changes the one that it has. The first
// slot is after now. A change of anything but the timing leaves the slots, and
// every change what was counted, as they are. It fails with errs.Invalid and a
// pointer if the setting cannot be read, and with errs.NotFound if there is no such
// datasource.
func (s *Store) Set(ctx context.Context, datasourceID string, n Setting) (sch Schedule, err error) {
	defer errs.Wrap(&err, "schedule.Set(%s)", datasourceID)
	now := s.now()
	overlap, err := parseOverlap(n.Overlap)
	if err != nil {
		return Schedule{}, err
	}
	if n.Zone == "" {
		n.Zone = "UTC"
	}
	rule, err := parse(n.Timing, now.Truncate(time.Second), shareOf(datasourceID), s.least())
	if err != nil {
		return Schedule{}, err
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		old, found, err := s.lively(ctx, tx, datasourceID)
		if err != nil {
			return err
		}
		sch = Schedule{Rule: rule, DatasourceID: datasourceID, CreatedAt: now}
		if found {
			sch = old
		}
		sch.UserID, sch.Overlap, sch.UpdatedAt = n.UserID, overlap, now
		if !found || old.Timing != n.Timing {
			// Slots of another timing are other slots.
			sch.Rule, sch.dealt, sch.WaitingSlot, sch.Message, sch.checkedAt = rule, nil, time.Time{}, "", now
			sch.plan(now)
		}
		sch.pause(n.Paused, now)
		return save(ctx, tx, sch)
	})
	if meta.IsDangling(err) {
		err = errs.New(errs.NotFound, "no such datasource").Because(err)
	}
	if err != nil {
		return Schedule{}, err
	}
	return s.Get(ctx, datasourceID)
}

// pause makes the schedule rest, or go on with the first slot after now.
func (s *Schedule) pause(paused bool, now time.Time) {
	switch {
	case paused:
		if !s.WaitingSlot.IsZero() {
			s.Skipped++
		}
		s.WaitingSlot, s.NextSlot, s.NextAt = time.Time{}, time.Time{}, time.Time{}
	case s.Paused:
		s.checkedAt = now
		s.plan(now)
	}
	s.Paused = paused
}

// Get returns the schedule of a datasource; errs.NotFound if it has none.
func (s *Store) Get(ctx context.Context, datasourceID string) (_ Schedule, err error) {
	defer errs.Wrap(&err, "schedule.Get(%s)", datasourceID)
	sch, found, err := s.lively(ctx, s.DB.Read(), datasourceID)
	if err == nil && !found {
		err = notFound()
	}
	return sch, err
}

// ByProject returns the schedules of a project's datasources, the next to run first.
func (s *Store) ByProject(ctx context.Context, projectID string) (_ []Schedule, err error) {
	defer errs.Wrap(&err, "schedule.ByProject(%s)", projectID)
	return meta.All(ctx, s.DB.Read(), s.scan, selectLively+` AND d.project_id = ? ORDER BY s.paused, s.next_at, s.datasource_id`, projectID)
}

// Pause makes the schedule of a datasource rest: slots pass without being counted,
// and a run that waits is given up. It fails with errs.NotFound if there is none.
func (s *Store) Pause(ctx context.Context, datasourceID string) (Schedule, error) {
	return s.setPaused(ctx, datasourceID, true)
}

// Resume lets the schedule of a datasource go on, with the first slot after now. It
// fails with errs.NotFound if there is none.
func (s *Store) Resume(ctx context.Context, datasourceID string) (Schedule, error) {
	return s.setPaused(ctx, datasourceID, false)
}

func (s *Store) setPaused(ctx context.Context, datasourceID string, paused bool) (sch Schedule, err error) {
	defer errs.Wrap(&err, "schedule.setPaused(%s)", datasourceID)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var found bool
		if sch, found, err = s.lively(ctx, tx, datasourceID); err != nil {
			return err
		}
		if !found {
			return notFound()
		}
		now := s.now()
		sch.pause(paused, now)
		sch.UpdatedAt = now
		return save(ctx, tx, sch)
	})
	return sch, err
}

// Remove removes the schedule of a datasource, if it has one.
func (s *Store) Remove(ctx context.Context, datasourceID string) (err error) {
	defer errs.Wrap(&err, "schedule.Remove(%s)", datasourceID)
	_, err = s.DB.Write().ExecContext(ctx, `DELETE FROM schedules WHERE datasource_id = ?`, datasourceID)
	return err
}

// Due returns the datasources whose schedules Fire should look at now, the longest
// due first.
func (s *Store) Due(ctx context.Context) (_ []string, err error) {
	defer errs.Wrap(&err, "schedule.Due")
	now := meta.Micros(s.now())
	return meta.All(ctx, s.DB.Read(), func(r meta.Row) (id string, err error) { return id, r.Scan(&id) },
		`SELECT s.datasource_id FROM schedules s JOIN datasources d ON d.id = s.datasource_id JOIN projects p ON p.id = d.project_id
		WHERE d.deleted_at IS NULL AND p.deleted_at IS NULL AND s.paused = 0
		AND (s.next_at <= ? OR s.waiting_slot IS NOT NULL OR s.checked_at > ?) ORDER BY s.next_at, s.datasource_id`, now, now)
}
