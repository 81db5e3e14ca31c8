package publish

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// FlushUsage writes what was counted, and now and then forgets what is old.
func (s *Service) FlushUsage(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "publish.FlushUsage")
	u := &s.usage
	u.flushing.Lock() // so that whoever reads after a flush sees what another one took
	defer u.flushing.Unlock()
	u.mu.Lock()
	taken, now := u.fresh, s.now()
	trim := now.Sub(u.trimmed) >= trimEvery
	u.fresh = nil
	u.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		for id, c := range taken {
			if err := write(ctx, tx, id, c); err != nil {
				return err
			}
		}
		if trim {
			return forget(ctx, tx, now)
		}
		return nil
	})
	u.mu.Lock()
	defer u.mu.Unlock()
	if err != nil {
		u.putBack(taken)
	} else if trim {
		u.trimmed = now
	}
	return err
}

// putBack keeps what could not be written for the next time.
func (u *usage) putBack(taken map[ID]*counted) {
	for id, c := range taken {
		since := u.of(id)
		for at, h := range c.hours {
			if since.hours[at] == nil {
				since.hours[at] = &hour{Took: histogram{}}
			}
			since.hours[at].merge(*h)
		}
		calls := append(c.calls, since.calls...)
		since.calls = calls[max(0, len(calls)-keepCalls):]
	}
}

func write(ctx context.Context, tx meta.Querier, id ID, c *counted) error {
	_, there, err := meta.One(ctx, tx, scanText, `SELECT id FROM api_endpoints WHERE id = ?`, id)
	if err != nil || !there {
		return err // nobody asks any more
	}
	for at, h := range c.hours {
		sum := hour{Took: histogram{}}
		old, found, err := meta.One(ctx, tx, scanHour, `SELECT calls, errors, cached, row_count, took, last_at FROM endpoint_hours WHERE endpoint_id = ? AND hour = ?`, id, meta.Micros(at))
		if err != nil {
			return err
		}
		if found {
			sum.merge(old)
		}
		sum.merge(*h)
		took, err := json.Marshal(sum.Took)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO endpoint_hours (endpoint_id, hour, calls, errors, cached, row_count, took, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (endpoint_id, hour) DO UPDATE SET calls = excluded.calls, errors = excluded.errors, cached = excluded.cached, row_count = excluded.row_count,
			took = excluded.took, last_at = excluded.last_at`,
			id, meta.Micros(at), sum.Calls, sum.Errors, sum.Cached, sum.Rows, string(took), meta.Micros(sum.Last)); err != nil {
			return err
		}
	}
	return writeCalls(ctx, tx, id, c.calls[max(0, len(c.calls)-keepCalls):])
}

func scanHour(row meta.Row) (h hour, err error) {
	var took string
	var last int64
	if err := row.Scan(&h.Calls, &h.Errors, &h.Cached, &h.Rows, &took, &last); err != nil {
		return h, err
	}
	h.Last = meta.Time(last)
	return h, json.Unmarshal([]byte(took), &h.Took)
}

func writeCalls(ctx context.Context, tx meta.Querier, id ID, calls []Use) error {
	for _, c := range calls {
		if _, err := tx.ExecContext(ctx, `INSERT INTO endpoint_calls (id, endpoint_id, at, user_id, key_id, via, status, error_type, took_us, row_count, cached)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			newID(), id, meta.Micros(c.At), c.UserID, c.KeyID, c.Via, c.Status, c.ErrorType, c.Took.Microseconds(), c.Rows, c.Cached); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM endpoint_calls WHERE endpoint_id = ? AND id IN
		(SELECT id FROM endpoint_calls WHERE endpoint_id = ? ORDER BY at DESC, id DESC LIMIT ? OFFSET ?)`, id, id, 1<<30, keepCalls)
	return err
}

// forget removes what is older than it is kept.
func forget(ctx context.Context, tx meta.Querier, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM endpoint_calls WHERE at < ?`, meta.Micros(now.Add(-keepCallFor))); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM endpoint_hours WHERE hour < ?`, meta.Micros(now.Add(-keepHours)))
	return err
}

// A Summary is how an endpoint was used. Its times are at most 5% off.
type Summary struct {
	Calls, Errors, Cached, Rows int64
	P50, P95                    time.Duration
	Last                        *time.Time // nil if it never was
}

// Summary returns how each endpoint was used since then, by its id. An hour counts
// whole.
func (s *Service) Summary(ctx context.Context, endpoints []ID, since time.Time) (_ map[ID]Summary, err error) {
	defer errs.Wrap(&err, "publish.Summary")
	if err := s.FlushUsage(ctx); err != nil {
		return nil, err
	}
	out := map[ID]Summary{}
	for _, id := range endpoints {
		hours, err := meta.All(ctx, s.DB.Read(), scanHour, `SELECT calls, errors, cached, row_count, took, last_at FROM endpoint_hours
			WHERE endpoint_id = ? AND hour >= ?`, id, meta.Micros(since.UTC().Truncate(time.Hour)))
		if err != nil {
			return nil, err
		}
		all := hour{Took: histogram{}}
		for _, h := range hours {
			all.merge(h)
		}
		sum := Summary{Calls: all.Calls, Errors: all.Errors, Cached: all.Cached, Rows: all.Rows, P50: all.Took.quantile(0.5), P95: all.Took.quantile(0.95)}
		if all.Calls > 0 {
			sum.Last = &all.Last
		}
		out[id] = sum
	}
	return out, nil
}

// Calls returns the newest calls of the endpoints, newest first.
func (s *Service) Calls(ctx context.Context, endpoints []ID, limit int) (_ []Use, err error) {
	defer errs.Wrap(&err, "publish.Calls")
	if err := s.FlushUsage(ctx); err != nil {
		return nil, err
	}
	list, args := meta.In(endpoints)
	return meta.All(ctx, s.DB.Read(), scanUse, `SELECT endpoint_id, at, user_id, key_id, via, status, error_type, took_us, row_count, cached
		FROM endpoint_calls WHERE endpoint_id IN `+list+` ORDER BY at DESC, id DESC LIMIT ?`, append(args, limit)...)
}

func scanUse(row meta.Row) (u Use, err error) {
	var at, took int64
	err = row.Scan(&u.EndpointID, &at, &u.UserID, &u.KeyID, &u.Via, &u.Status, &u.ErrorType, &took, &u.Rows, &u.Cached)
	u.At, u.Took = meta.Time(at), time.Duration(took)*time.Microsecond
	return u, err
}
