package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/errs"
	"millwright/internal/transfer"
)

// TransferCounts says how much there is of each kind.
type TransferCounts struct {
	Datasources int `json:"datasources"`
	Datalines   int `json:"datalines"`
	Objects     int `json:"dataobjects"`
	Programs    int `json:"queryprograms"`
	APIs        int `json:"apis"`
}

// An ImportResult says what came of an import.
type ImportResult struct {
	Success     bool           `json:"success"`
	Message     string         `json:"message"`
	ProjectID   string         `json:"project_id"`
	ProjectName string         `json:"project_name"`
	Skipped     bool           `json:"skipped" doc:"There is a project of that name, and nothing was imported"`
	Counts      TransferCounts `json:"counts"`
	Warnings    []string       `json:"warnings" doc:"What a person should know or do"`
}

// An ImportCheck says whether a file could be imported.
type ImportCheck struct {
	Valid       bool           `json:"valid"`
	ProjectName string         `json:"project_name"`
	Counts      TransferCounts `json:"counts"`
	Errors      []string       `json:"errors"`
	Warnings    []string       `json:"warnings"`
}

type importInput struct {
	TeamID           string `query:"team_id" doc:"Whose it will be: the caller's first team if absent"`
	ConflictStrategy string `query:"conflict_strategy" doc:"If there is a project of that name: rename (the imported one), overwrite, or skip" example:"rename"`
	RenameSuffix     string `query:"rename_suffix" doc:"Of rename"`
	streamed
}

func (in *importInput) setField(part *multipart.Part) error {
	to, ok := map[string]*string{"team_id": &in.TeamID, "conflict_strategy": &in.ConflictStrategy, "rename_suffix": &in.RenameSuffix}[part.FormName()]
	text, err := io.ReadAll(io.LimitReader(part, formField))
	if err != nil {
		return badForm("a part of it cannot be read", err)
	}
	if ok && *to == "" {
		*to = string(text)
	}
	return nil
}

// transfers serves the paths that existing clients call, without /v1, and ours.
func (s *Server) transfers(a huma.API) {
	for _, prefix := range []string{"", "/v1"} {
		export := describe("GET "+prefix+"/projects/{id}/export", "projects", "A project as one file, without secrets")
		register(s, a, answers(export, "The file", map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}), s.exportProject)
		file := map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Properties: map[string]*huma.Schema{
			"file": {Type: huma.TypeString, Format: "binary", Description: "The file; every query parameter may be a field of the form, too"}}}}, "application/json": {}}
		in := describe("POST "+prefix+"/projects/import", "projects", "Make a project of a file that was exported")
		register(s, a, in, s.importProject)
		a.OpenAPI().Paths[in.Path].Post.RequestBody = takes("The file", file)
		check := describe("POST "+prefix+"/projects/validate-import", "projects", "Whether a file could be imported; stores nothing")
		register(s, a, check, s.validateImport)
		a.OpenAPI().Paths[check.Path].Post.RequestBody = takes("The file", file)
	}
}

func (s *Server) exportProject(ctx context.Context, in *struct {
	IDInput
	TeamID string `query:"team_id" doc:"Accepted for clients that send it; the project says whose it is"`
}) (*huma.StreamResponse, error) {
	e, err := s.Transfer.Prepare(ctx, caller(ctx).TeamIDs, in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		out := &lateWriter{w: w, head: func(h http.Header) {
			h.Set("Content-Type", "application/json")
			h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", exportName(e.Project.Name)))
			h.Set("Cache-Control", "no-store")
		}}
		switch err := e.Write(hc.Context(), out); {
		case err == nil:
		case !out.begun:
			r, _ := humachi.Unwrap(hc)
			s.writeProblem(w, r, err)
		default:
			// Half a file must not pass for a whole one.
			report(hc.Context(), s.Log, problemOf(hc.Context(), err), err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// exportName is a name that every file system takes.
func exportName(project string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < 128 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return r
		}
		return '-'
	}, project), "-") + ".json"
}

