package job

import (
	"context"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// UnfinishedTx returns the oldest job of one of the types about one thing that has
// not ended and is not on hold, as the caller's transaction sees it, and whether there is one.
func (r *Runner) UnfinishedTx(ctx context.Context, tx meta.Querier, source, sourceID string, types ...string) (_ Job, _ bool, err error) {
	defer errs.Wrap(&err, "job.Unfinished(%s)", sourceID)
	in, args := meta.In(types)
	id, ok, err := meta.One(ctx, tx, func(row meta.Row) (id ID, err error) { return id, row.Scan(&id) },
		`SELECT id FROM jobs WHERE status IN ('pending', 'running') AND NOT (waiting = 1 AND parent_id IS NULL) AND source = ? AND source_id = ? AND type IN `+in+
			` ORDER BY created_at, id LIMIT 1`, append([]any{source, sourceID}, args...)...)
	if err != nil || !ok {
		return Job{}, false, err
	}
	return one(ctx, tx, id)
}
