package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/job"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/source"
)

// A Strategy says what becomes of a project that has the name already.
type Strategy string

// The strategies.
const (
	Rename    Strategy = "rename"    // the imported one gets another name
	Overwrite Strategy = "overwrite" // it is deleted once the imported one is whole; it can be brought back
	Skip      Strategy = "skip"      // nothing is imported
)

// A Request says where a project goes.
type Request struct {
	TeamID   string
	Strategy Strategy // empty: Rename
	Suffix   string   // of Rename; empty: " (imported)"
	UserID   string
	Max      int64 // bytes of the files in it
}

// Imported says what came of an import.
type Imported struct {
	Project  project.Project
	Skipped  bool // the project was there already
	Counts   Counts
	Warnings []string // what a person should know or do
}

// Counts says how much there is of each kind.
type Counts struct {
	Datasources int `json:"datasources"`
	Datalines   int `json:"datalines"`
	Objects     int `json:"dataobjects"`
	Programs    int `json:"queryprograms"`
	APIs        int `json:"apis"`
}

func (d document) counts() Counts {
	return Counts{len(d.Datasources), len(d.Datalines), len(d.Objects), len(d.Programs), d.APIs}
}

// Validate reads a file and checks what can be checked without storing anything.
func (s *Service) Validate(ctx context.Context, r Request, from io.Reader) (found Imported, err error) {
	defer errs.Wrap(&err, "transfer.Validate")
	dir, remove, err := s.Blobs.Stage(ctx)
	if err != nil {
		return found, err
	}
	defer remove()
	doc, err := read(ctx, from, dir, r.Max)
	if err != nil {
		return found, err
	}
	found.Counts = doc.counts()
	if err := doc.check(); err != nil {
		return found, err
	}
	for i := range doc.Datalines {
		if _, err := s.lookInto(ctx, &doc, &doc.Datalines[i], dir, "validate"); err != nil {
			return found, at(err, "/datalines/"+itoa(i))
		}
	}
	found.Project.Name = doc.Project.Name
	found.Warnings = doc.warnings()
	return found, nil
}

// Import makes a project of a file, in a team of the caller. If it fails, nothing of
// it stays.
func (s *Service) Import(ctx context.Context, r Request, from io.Reader) (made Imported, err error) {
	defer errs.Wrap(&err, "transfer.Import")
	switch r.Strategy {
	case "", Rename, Overwrite, Skip:
	default:
		return made, errs.New(errs.Invalid, "the conflict strategy is not known").Named("import-strategy").At("conflict_strategy").Fix("use rename, overwrite or skip")
	}
	dir, remove, err := s.Blobs.Stage(ctx)
	if err != nil {
		return made, err
	}
	defer remove()
	doc, err := read(ctx, from, dir, r.Max)
	if err != nil {
		return made, err
	}
	made.Counts = doc.counts()
	if err := doc.check(); err != nil {
		return made, err
	}
	name, there, err := s.name(ctx, r, doc.Project.Name)
	if err != nil || there != nil && r.Strategy == Skip {
		if err == nil {
			made.Project, made.Skipped = *there, true
		}
		return made, err
	}
	i := &importing{Service: s, request: r, doc: &doc, dir: dir, teams: []string{r.TeamID}, ids: map[string]string{}}
	i.warnings = doc.warnings()
	if made.Project, err = i.run(ctx, name); err != nil {
		return made, err
	}
	made.Warnings = i.warnings
	if there != nil && r.Strategy == Overwrite {
		_, err = s.Projects.Delete(ctx, i.teams, there.ID, false)
	}
	return made, err
}