// A lateWriter begins the answer with the first byte.
type lateWriter struct {
	w     http.ResponseWriter
	head  func(http.Header)
	begun bool
}

// Write begins the answer, if nothing has. A reader that takes nothing for long is
// gone.
func (l *lateWriter) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.head(l.w.Header())
	}
	_ = http.NewResponseController(l.w).SetWriteDeadline(time.Now().Add(uploadIdle)) // a writer without deadlines is a test's
	return l.w.Write(p)
}

func (s *Server) importProject(ctx context.Context, in *importInput) (*out[ImportResult], error) {
	file, err := s.importFile(ctx, in)
	if err != nil {
		return nil, err
	}
	defer file.remove()
	r, err := s.importRequest(ctx, in)
	if err != nil {
		return nil, err
	}
	made, err := s.Transfer.Import(ctx, r, file)
	if err != nil {
		return nil, err
	}
	w := ImportResult{Success: true, ProjectID: made.Project.ID, ProjectName: made.Project.Name, Skipped: made.Skipped, Counts: TransferCounts(made.Counts), Warnings: orEmpty(made.Warnings)}
	w.Message = fmt.Sprintf("imported as %q", made.Project.Name)
	if made.Skipped {
		w.Message = fmt.Sprintf("there is a project %q; nothing was imported", made.Project.Name)
	}
	return ok(w), nil
}

func (s *Server) validateImport(ctx context.Context, in *importInput) (*out[ImportCheck], error) {
	file, err := s.importFile(ctx, in)
	if err != nil {
		return nil, err
	}
	defer file.remove()
	found, err := s.Transfer.Validate(ctx, transfer.Request{Max: s.Uploads.Limit()}, file)
	w := ImportCheck{Valid: err == nil, ProjectName: found.Project.Name, Counts: TransferCounts(found.Counts), Errors: []string{}, Warnings: orEmpty(found.Warnings)}
	if kind := errs.KindOf(err); kind == errs.Invalid || kind == errs.TooLarge {
		w.Errors, err = append(w.Errors, errs.Public(err)), nil
	}
	return ok(w), err
}

// importRequest says where the project goes, once the whole form is read.
func (s *Server) importRequest(ctx context.Context, in *importInput) (transfer.Request, error) {
	team := in.TeamID
	if team == "" && len(caller(ctx).TeamIDs) > 0 {
		team = caller(ctx).TeamIDs[0]
	}
	return transfer.Request{TeamID: team, Strategy: transfer.Strategy(in.ConflictStrategy), Suffix: in.RenameSuffix, UserID: caller(ctx).User.ID, Max: s.Uploads.Limit()},
		mayUseTeam(ctx, team)
}

// An importedFile is a file that came in to be imported.
type importedFile struct {
	*os.File
	remove func()
}

// importFile stores the file, as a part of a form or as the body, so that a slow
// sender keeps nothing waiting, and reads the fields of the form.
func (s *Server) importFile(ctx context.Context, in *importInput) (file *importedFile, err error) {
	if err := s.mayChangeSomewhere(ctx, ""); err != nil {
		return nil, err
	}
	if err := s.refuseLarge(in.request); err != nil {
		return nil, err
	}
	body := &patient{body: in.request.Body, control: http.NewResponseController(in.writer)}
	defer body.end()
	came, err := s.receiveBody(body, in.request, in.setField)
	if err != nil {
		return nil, err
	}
	remove := func() {
		if err := s.Uploads.Drop(came.id); err != nil {
			s.Log.Warn("a file that was imported was not removed", "upload", came.id, "err", err)
		}
	}
	path, err := s.Uploads.Path(came.id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		remove()
		return nil, err
	}
	return &importedFile{f, func() { _ = errors.Join(f.Close()); remove() }}, nil
}
