package publish

import (
	"context"
	"fmt"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

func apis(rows []versionRow) []API {
	all := make([]API, len(rows))
	for i, r := range rows {
		all[i] = r.API
	}
	return all
}

// APIs returns the newest version of the project's API, with its endpoints; none if
// nothing was ever published.
func (s *Service) APIs(ctx context.Context, projectID string) (_ []API, err error) {
	defer errs.Wrap(&err, "publish.APIs")
	rows, err := load(ctx, s.DB.Read(), `WHERE a.project_id = ? ORDER BY v.number DESC LIMIT 1`, projectID)
	return apis(rows), err
}

// Versions returns every version of the project's API, newest first, the removed
// ones too.
func (s *Service) Versions(ctx context.Context, projectID string) (_ []API, err error) {
	defer errs.Wrap(&err, "publish.Versions")
	rows, err := load(ctx, s.DB.Read(), `WHERE a.project_id = ? ORDER BY v.number DESC`, projectID)
	return apis(rows), err
}

// Published returns the endpoints of the newest version that answer: what tools are
// made of.
func (s *Service) Published(ctx context.Context, projectID string) ([]Endpoint, error) {
	list, err := s.APIs(ctx, projectID)
	if err != nil || len(list) == 0 {
		return []Endpoint{}, err
	}
	return list[0].Live(), nil
}

// API returns the version of that id, or the newest one of that slug. It fails with
// errs.NotFound if there is none, or if its project was deleted.
func (s *Service) API(ctx context.Context, slugOrID string) (_ API, err error) {
	defer errs.Wrap(&err, "publish.API")
	v, err := find(ctx, s.DB.Read(), slugOrID)
	return v.API, err
}

func find(ctx context.Context, q meta.Querier, slugOrID string) (versionRow, error) {
	rows, err := load(ctx, q, `WHERE v.id = ? OR a.slug = ? ORDER BY v.number DESC LIMIT 1`, slugOrID, slugOrID)
	if err == nil && len(rows) == 0 {
		err = noAPI()
	}
	if err != nil {
		return versionRow{}, err
	}
	return rows[0], nil
}

// OfProgram returns the newest version of the API that offers the program, and the
// program's endpoint there. It fails with errs.NotFound if none does.
func (s *Service) OfProgram(ctx context.Context, projectID, programID string) (_ API, _ Endpoint, err error) {
	defer errs.Wrap(&err, "publish.OfProgram")
	a, e, err := s.published(ctx, s.DB.Read(), projectID, programID)
	if err == nil && e.Status == Removed {
		return API{}, Endpoint{}, errs.New(errs.NotFound, "the program is not published").Named("not-published").Fix("publish it")
	}
	return a, e, err
}

// Endpoint returns the endpoint of that id, and the version of the API it belongs
// to. It fails with errs.NotFound if there is none.
func (s *Service) Endpoint(ctx context.Context, id string) (_ API, _ Endpoint, err error) {
	defer errs.Wrap(&err, "publish.Endpoint")
	rows, err := load(ctx, s.DB.Read(), `WHERE v.id = (SELECT version_id FROM api_endpoints WHERE id = ?)`, id)
	if err != nil {
		return API{}, Endpoint{}, err
	}
	for _, v := range rows {
		for _, e := range v.Endpoints {
			if e.ID == id {
				return v.API, e, nil
			}
		}
	}
	return API{}, Endpoint{}, noEndpoint()
}

func noAPI() *errs.Error { return errs.New(errs.NotFound, "no such API").Named("api-unknown") }

func noEndpoint() *errs.Error {
	return errs.New(errs.NotFound, "no such endpoint").Named("endpoint-unknown")
}

// Gone are the types of errors about what was there once: an edge may say 410.
func Gone(errorType string) bool {
	return errorType == "endpoint-unpublished" || errorType == "version-removed"
}

// Resolve returns the endpoint at a path of a version of an API. It remembers, until
// somebody changes something.
//
// It fails with errs.NotFound: "api-unknown", "version-unknown", "version-removed",
// "endpoint-unknown" with what is nearest, or "endpoint-unpublished". Of the last
// four, the API is returned too, for the caller to find out first who may know of it.
func (s *Service) Resolve(ctx context.Context, slug, version, path string) (API, Endpoint, error) {
	a, err := s.Version(ctx, slug, version)
	if err != nil {
		return a, Endpoint{}, err
	}
	for _, e := range a.Endpoints {
		if e.Path != path {
			continue
		}
		if e.Status == Removed {
			return a, e, errs.New(errs.NotFound, "the endpoint %s is not published any more", path).Named("endpoint-unpublished").
				Fix("ask whoever published it, or see " + a.Path() + " for what there is")
		}
		return a, e, nil
	}
	missing := noEndpoint().Fix("see " + a.Path() + " for what there is")
	paths := []string{}
	for _, e := range a.Live() {
		paths = append(paths, e.Path)
	}
	if near, ok := program.Nearest(path, paths); ok {
		missing = noEndpoint().Fix(fmt.Sprintf("did you mean %s/%s?", a.Path(), near))
	}
	return a, Endpoint{}, missing
}

// Version returns a version of the API of that slug; see Resolve for how it fails.
func (s *Service) Version(ctx context.Context, slug, version string) (_ API, err error) {
	defer errs.Wrap(&err, "publish.Version")
	a, err := s.apis.Get(s.DB, apiKey{slug, version}, func() (API, error) {
		rows, err := load(ctx, s.DB.Read(), `WHERE a.slug = ? ORDER BY v.number DESC`, slug)
		if err != nil {
			return API{}, err
		}
		for _, v := range rows {
			if v.Version == version {
				return v.API, nil
			}
		}
		if len(rows) == 0 {
			return API{}, noAPI()
		}
		return API{}, &versionUnknown{rows[0].API, offered(rows)}
	})
	if unknown, ok := err.(*versionUnknown); ok {
		return unknown.newest, errs.New(errs.NotFound, "the API has no such version").Named("version-unknown").Fix("use one of: " + unknown.offered)
	}
	if err == nil && a.Status == Removed {
		return a, errs.New(errs.NotFound, "version %s of the API was removed", a.Version).Named("version-removed").Fix("use version " + a.Newest)
	}
	return a, err
}

// A versionUnknown carries the API past the memo, which keeps no errors.
type versionUnknown struct {
	newest  API
	offered string
}

func (v *versionUnknown) Error() string { return "no such version" }

func offered(rows []versionRow) string {
	names := []string{}
	for _, r := range rows {
		if r.Status != Removed {
			names = append(names, r.Version)
		}
	}
	return strings.Join(names, ", ")
}
