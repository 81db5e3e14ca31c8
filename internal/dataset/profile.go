package dataset

import (
	"context"
	"encoding/json"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// newest selects from the newest version, up to one, that was analysed, unless a later
// one up to it has other columns.
const newest = ` FROM dataset_versions p WHERE p.dataset_id = ?1 AND p.version <= ?2 AND p.profile IS NOT NULL
	AND NOT EXISTS (SELECT 1 FROM dataset_versions v WHERE v.dataset_id = ?1 AND v.version > p.version AND v.version <= ?2
		AND v.kind NOT IN ('append', 'merge', 'compact'))
	ORDER BY p.version DESC LIMIT 1`

func notAnalysed() error {
	return errs.New(errs.NotFound, "this version of the dataset was not analysed yet")
}

// NewestProfile is Profile, but for a version that was not analysed yet it answers
// with the profile of the newest version before it whose columns it kept.
func (s *Store) NewestProfile(ctx context.Context, id ID, version int64) (_ json.RawMessage, err error) {
	defer errs.Wrap(&err, "dataset.NewestProfile(%s, %d)", id, version)
	p, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (p string, err error) { err = row.Scan(&p); return p, err },
		`SELECT p.profile`+newest, id, version)
	if err == nil && !ok {
		err = notAnalysed()
	}
	return json.RawMessage(p), err
}

// A ProfileMark names a stored profile: another one, or the same one stored again, has
// another mark. Its zero value is the mark of none.
type ProfileMark struct {
	Version int64 // that was analysed
	At      int64
	Bytes   int64 // of the profile's text
}

// NewestProfileMark returns the mark of what NewestProfile returns, without reading
// that; errs.NotFound if there is none.
func (s *Store) NewestProfileMark(ctx context.Context, id ID, version int64) (_ ProfileMark, err error) {
	defer errs.Wrap(&err, "dataset.NewestProfileMark(%s, %d)", id, version)
	m, ok, err := meta.One(ctx, s.DB.Read(), func(row meta.Row) (m ProfileMark, err error) {
		err = row.Scan(&m.Version, &m.At, &m.Bytes)
		return m, err
	}, `SELECT p.version, coalesce(p.profiled_at, 0), octet_length(p.profile)`+newest, id, version)
	if err == nil && !ok {
		err = notAnalysed()
	}
	return m, err
}
