package tenant_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/project"
	"millwright/internal/tenant"
)

func TestKeysFromBeforeAndOfTheFirstStartMayDoEverything(t *testing.T) {
	s, _, who, _ := seeded(t)
	if diff := cmp.Diff(tenant.Grant{Scopes: tenant.Scopes()}, who.Grant); diff != "" {
		t.Errorf("the first key: %s", diff)
	}
	// A row as an older release wrote it.
	if _, err := s.DB.Write().ExecContext(t.Context(), `INSERT INTO api_keys (id, user_id, name, display, hash, enabled, configured, created_at, updated_at)
		VALUES ('old', ?, 'old', 'mw', 'h', 1, 0, 0, 0)`, who.User.ID); err != nil {
		t.Fatal(err)
	}
	for _, k := range ok(s.Keys(t.Context(), who.User.ID))(t) {
		if diff := cmp.Diff(tenant.Grant{Scopes: tenant.Scopes()}, k.Grant); diff != "" {
			t.Errorf("%s: %s", k.Name, diff)
		}
	}
}

func TestAGrantIsReadBackAsItWasMade(t *testing.T) {
	s, _, who, _ := seeded(t)
	projects := &project.Store{DB: s.DB, Now: s.Now}
	p := ok(projects.Create(t.Context(), project.Project{TeamID: who.TeamIDs[0], Name: "p"}))(t)
	made := ok(s.GrantKey(t.Context(), who, "agent", tenant.Grant{Scopes: []string{"run", "read", "run"}, ProjectID: p.ID, RatePerMinute: 60}))(t)
	got := ok(s.Authenticate(t.Context(), made.Secret.Reveal()))(t)
	want := tenant.Grant{Scopes: []string{tenant.ScopeRead, tenant.ScopeRun}, ProjectID: p.ID, RatePerMinute: 60}
	if diff := cmp.Diff(want, got.Grant); diff != "" {
		t.Error(diff)
	}
	if got.Reach() == who.Reach() {
		t.Error("what the user sees and what the key sees pass for the same")
	}
	wantKind(t, "write", got.MayUse(tenant.ScopeWrite), errs.Denied)
	wantKind(t, "managing people", got.MayManage(), errs.Denied)
	if err := got.MayUse(tenant.ScopeRun); err != nil {
		t.Errorf("run: %v", err)
	}
	// The key goes with its project.
	ok(projects.Delete(t.Context(), who.TeamIDs, p.ID, true))(t)
	_, err := s.Authenticate(t.Context(), made.Secret.Reveal())
	wantKind(t, "after its project", err, errs.Anonymous)
}

func TestAKeyBoundToAProjectHasNothingOfOtherTeams(t *testing.T) {
	s, _, who, _ := seeded(t)
	ok(s.CreateTeam(t.Context(), who, tenant.Team{Name: "second"}))(t)
	who = ok(s.First(t.Context()))(t)
	projects := &project.Store{DB: s.DB, Now: s.Now}
	p := ok(projects.Create(t.Context(), project.Project{TeamID: who.TeamIDs[1], Name: "p"}))(t)
	other := ok(projects.Create(t.Context(), project.Project{TeamID: who.TeamIDs[1], Name: "other"}))(t)
	bound := ok(s.Authenticate(t.Context(), ok(s.GrantKey(t.Context(), who, "bound", tenant.Grant{ProjectID: p.ID}))(t).Secret.Reveal()))(t)
	if diff := cmp.Diff([]string{who.TeamIDs[1]}, bound.TeamIDs); diff != "" {
		t.Errorf("its teams: %s", diff)
	}
	ctx := meta.Confine(t.Context(), bound.ProjectID)
	if list := ok(projects.List(ctx, bound.TeamIDs, "", true))(t); len(list) != 1 || list[0].ID != p.ID {
		t.Errorf("it sees %v", list)
	}
	_, err := projects.Get(ctx, bound.TeamIDs, other.ID)
	_, absent := projects.Get(ctx, bound.TeamIDs, "nothing")
	if err == nil || err.Error() != absent.Error() {
		t.Errorf("the other project: %v; nothing: %v", err, absent)
	}
	if keys := ok(s.Keys(ctx, who.User.ID))(t); len(keys) != 1 || keys[0].Name != "bound" {
		t.Errorf("it sees the keys %v", keys)
	}
	_, err = s.EnableKey(ctx, who.User.ID, who.KeyID, false)
	wantKind(t, "switching off the user's other key", err, errs.NotFound)
}

func TestWhatAGrantIsNarrowedTo(t *testing.T) {
	has := tenant.Grant{Scopes: []string{"read", "run", "write"}, RatePerMinute: 5}
	bound := tenant.Grant{Scopes: []string{"read"}, ProjectID: "p"}
	for _, c := range []struct {
		rule    string
		grant   tenant.Grant
		scopes  []string
		project string
		want    tenant.Grant
		kind    errs.Kind
	}{
		{"nothing narrows nothing", has, nil, "", has, ""},
		{"to some of its scopes", has, []string{"run"}, "", tenant.Grant{Scopes: []string{"run"}, RatePerMinute: 5}, ""},
		{"never to more", has, []string{"run", "admin"}, "", tenant.Grant{Scopes: []string{"run"}, RatePerMinute: 5}, ""},
		{"to a project", has, nil, "p", tenant.Grant{Scopes: has.Scopes, ProjectID: "p", RatePerMinute: 5}, ""},
		{"to the one that it has", bound, nil, "p", bound, ""},
		{"to no other", bound, nil, "q", tenant.Grant{}, errs.NotFound},
	} {
		got, err := c.grant.Narrow(c.scopes, c.project)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.kind == "") || err != nil && errs.KindOf(err) != c.kind {
			t.Errorf("%s: %v %s", c.rule, err, diff)
		}
	}
	if err := bound.MayUse("write"); err == nil || !strings.Contains(errs.Public(err), "--scope read --scope write") {
		t.Errorf("got %v, want how to make a key that may", err)
	}
}
