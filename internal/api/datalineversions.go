package api

import (
	"context"
	"database/sql"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/dataset"
	"millwright/internal/table"
)

// A DatalineVersion is an immutable version of a dataset.
type DatalineVersion struct {
	Version   int64        `json:"version"`
	Base      *int64       `json:"base" doc:"The version that it was made from; of restore, the one that was restored; null if none"`
	JobID     string       `json:"job_id"`
	Kind      string       `json:"kind" enum:"replace,append,merge,compact,retype,restore"`
	Key       []string     `json:"key" doc:"The merge key: only the newest row of each counts; empty: all rows count"`
	Rows      int64        `json:"rows"`
	Bytes     int64        `json:"bytes"`
	Schema    table.Schema `json:"schema"`
	Verdict   Object       `json:"verdict"`
	Pins      []string     `json:"pins" doc:"Who keeps it from expiring: user, if somebody pinned it"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiredAt *time.Time   `json:"expired_at" doc:"Since when its data is gone; null if it can be read"`
}

func versionWire(v dataset.Version, pins map[int64][]string) DatalineVersion {
	w := DatalineVersion{Version: v.Version, JobID: v.RunID, Kind: string(v.Kind), Key: append([]string{}, v.Key...), Rows: v.Rows, Bytes: v.Bytes, Schema: v.Schema,
		Verdict: Object(v.Verdict), Pins: append([]string{}, pins[v.Version]...), CreatedAt: v.CreatedAt, ExpiredAt: v.ExpiredAt}
	if v.Base > 0 {
		w.Base = &v.Base
	}
	return w
}

// A VersionDiff is how a version differs from another.
type VersionDiff struct {
	From          int64        `json:"from"`
	To            int64        `json:"to"`
	Columns       []DiffColumn `json:"columns" doc:"In the order of the columns, missing ones last"`
	KeyBefore     []string     `json:"key_before" doc:"The merge key; empty if there was none"`
	KeyAfter      []string     `json:"key_after"`
	RowsBefore    int64        `json:"rows_before"`
	RowsAfter     int64        `json:"rows_after"`
	VerdictBefore string       `json:"verdict_before" doc:"The state of the verdict"`
	VerdictAfter  string       `json:"verdict_after"`
	Lines         []string     `json:"lines" doc:"All of this in words"`
}

// A DiffColumn is a difference between the columns of two versions.
type DiffColumn struct {
	Column string `json:"column" example:"items[].price" doc:"Names from the column down; [] are the elements of a list, {} the values of a map"`
	Kind   string `json:"kind" enum:"new,missing,widened,narrowed,retyped,renamed"`
	From   string `json:"from" doc:"The type before; of renamed, the name; empty for new"`
	To     string `json:"to" doc:"The type now; of renamed, the name; empty for missing"`
}

func diffWire(d dataset.Difference) VersionDiff {
	return VersionDiff{From: d.From, To: d.To, KeyBefore: d.KeyBefore, KeyAfter: d.KeyAfter, RowsBefore: d.RowsBefore, RowsAfter: d.RowsAfter,
		VerdictBefore: d.VerdictBefore, VerdictAfter: d.VerdictAfter, Lines: d.Lines,
		Columns: each(d.Columns, func(c dataset.Change) DiffColumn {
			return DiffColumn{Column: c.Column, Kind: string(c.Kind), From: c.From, To: c.To}
		})}
}

// A VersionPath is a version of a dataset.
type VersionPath struct {
	IDInput
	Version int64 `path:"version" minimum:"1" doc:"Number of the version"`
}

// DatalineSettings say what is kept of a dataset.
type DatalineSettings struct {
	KeepVersions int64  `json:"keep_versions" doc:"The newest so many versions are kept, and"`
	KeepDays     int64  `json:"keep_days" doc:"those of the last so many days; with both 0, all are kept. The current version and pinned ones always are"`
	RawPages     string `json:"raw_pages" enum:"keep,last,none" doc:"Raw pages are kept with the versions made from them, with the current version only, or not; without them types can not be changed later"`
}

// A SettingsInput changes the fields that it holds.
type SettingsInput struct {
	IDInput
	Body struct {
		_            struct{} `json:"-" additionalProperties:"true"`
		KeepVersions *int64   `json:"keep_versions,omitempty" minimum:"0" doc:"The newest so many versions are kept"`
		KeepDays     *int64   `json:"keep_days,omitempty" minimum:"0" maximum:"36500" doc:"Versions of the last so many days are kept too"`
		RawPages     *string  `json:"raw_pages,omitempty" enum:"keep,last,none" doc:"keep, last or none"`
	}
}

func (s *Server) datalineVersions(a huma.API) {
	route(s, a, "GET /v1/datalines/{id}/versions", "datalines", "The versions of a dataset, newest first", s.listVersions)
	route(s, a, "GET /v1/datalines/{id}/versions/{version}", "datalines", "One version of a dataset", s.getVersion)
	route(s, a, "GET /v1/datalines/{id}/versions/{version}/diff", "datalines", "What changed from one version to another: columns, types, rows, key", s.diffVersions)
	route(s, a, "POST /v1/datalines/{id}/versions/{version}/restore", "datalines", "Make a new version that is what an older one was", s.restoreVersion)
	route(s, a, "POST /v1/datalines/{id}/versions/{version}/pin", "datalines", "Keep a version from expiring", func(ctx context.Context, in *VersionPath) (*out[DatalineVersion], error) {
		return s.pinVersion(ctx, in, s.Datasets.Pin)
	})
	route(s, a, "DELETE /v1/datalines/{id}/versions/{version}/pin", "datalines", "Let a version expire again", func(ctx context.Context, in *VersionPath) (*out[DatalineVersion], error) {
		return s.pinVersion(ctx, in, s.Datasets.Unpin)
	})
	route(s, a, "GET /v1/datalines/{id}/settings", "datalines", "What is kept of a dataset", func(ctx context.Context, in *IDInput) (*out[DatalineSettings], error) {
		d, err := s.dataset(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return s.settingsAnswer(ctx, d.ID)
	})
	route(s, a, "PATCH /v1/datalines/{id}/settings", "datalines", "Change what is kept of a dataset; it takes effect after the next run", s.changeSettings)
}

func (s *Server) listVersions(ctx context.Context, in *IDInput) (*out[[]DatalineVersion], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	pins, err := s.Datasets.Pins(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	versions, err := s.Datasets.Versions(ctx, d.ID)
	return okList(each(versions, func(v dataset.Version) DatalineVersion { return versionWire(v, pins) })), err
}

func (s *Server) getVersion(ctx context.Context, in *VersionPath) (*out[DatalineVersion], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.versionAnswer(ctx, d.ID, in.Version)
}

func (s *Server) versionAnswer(ctx context.Context, id string, version int64) (*out[DatalineVersion], error) {
	v, err := s.Datasets.Version(ctx, id, version)
	if err != nil {
		return nil, err
	}
	pins, err := s.Datasets.Pins(ctx, id)
	return ok(versionWire(v, pins)), err
}

func (s *Server) diffVersions(ctx context.Context, in *struct {
	VersionPath
	From int64 `query:"from" minimum:"0" doc:"The version to compare with; 0 or absent: the one before"`
}) (*out[VersionDiff], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	to, err := s.Datasets.Version(ctx, d.ID, in.Version)
	if err != nil {
		return nil, err
	}
	if in.From == 0 {
		in.From = max(1, in.Version-1)
	}
	from, err := s.Datasets.Version(ctx, d.ID, in.From)
	if err != nil {
		return nil, pointAt(err, "from")
	}
	return ok(diffWire(dataset.Diff(from, to))), nil
}

// changeableDataset returns a dataset of a project in which the caller may change
// something.
func (s *Server) changeableDataset(ctx context.Context, id string) (dataset.Dataset, error) {
	d, err := s.dataset(ctx, id)
	if err == nil {
		_, err = s.changeable(ctx, d.ProjectID)
	}
	return d, err
}

func (s *Server) restoreVersion(ctx context.Context, in *VersionPath) (*out[DatalineVersion], error) {
	d, err := s.changeableDataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var v dataset.Version
	err = s.Datasets.DB.Tx(ctx, func(tx *sql.Tx) error {
		v, err = s.Datasets.RestoreTx(ctx, tx, d.ID, in.Version, "")
		return err
	})
	return ok(versionWire(v, nil)), err
}

func (s *Server) pinVersion(ctx context.Context, in *VersionPath, do func(ctx context.Context, id dataset.ID, version int64) error) (*out[DatalineVersion], error) {
	d, err := s.changeableDataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.Datasets.Version(ctx, d.ID, in.Version); err != nil {
		return nil, err
	}
	if err := do(ctx, d.ID, in.Version); err != nil {
		return nil, err
	}
	return s.versionAnswer(ctx, d.ID, in.Version)
}

func (s *Server) changeSettings(ctx context.Context, in *SettingsInput) (*out[DatalineSettings], error) {
	d, err := s.changeableDataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	set, err := s.Datasets.Settings(ctx, d.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.KeepVersions != nil {
		set.KeepVersions = *b.KeepVersions
	}
	if b.KeepDays != nil {
		set.KeepDays = *b.KeepDays
	}
	if b.RawPages != nil {
		set.RawPages = dataset.RawPages(*b.RawPages)
	}
	if err := s.Datasets.SaveSettings(ctx, d.ID, set); err != nil {
		return nil, err
	}
	return s.settingsAnswer(ctx, d.ID)
}

func (s *Server) settingsAnswer(ctx context.Context, id string) (*out[DatalineSettings], error) {
	set, err := s.Datasets.Settings(ctx, id)
	return ok(DatalineSettings{KeepVersions: set.KeepVersions, KeepDays: set.KeepDays, RawPages: string(set.RawPages)}), err
}