// name returns the name of the project to come, and the one that has the name of the
// file's already.
func (s *Service) name(ctx context.Context, r Request, wanted string) (string, *project.Project, error) {
	list, err := s.Projects.List(ctx, []string{r.TeamID}, r.TeamID, false)
	if err != nil {
		return "", nil, err
	}
	taken := map[string]*project.Project{}
	for i := range list {
		taken[list[i].Name] = &list[i]
	}
	there := taken[wanted]
	if there == nil || r.Strategy == Overwrite {
		return wanted, there, nil
	}
	suffix := r.Suffix
	if suffix == "" {
		suffix = " (imported)"
	}
	name := cut(wanted, 180) + cut(suffix, 15)
	for n := 2; taken[name] != nil; n++ {
		name = cut(wanted, 175) + cut(suffix, 15) + fmt.Sprintf(" %d", n)
	}
	return name, there, nil
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

// An importing is one import under way.
type importing struct {
	*Service
	request  Request
	doc      *document
	dir      string
	teams    []string
	project  project.Project
	ids      map[string]string // of things in the file, to those of what was made of them
	warnings []string
}

// beingImported is in the name of a project until it is whole.
const beingImported = " (being imported)"

// run makes the project, and removes it again if that fails.
func (i *importing) run(ctx context.Context, name string) (p project.Project, err error) {
	i.project, err = i.Projects.Create(ctx, project.Project{TeamID: i.request.TeamID, Name: cut(name, 180) + beingImported,
		Description: i.doc.Project.Description, Metadata: i.doc.Project.Metadata})
	if err != nil {
		return p, at(err, "/project")
	}
	defer func() {
		if err == nil {
			return
		}
		if _, undo := i.Projects.Delete(context.WithoutCancel(ctx), i.teams, i.project.ID, true); undo != nil {
			i.Log.Error("a project that was not imported whole stays", "project", i.project.ID, "err", undo)
		}
	}()
	if err := i.datasources(ctx); err != nil {
		return p, err
	}
	for n := range i.doc.Datalines {
		if err := i.dataline(ctx, n); err != nil {
			return p, at(err, "/datalines/"+itoa(n))
		}
	}
	if err := i.programs(ctx); err != nil {
		return p, err
	}
	if err := i.follow(ctx); err != nil {
		return p, err
	}
	return i.Projects.Update(ctx, i.teams, i.project.ID, project.Change{Name: &name})
}

// datasources makes the datasources. A request that hid secrets is not kept: it could
// not be sent.
func (i *importing) datasources(ctx context.Context) error {
	for n, f := range i.doc.Datasources {
		place := "/datasources/" + itoa(n)
		name := f.TableName
		if name == "" {
			name = f.Name
		}
		d, err := i.Sources.Create(ctx, i.teams, source.Datasource{ProjectID: i.project.ID, Name: name, Type: f.Type, URI: f.URI, Description: f.Description})
		if err != nil {
			return at(err, place)
		}
		if f.TableName != "" && d.TableName != f.TableName {
			return errs.New(errs.Invalid, "the table name %q cannot be taken over", cut(f.TableName, 60)).Named("import-table-name").At(place + "/table_name")
		}
		if _, err := i.Sources.Update(ctx, i.teams, d.ID, source.Change{Name: &f.Name}); err != nil {
			return at(err, place)
		}
		i.ids[f.ID] = d.ID
		if err := i.request1(ctx, d, f); err != nil {
			return err
		}
	}
	return nil
}

// request1 keeps the request of a datasource, if it is whole.
func (i *importing) request1(ctx context.Context, d source.Datasource, f fileDatasource) error {
	if len(f.ConnectSpec) == 0 || string(f.ConnectSpec) == "null" {
		return nil
	}
	spec, err := httpsource.ParseSpec(f.ConnectSpec)
	if err == nil {
		err = i.Sources.SaveSpec(ctx, d.ID, spec)
	}
	switch kind := errs.KindOf(err); {
	case err == nil:
		return nil
	case kind != errs.Invalid:
		return err
	}
	i.warnings = append(i.warnings, fmt.Sprintf("the request of %q is not kept, since exports hold no secrets: connect it again to run it", cut(f.Name, 60)))
	return nil
}

// programs makes the programs. None is published: that is for a person to decide here.
func (i *importing) programs(ctx context.Context) error {
	published := 0
	for n, f := range i.doc.Programs {
		r, err := f.record(i.project.ID, i.ids[f.DatalineID])
		if err == nil {
			r, err = i.Programs.Create(ctx, r)
		}
		if err != nil {
			return at(err, "/queryprograms/"+itoa(n))
		}
		if f.Published {
			published++
		}
		if f.Program == nil {
			continue
		}
		if err := i.Check(ctx, i.project.ID, r.Program); err != nil {
			if kind := errs.KindOf(err); kind != errs.Invalid && kind != errs.NotFound && kind != errs.TooLarge {
				return err
			}
			i.warnings = append(i.warnings, fmt.Sprintf("the program %q does not run here: %s", cut(r.Program.Name, 60), cut(errs.Public(err), 200)))
		}
	}
	if published > 0 {
		i.warnings = append(i.warnings, fmt.Sprintf("%d programs were published where they come from, and are not here: publish what shall be", published))
	}
	return nil
}

// record returns the program as a new one of ours.
func (f fileProgram) record(projectID, datasetID string) (store.Record, error) {
	r := store.Record{ProjectID: projectID, DatasetID: datasetID, Origin: store.Custom, Steps: f.Steps, Stores: f.Stores}
	if f.Program != nil {
		r.Program = *f.Program
		return r, nil
	}
	r.Program = program.Program{Name: f.Name, Cue: f.Query, SQL: f.QueryProgram}
	if f.Reason != "" {
		r.Program.Reason = strings.Split(f.Reason, "\n")
	}
	if f.Slots == nil {
		return r, nil
	}
	slots, err := program.ParseSlots([]byte(*f.Slots))
	if err != nil {
		r.SlotsText = f.Slots // an older client's own text
		return r, nil
	}
	r.Program.Slots = slots
	return r, nil
}

// follow starts what follows a landing, for every datasource with a dataset.
func (i *importing) follow(ctx context.Context) error {
	for _, f := range i.doc.Datalines {
		id := i.ids[f.DatasourceID]
		if id == "" {
			continue
		}
		payload, err := json.Marshal(map[string]string{"datasource_id": id})
		if err != nil {
			return err
		}
		parent := ""
		for _, kind := range i.AfterImport {
			j, err := i.Jobs.Submit(ctx, job.NewJob{Type: kind, ProjectID: i.project.ID, UserID: i.request.UserID, ParentID: parent, AfterParent: parent != "",
				Source: "datasource", SourceID: id, SourceEventType: "project_import", Payload: payload})
			if err != nil {
				return err
			}
			parent = j.ID
		}
	}
	return nil
}
