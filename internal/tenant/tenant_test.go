package tenant_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/secret"
	"millwright/internal/tenant"
)

// A clock stands still until it is moved.
type clock struct{ now time.Time }

func newStore(t *testing.T) (*tenant.Store, *clock) {
	t.Helper()
	db := metatest.Open(t)
	c := &clock{time.Date(2025, 6, 1, 12, 0, 0, 123456789, time.UTC)}
	return &tenant.Store{DB: db, Now: func() time.Time { return c.now }}, c
}

// seeded returns a store with its first user, and the key.
func seeded(t *testing.T) (*tenant.Store, *clock, tenant.Identity, string) {
	t.Helper()
	s, c := newStore(t)
	key, err := s.Seed(t.Context(), secret.String{})
	if err != nil || key == nil {
		t.Fatalf("Seed: %v, %v", key, err)
	}
	who, err := s.Authenticate(t.Context(), key.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return s, c, who, key.Secret.Reveal()
}

// guest returns a user of another organisation with teams of its own, and its key.
func guest(t *testing.T, s *tenant.Store, owner tenant.Identity) (tenant.Identity, string) {
	t.Helper()
	org := ok(s.CreateOrganization(t.Context(), owner, tenant.Organization{Name: "Other"}))(t)
	user := ok(s.CreateUser(t.Context(), owner, tenant.User{OrganizationID: org.ID, Email: "guest@example.org", Role: tenant.Admin}))(t)
	key := ok(s.CreateKey(t.Context(), user.ID, "guest"))(t)
	who := ok(s.Authenticate(t.Context(), key.Secret.Reveal()))(t)
	ok(s.CreateTeam(t.Context(), who, tenant.Team{Name: "Other team"}))(t)
	return ok(s.Authenticate(t.Context(), key.Secret.Reveal()))(t), key.Secret.Reveal()
}

func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantKind(t *testing.T, what string, err error, want errs.Kind) {
	t.Helper()
	if err == nil || errs.KindOf(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func TestSeedMakesWhatClientsNeedOnce(t *testing.T) {
	s, _, who, token := seeded(t)
	again, err := s.Seed(t.Context(), secret.String{})
	if again != nil || err != nil {
		t.Errorf("second start: got %v, %v, want nothing", again, err)
	}
	orgs := ok(s.Organizations(t.Context(), who))(t)
	if len(orgs) != 1 {
		t.Fatalf("got %d organisations, want 1", len(orgs))
	}
	teams := ok(s.Teams(t.Context(), who, orgs[0].ID))(t)
	users := ok(s.Users(t.Context(), who, ""))(t)
	if len(teams) != 1 || len(users) != 1 || users[0].Email == "" {
		t.Errorf("got teams %v, users %v, want one of each", teams, users)
	}
	for _, name := range []string{orgs[0].Name, teams[0].Name, users[0].Name, users[0].Email} {
		if len(name) > 30 || strings.ContainsAny(name, "[]") {
			t.Errorf("seeded name %q does not survive the known client's printer", name)
		}
	}
	if !slices.Equal(who.TeamIDs, []string{teams[0].ID}) || who.Roles[teams[0].ID] != tenant.Admin {
		t.Errorf("got identity %+v, want an admin of the seeded team", who)
	}
	if first := ok(s.First(t.Context()))(t); first.User.ID != who.User.ID {
		t.Errorf("First: got %v, want the seeded user", first.User)
	}
	if strings.Contains(cmp.Diff(nil, again), token) {
		t.Error("the key is printed")
	}
}

func TestConfiguredKeyReplacesThePreviousOne(t *testing.T) {
	s, _ := newStore(t)
	const first, second = "a-key-of-16-chars", "another-key-of-16"
	for range 2 { // a restart changes nothing
		created, err := s.Seed(t.Context(), secret.New(first))
		if created != nil || err != nil {
			t.Fatalf("got %v, %v, want no key to show", created, err)
		}
	}
	who := ok(s.Authenticate(t.Context(), first))(t)
	own := ok(s.CreateKey(t.Context(), who.User.ID, "mine"))(t)
	if _, err := s.Seed(t.Context(), secret.New(second)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Authenticate(t.Context(), first)
	wantKind(t, "the key configured before", err, errs.Anonymous)
	ok(s.Authenticate(t.Context(), second))(t)
	ok(s.Authenticate(t.Context(), own.Secret.Reveal()))(t)
	if _, err := s.Seed(t.Context(), secret.String{}); err != nil {
		t.Fatal(err)
	}
	ok(s.Authenticate(t.Context(), second))(t)
}

func TestSeedRefusesKeysThatCouldNeverBeUsed(t *testing.T) {
	for _, c := range []struct{ name, key string }{
		{"15 characters", "123456789012345"},
		{"a space inside", "1234567890 123456"},
		{"a line end", "1234567890123456\n"},
		{"not ASCII", "12345678901234567ü"},
		{"our format with a wrong checksum", "mw_" + strings.Repeat("a", 38)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := newStore(t)
			_, err := s.Seed(t.Context(), secret.New(c.key))
			wantKind(t, "Seed", err, errs.Invalid)
			if err != nil && strings.Contains(err.Error(), c.key) {
				t.Errorf("the error shows the key: %v", err)
			}
			_, err = s.First(t.Context())
			wantKind(t, "First", err, errs.NotFound)
		})
	}
}

func TestAuthenticate(t *testing.T) {
	s, _, who, good := seeded(t)
	disabled := ok(s.CreateKey(t.Context(), who.User.ID, "disabled"))(t)
	ok(s.EnableKey(t.Context(), who.User.ID, disabled.ID, false))(t)
	deleted := ok(s.CreateKey(t.Context(), who.User.ID, "deleted"))(t)
	ok(s.DeleteKey(t.Context(), who.User.ID, deleted.ID))(t)
	other, orphan := guest(t, s, who)
	ok(s.DeleteUser(t.Context(), who, other.User.ID))(t)
	typo := []byte(good)
	typo[10]++
	for _, c := range []struct {
		name, token, why string
	}{
		{"no key", "", "no API key"},
		{"one character off", string(typo), "copied whole"},
		{"cut short", good[:len(good)-1], "copied whole"},
		{"too short to be configured", "short", "copied whole"},
		{"unknown, of an operator's own format", "a-key-nobody-made-x", "does not know"},
		{"disabled", disabled.Secret.Reveal(), "disabled"},
		{"deleted", deleted.Secret.Reveal(), "does not know"},
		{"of a deleted user", orphan, "removed"},
		{"the stored hash is no key", "68656c6c6f68656c6c6f68656c6c6f68", "does not know"},
		{"SQL", "' OR '1'='1' OR 'x'='", "does not know"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Authenticate(t.Context(), c.token)
			wantKind(t, "Authenticate", err, errs.Anonymous)
			if !strings.Contains(errs.Public(err), c.why) {
				t.Errorf("got %q, want %q in it", errs.Public(err), c.why)
			}
			if c.token != "" && strings.Contains(err.Error(), c.token) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
	ok(s.EnableKey(t.Context(), who.User.ID, disabled.ID, true))(t)
	if got := ok(s.Authenticate(t.Context(), disabled.Secret.Reveal()))(t); got.KeyID != disabled.ID || got.User.ID != who.User.ID {
		t.Errorf("enabled again: got %+v", got)
	}
}

func TestLastUsedIsWrittenAtMostOnceAMinute(t *testing.T) {
	s, c, who, token := seeded(t)
	start := c.now.Truncate(time.Microsecond)
	for _, step := range []struct {
		after time.Duration
		want  time.Time
	}{{0, start}, {59 * time.Second, start}, {time.Second, start.Add(time.Minute)}} {
		c.now = c.now.Add(step.after)
		ok(s.Authenticate(t.Context(), token))(t)
		keys := ok(s.Keys(t.Context(), who.User.ID))(t)
		if got := keys[0].LastUsed; got == nil || !got.Equal(step.want) {
			t.Errorf("after %v: got %v, want %v", step.after, got, step.want)
		}
	}
}

func TestKeysAreListedWithoutTheirSecret(t *testing.T) {
	s, _, who, token := seeded(t)
	second := ok(s.CreateKey(t.Context(), who.User.ID, " CI "))(t)
	keys := ok(s.Keys(t.Context(), who.User.ID))(t)
	if len(keys) != 2 || keys[1].ID != second.ID || keys[1].Name != "CI" {
		t.Fatalf("got %+v, want the seeded key, then CI", keys)
	}
	secretText := second.Secret.Reveal()
	if len(secretText) != 3+32+6 || !strings.HasPrefix(secretText, "mw_") || secretText == token {
		t.Errorf("got a key of %d characters", len(secretText))
	}
	if want := "mw_" + secretText[3:7] + "…" + secretText[len(secretText)-4:]; second.Display != want {
		t.Errorf("got %q, want %q", second.Display, want)
	}
	var stored string
	if err := s.DB.Read().QueryRowContext(t.Context(), `SELECT group_concat(hash || name || display) FROM api_keys`).Scan(&stored); err != nil ||
		strings.Contains(stored, secretText) || strings.Contains(stored, secretText[3:20]) {
		t.Errorf("the key is stored: %v", err)
	}
	renamed := ok(s.RenameKey(t.Context(), who.User.ID, second.ID, "CI 2"))(t)
	if again := ok(s.Keys(t.Context(), who.User.ID))(t); renamed.Name != "CI 2" || again[0].Name != keys[0].Name {
		t.Errorf("got %q and %q, want only the second renamed to CI 2", again[0].Name, renamed.Name)
	}
	_, err := s.CreateKey(t.Context(), who.User.ID, " \n")
	wantKind(t, "a key without a name", err, errs.Invalid)
	_, err = s.CreateKey(t.Context(), "nobody", "x")
	wantKind(t, "a key for nobody", err, errs.NotFound)
}

// Foreign things and things that do not exist must look the same.
func TestForeignIsByteIdenticalToAbsent(t *testing.T) {
	s, _, who, _ := seeded(t)
	other, _ := guest(t, s, who)
	plain := ok(s.CreateUser(t.Context(), who, tenant.User{Email: "plain@example.org"}))(t)
	plainKey := ok(s.CreateKey(t.Context(), plain.ID, "plain"))(t)
	caller := ok(s.Authenticate(t.Context(), plainKey.Secret.Reveal()))(t)
	foreignKey := ok(s.CreateKey(t.Context(), other.User.ID, "theirs"))(t)
	name := "x"
	for _, c := range []struct {
		name    string
		foreign string
		call    func(id string) error
	}{
		{"organization", other.OrganizationID, func(id string) error { _, err := s.Organization(t.Context(), caller, id); return err }},
		{"organization update", other.OrganizationID, func(id string) error {
			_, err := s.UpdateOrganization(t.Context(), caller, id, tenant.OrganizationChange{Name: &name})
			return err
		}},
		{"organization delete", other.OrganizationID, func(id string) error { _, err := s.DeleteOrganization(t.Context(), caller, id); return err }},
		{"team", other.TeamIDs[0], func(id string) error { _, err := s.Team(t.Context(), caller, id); return err }},
		{"team update", other.TeamIDs[0], func(id string) error {
			_, err := s.UpdateTeam(t.Context(), caller, id, tenant.TeamChange{Name: &name})
			return err
		}},
		{"team delete", other.TeamIDs[0], func(id string) error { _, err := s.DeleteTeam(t.Context(), caller, id); return err }},
		{"memberships", other.TeamIDs[0], func(id string) error { _, err := s.Memberships(t.Context(), caller, id); return err }},
		{"membership", other.TeamIDs[0], func(id string) error {
			_, err := s.SetMembership(t.Context(), caller, tenant.Membership{TeamID: id, UserID: caller.User.ID, Role: "admin"})
			return err
		}},
		{"users", other.OrganizationID, func(id string) error { _, err := s.Users(t.Context(), caller, id); return err }},
		{"user", other.User.ID, func(id string) error { _, err := s.User(t.Context(), caller, id); return err }},
		{"user by email", "guest@example.org", func(id string) error { _, err := s.UserByEmail(t.Context(), caller, id); return err }},
		{"user update", other.User.ID, func(id string) error {
			_, err := s.UpdateUser(t.Context(), caller, id, tenant.UserChange{Name: &name})
			return err
		}},
		{"user delete", other.User.ID, func(id string) error { _, err := s.DeleteUser(t.Context(), caller, id); return err }},
		{"key rename", foreignKey.ID, func(id string) error { _, err := s.RenameKey(t.Context(), caller.User.ID, id, "x"); return err }},
		{"key disable", foreignKey.ID, func(id string) error { _, err := s.EnableKey(t.Context(), caller.User.ID, id, false); return err }},
		{"key delete", foreignKey.ID, func(id string) error { _, err := s.DeleteKey(t.Context(), caller.User.ID, id); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			foreign, absent := c.call(c.foreign), c.call("018f0000-0000-7000-8000-000000000000")
			wantKind(t, "foreign", foreign, errs.NotFound)
			wantKind(t, "absent", absent, errs.NotFound)
			if got, want := errs.Public(foreign), errs.Public(absent); got != want {
				t.Errorf("got %q for foreign, %q for absent", got, want)
			}
		})
	}
	ok(s.Authenticate(t.Context(), foreignKey.Secret.Reveal()))(t) // it was neither disabled nor deleted
}

func TestRolesLimitWhatACallerMayDo(t *testing.T) {
	s, _, who, _ := seeded(t)
	team := who.TeamIDs[0]
	other, otherKey := guest(t, s, who)
	ok(s.SetMembership(t.Context(), who, tenant.Membership{TeamID: team, UserID: other.User.ID, Role: tenant.Viewer}))(t)
	other = ok(s.Authenticate(t.Context(), otherKey))(t)
	name := "taken over"
	if teams := ok(s.Teams(t.Context(), other, ""))(t); len(teams) != 2 || teams[0].ID != team {
		t.Errorf("a guest sees %v, want the older team, then its own", teams)
	}
	_, err := s.UpdateOrganization(t.Context(), other, who.OrganizationID, tenant.OrganizationChange{Name: &name})
	wantKind(t, "a guest renames the organisation", err, errs.Denied)
	_, err = s.UpdateUser(t.Context(), other, who.User.ID, tenant.UserChange{Email: &name})
	wantKind(t, "a guest changes its host", err, errs.Denied)
	_, err = s.UpdateTeam(t.Context(), other, team, tenant.TeamChange{Name: &name})
	wantKind(t, "a viewer renames the team", err, errs.Denied)
	_, err = s.SetMembership(t.Context(), other, tenant.Membership{TeamID: team, UserID: other.User.ID, Role: tenant.Admin})
	wantKind(t, "a viewer promotes itself", err, errs.Denied)
	wantKind(t, "a viewer changes things", other.MayChange(team), errs.Denied)
	if err := who.MayChange(team); err != nil {
		t.Errorf("an admin changes things: %v", err)
	}
	admin := tenant.Admin
	member := ok(s.CreateUser(t.Context(), who, tenant.User{Email: "m@example.org"}))(t)
	key := ok(s.CreateKey(t.Context(), member.ID, "m"))(t)
	caller := ok(s.Authenticate(t.Context(), key.Secret.Reveal()))(t)
	_, err = s.UpdateUser(t.Context(), caller, member.ID, tenant.UserChange{Role: &admin})
	wantKind(t, "a member promotes itself", err, errs.Denied)
	_, err = s.CreateUser(t.Context(), caller, tenant.User{Email: "n@example.org"})
	wantKind(t, "a member makes users", err, errs.Denied)
	renamed := ok(s.UpdateUser(t.Context(), caller, member.ID, tenant.UserChange{Name: &name}))(t)
	if renamed.Name != name {
		t.Errorf("own name: got %q", renamed.Name)
	}
}

func TestNobodyLocksThemselvesOut(t *testing.T) {
	s, _, who, _ := seeded(t)
	_, err := s.DeleteOrganization(t.Context(), who, who.OrganizationID)
	wantKind(t, "own organisation", err, errs.Conflict)
	_, err = s.DeleteTeam(t.Context(), who, who.TeamIDs[0])
	wantKind(t, "only team", err, errs.Conflict)
	_, err = s.DeleteUser(t.Context(), who, who.User.ID)
	wantKind(t, "self", err, errs.Conflict)
	_, err = s.DeleteMembership(t.Context(), who, who.TeamIDs[0], who.User.ID)
	wantKind(t, "last admin", err, errs.Conflict)
	_, err = s.SetMembership(t.Context(), who, tenant.Membership{TeamID: who.TeamIDs[0], UserID: who.User.ID, Role: tenant.Viewer})
	wantKind(t, "last admin's role", err, errs.Conflict)
}

func TestCreateChangeDelete(t *testing.T) {
	s, c, who, token := seeded(t)
	c.now = c.now.Add(time.Hour)
	name, text := "Renamed", "About"
	org := ok(s.CreateOrganization(t.Context(), who, tenant.Organization{Name: "Second"}))(t)
	org = ok(s.UpdateOrganization(t.Context(), who, org.ID, tenant.OrganizationChange{Name: &name, Description: &text}))(t)
	if diff := cmp.Diff(ok(s.Organization(t.Context(), who, org.ID))(t), org); diff != "" || org.Description != text {
		t.Errorf("organisation (-got +want):\n%s", diff)
	}
	team := ok(s.CreateTeam(t.Context(), who, tenant.Team{Name: "Second team"}))(t)
	who = ok(s.Authenticate(t.Context(), token))(t)
	if len(who.TeamIDs) != 2 || who.TeamIDs[1] != team.ID {
		t.Fatalf("got teams %v, want the new one last", who.TeamIDs)
	}
	team = ok(s.UpdateTeam(t.Context(), who, team.ID, tenant.TeamChange{Name: &name, OrganizationID: &org.ID}))(t)
	if diff := cmp.Diff(ok(s.Teams(t.Context(), who, org.ID))(t), []tenant.Team{team}); diff != "" {
		t.Errorf("moved team (-got +want):\n%s", diff)
	}
	user := ok(s.CreateUser(t.Context(), who, tenant.User{Email: "u@example.org", Metadata: []byte(`{"a":1}`)}))(t)
	_, err := s.CreateUser(t.Context(), who, tenant.User{Email: "u@example.org"})
	wantKind(t, "the same address again", err, errs.Conflict)
	ok(s.SetMembership(t.Context(), who, tenant.Membership{TeamID: team.ID, UserID: user.ID, Role: tenant.Member}))(t)
	if members := ok(s.Memberships(t.Context(), who, team.ID))(t); len(members) != 2 || members[1].Role != tenant.Member {
		t.Errorf("got %v, want two members", members)
	}
	ok(s.DeleteMembership(t.Context(), who, team.ID, user.ID))(t)
	if diff := cmp.Diff(ok(s.UserByEmail(t.Context(), who, "u@example.org"))(t), user); diff != "" {
		t.Errorf("user (-got +want):\n%s", diff)
	}
	if deleted := ok(s.DeleteTeam(t.Context(), who, team.ID))(t); deleted.DeletedAt == nil {
		t.Error("a deleted team has no time of deletion")
	}
	ok(s.DeleteOrganization(t.Context(), who, org.ID))(t)
	_, err = s.Organization(t.Context(), who, org.ID)
	wantKind(t, "a deleted organisation", err, errs.NotFound)
	if who = ok(s.Authenticate(t.Context(), token))(t); len(who.TeamIDs) != 1 {
		t.Errorf("got teams %v, want only the first", who.TeamIDs)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	s, _, who, _ := seeded(t)
	for _, name := range []string{"", "  ", "a\x00b", "two\nlines", "\xff", strings.Repeat("x", 201)} {
		_, err := s.CreateTeam(t.Context(), who, tenant.Team{Name: name})
		wantKind(t, "team "+name, err, errs.Invalid)
	}
	for _, u := range []tenant.User{{Email: "no address"}, {Email: "A <a@b.c>"}, {Email: "a@b.c", Role: "root"}, {Email: "a@b.c", Metadata: []byte("[]")}, {Email: "a@b.c", Metadata: []byte("null")}} {
		_, err := s.CreateUser(t.Context(), who, u)
		wantKind(t, u.Email, err, errs.Invalid)
	}
}
