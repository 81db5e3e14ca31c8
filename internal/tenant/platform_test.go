package tenant_test

import (
	"encoding/json"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

func TestAPlatformIsSeenByItsMakerAndThoseOnIt(t *testing.T) {
	s, _, owner, _ := seeded(t)
	other, _ := guest(t, s, owner)
	p := ok(s.CreatePlatform(t.Context(), owner, tenant.Platform{Name: " Europe ", Metadata: json.RawMessage(`{"a":1}`)}))(t)
	if p.Name != "Europe" || string(p.Metadata) != `{"a":1}` {
		t.Errorf("made %+v", p)
	}
	_, err := s.Platform(t.Context(), other, p.ID)
	wantKind(t, "a stranger looks", err, errs.NotFound)
	org := ok(s.UpdateOrganization(t.Context(), owner, other.OrganizationID, tenant.OrganizationChange{PlatformID: &p.ID}))(t)
	if org.PlatformID != p.ID {
		t.Errorf("moved to %q", org.PlatformID)
	}
	if seen := ok(s.Platforms(t.Context(), other))(t); len(seen) != 1 || seen[0].ID != p.ID {
		t.Errorf("who is on it sees %v", seen)
	}
	name := "mine now"
	_, err = s.UpdatePlatform(t.Context(), other, p.ID, tenant.PlatformChange{Name: &name})
	wantKind(t, "who is on it changes it", err, errs.Denied)
	nowhere := "nowhere"
	_, err = s.UpdateOrganization(t.Context(), owner, owner.OrganizationID, tenant.OrganizationChange{PlatformID: &nowhere})
	wantKind(t, "moved to nowhere", err, errs.NotFound)
	_, err = s.CreatePlatform(t.Context(), owner, tenant.Platform{Name: "x", Metadata: json.RawMessage(`[]`)})
	wantKind(t, "metadata that are no object", err, errs.Invalid)

	gone := ok(s.DeletePlatform(t.Context(), owner, p.ID))(t)
	if gone.DeletedAt == nil || len(ok(s.Platforms(t.Context(), owner))(t)) != 0 {
		t.Errorf("deleted: %+v", gone)
	}
	if org := ok(s.Organization(t.Context(), owner, other.OrganizationID))(t); org.PlatformID != "" {
		t.Errorf("its organisation is still on %q", org.PlatformID)
	}
}

func TestTheLastAdminOfAnOrganisationStaysOne(t *testing.T) {
	s, _, owner, _ := seeded(t)
	other, _ := guest(t, s, owner)
	least, elsewhere := tenant.Viewer, other.OrganizationID
	_, err := s.UpdateUser(t.Context(), owner, owner.User.ID, tenant.UserChange{Role: &least})
	wantKind(t, "the role is given up", err, errs.Conflict)
	_, err = s.UpdateUser(t.Context(), owner, owner.User.ID, tenant.UserChange{OrganizationID: &elsewhere})
	wantKind(t, "the admin moves away", err, errs.Conflict)
	ok(s.CreateUser(t.Context(), owner, tenant.User{Email: "second@example.org", Role: tenant.Admin}))(t)
	if u := ok(s.UpdateUser(t.Context(), owner, owner.User.ID, tenant.UserChange{Role: &least}))(t); u.Role != least {
		t.Errorf("with a second admin: %+v", u)
	}
}

func TestASessionIsItsKeysAndEnds(t *testing.T) {
	s, clock, owner, key := seeded(t)
	open := func() tenant.Session {
		session, who, err := s.OpenSession(t.Context(), key)
		if err != nil || who.User.ID != owner.User.ID || session.CSRF == "" {
			t.Fatalf("%+v, %v", session, err)
		}
		return session
	}
	resume := func(session tenant.Session) error {
		again, who, err := s.ResumeSession(t.Context(), session.Token.Reveal())
		if err == nil && (who.KeyID != owner.KeyID || again.CSRF != session.CSRF) {
			t.Errorf("resumed as %+v", who)
		}
		return err
	}
	first, second := open(), open()
	if err := resume(first); err != nil {
		t.Error(err)
	}
	if err := s.EndSession(t.Context(), first.Token.Reveal()); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "after the end", resume(first), errs.Anonymous)
	if err := resume(second); err != nil {
		t.Errorf("another session: %v", err)
	}
	clock.now = clock.now.Add(tenant.SessionLife)
	wantKind(t, "when it is over", resume(second), errs.Anonymous)
	third := open()
	ok(s.EnableKey(t.Context(), owner.User.ID, owner.KeyID, false))(t)
	wantKind(t, "when its key is off", resume(third), errs.Anonymous)
	_, _, err := s.OpenSession(t.Context(), "mw_wrong")
	wantKind(t, "with a wrong key", err, errs.Anonymous)
	_, _, err = s.ResumeSession(t.Context(), "")
	wantKind(t, "without a cookie", err, errs.Anonymous)
}
