package project_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/project"
)

// newStore returns a store with the teams a, b and c.
func newStore(t *testing.T) *project.Store {
	t.Helper()
	db := metatest.Open(t)
	metatest.Teams(t, db, "o", "a", "b", "c")
	now := time.Date(2025, 6, 1, 0, 0, 0, 1500, time.UTC) // stands still: order must not need the clock
	return &project.Store{DB: db, Now: func() time.Time { return now }}
}

func create(t *testing.T, s *project.Store, team, name string) project.Project {
	t.Helper()
	p, err := s.Create(t.Context(), project.Project{TeamID: team, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(t *testing.T) func([]project.Project, error) string {
	return func(all []project.Project, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, p := range all {
			out = append(out, p.Name)
		}
		return strings.Join(out, " ")
	}
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func TestProjectIsReadBackAsItWasMade(t *testing.T) {
	s := newStore(t)
	p, err := s.Create(t.Context(), project.Project{ID: "mine", TeamID: "a", Name: " Shop ", Description: "d", Metadata: []byte(`{"big":12345678901234567890}`)})
	if err != nil || p.Name != "Shop" || p.ID == "mine" {
		t.Fatalf("got %+v, %v, want a trimmed name and an id of ours", p, err)
	}
	got, err := s.Get(t.Context(), []string{"b", "a"}, p.ID)
	if diff := cmp.Diff(got, p); diff != "" || err != nil {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
}

func TestListIsOldestFirstAndOnlyOwn(t *testing.T) {
	s := newStore(t)
	for _, p := range []struct{ team, name string }{{"a", "z"}, {"b", "y"}, {"a", "x"}, {"c", "foreign"}} {
		create(t, s, p.team, p.name)
	}
	gone := create(t, s, "a", "gone")
	if _, err := s.Delete(t.Context(), []string{"a"}, gone.ID, false); err != nil {
		t.Fatal(err)
	}
	own := []string{"a", "b"}
	for _, c := range []struct {
		name, team, want string
		teams            []string
		deleted          bool
	}{
		{"all of mine", "", "z y x", own, false},
		{"one team", "a", "z x", own, false},
		{"with deleted", "a", "z x gone", own, true},
		{"a foreign team", "c", "", own, false},
		{"no teams", "", "", nil, false},
	} {
		if got := names(t)(s.List(t.Context(), c.teams, c.team, c.deleted)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestForeignIsByteIdenticalToAbsent(t *testing.T) {
	s := newStore(t)
	foreign := create(t, s, "c", "foreign")
	name, mine := "taken over", []string{"a", "b"}
	for _, c := range []struct {
		name string
		call func(id string) error
	}{
		{"get", func(id string) error { _, err := s.Get(t.Context(), mine, id); return err }},
		{"update", func(id string) error {
			_, err := s.Update(t.Context(), mine, id, project.Change{Name: &name})
			return err
		}},
		{"hide", func(id string) error { _, err := s.Delete(t.Context(), mine, id, false); return err }},
		{"remove", func(id string) error { _, err := s.Delete(t.Context(), mine, id, true); return err }},
		{"move away", func(id string) error {
			_, err := s.Update(t.Context(), mine, id, project.Change{TeamID: &mine[0]})
			return err
		}},
	} {
		theirs, none := c.call(foreign.ID), c.call("018f0000-0000-7000-8000-000000000000")
		wantKind(t, c.name, theirs, errs.NotFound)
		if theirs == nil || none == nil || theirs.Error() != none.Error() {
			t.Errorf("%s: got %v for foreign, %v for absent", c.name, theirs, none)
		}
	}
	if got, err := s.Lookup(t.Context(), foreign.ID); err != nil || got.Name != "foreign" || got.TeamID != "c" {
		t.Errorf("after the attempts: got %+v, %v", got, err)
	}
}

func TestUpdateChangesOnlyWhatIsGiven(t *testing.T) {
	s := newStore(t)
	p := create(t, s, "a", "first")
	name, target, foreign := "second", "b", "c"
	got, err := s.Update(t.Context(), []string{"a", "b"}, p.ID, project.Change{Name: &name, Metadata: []byte(`{"k":1}`)})
	p.Name, p.Metadata = name, []byte(`{"k":1}`)
	if diff := cmp.Diff(got, p); diff != "" || err != nil {
		t.Errorf("rename: %v (-got +want):\n%s", err, diff)
	}
	_, err = s.Update(t.Context(), []string{"a", "b"}, p.ID, project.Change{TeamID: &foreign})
	wantKind(t, "move to a foreign team", err, errs.NotFound)
	if got, err := s.Update(t.Context(), []string{"a", "b"}, p.ID, project.Change{TeamID: &target}); err != nil || got.TeamID != "b" || got.Name != name {
		t.Errorf("move: got %+v, %v", got, err)
	}
	if _, err := s.Get(t.Context(), []string{"a"}, p.ID); errs.KindOf(err) != errs.NotFound {
		t.Errorf("the old team still sees it: %v", err)
	}
}

func TestDeleteHidesRestoresAndRemoves(t *testing.T) {
	s := newStore(t)
	mine := []string{"a"}
	p := create(t, s, "a", "p")
	hidden, err := s.Delete(t.Context(), mine, p.ID, false)
	if err != nil || hidden.DeletedAt == nil {
		t.Fatalf("hide: got %+v, %v, want a time of deletion", hidden, err)
	}
	_, err = s.Get(t.Context(), mine, p.ID)
	wantKind(t, "get a hidden one", err, errs.NotFound)
	_, err = s.Delete(t.Context(), mine, p.ID, false)
	wantKind(t, "hide it again", err, errs.NotFound)
	back := false
	if restored, err := s.Update(t.Context(), mine, p.ID, project.Change{Deleted: &back}); err != nil || restored.DeletedAt != nil {
		t.Errorf("restore: got %+v, %v", restored, err)
	}
	for _, what := range []bool{false, true} { // a hidden one can be removed
		if got, err := s.Delete(t.Context(), mine, p.ID, what); err != nil || got.DeletedAt == nil {
			t.Errorf("permanent %v: got %+v, %v", what, got, err)
		}
	}
	_, err = s.Lookup(t.Context(), p.ID)
	wantKind(t, "look up a removed one", err, errs.NotFound)
}

func TestBadInputIsRefused(t *testing.T) {
	s := newStore(t)
	for _, c := range []struct {
		name string
		p    project.Project
		want errs.Kind
	}{
		{"no name", project.Project{TeamID: "a"}, errs.Invalid},
		{"two lines", project.Project{TeamID: "a", Name: "a\nb"}, errs.Invalid},
		{"too long", project.Project{TeamID: "a", Name: strings.Repeat("ä", 201)}, errs.Invalid},
		{"metadata is a list", project.Project{TeamID: "a", Name: "x", Metadata: []byte(`[]`)}, errs.Invalid},
		{"metadata is null", project.Project{TeamID: "a", Name: "x", Metadata: []byte(`null`)}, errs.Invalid},
		{"no such team", project.Project{TeamID: "nowhere", Name: "x"}, errs.NotFound},
	} {
		_, err := s.Create(t.Context(), c.p)
		wantKind(t, c.name, err, c.want)
	}
}
