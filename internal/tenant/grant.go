package tenant

import (
	"slices"
	"strconv"
	"strings"

	"millwright/internal/errs"
)

// The scopes of a key. None holds another.
const (
	ScopeRead  = "read"  // look at what there is
	ScopeRun   = "run"   // run programs and SQL, call what is published
	ScopeWrite = "write" // change what there is, and make requests to other APIs
	ScopeAdmin = "admin" // manage keys, people, teams and organisations
)

// Scopes returns every scope, the mildest first.
func Scopes() []string { return []string{ScopeRead, ScopeRun, ScopeWrite, ScopeAdmin} }

// maxRate bounds what a key may be allowed; more is as good as no limit.
const maxRate = 1_000_000

// A Grant is what a key may be used for. It narrows what its user may do and
// never widens it.
type Grant struct {
	Scopes        []string // in the order of [Scopes]
	ProjectID     string   // the only project that the key sees; "" for all of its user's
	RatePerMinute int      // requests; 0 for the server's default
}

// MayUse fails with errs.Denied unless the grant holds the scope.
func (g Grant) MayUse(scope string) error {
	if slices.Contains(g.Scopes, scope) {
		return nil
	}
	has := "none"
	if len(g.Scopes) > 0 {
		has = strings.Join(g.Scopes, ", ")
	}
	return errs.New(errs.Denied, "this takes a key with the scope %q, and this key has %s", scope, has).Named("scope-missing").
		Fix("make such a key with: millwright keys create NAME --scope " + strings.Join(append(slices.Clone(g.Scopes), scope), " --scope "))
}

// Narrow returns the part of the grant that has one of the scopes and is about the
// project; no scopes and no project narrow nothing. It fails with errs.NotFound for
// a project other than the grant's own.
func (g Grant) Narrow(scopes []string, projectID string) (Grant, error) {
	g.Scopes = slices.Clone(g.Scopes)
	if len(scopes) > 0 {
		g.Scopes = slices.DeleteFunc(g.Scopes, func(s string) bool { return !slices.Contains(scopes, s) })
	}
	switch {
	case projectID == "":
	case g.ProjectID != "" && g.ProjectID != projectID:
		return Grant{}, noSuch("project")
	default:
		g.ProjectID = projectID
	}
	return g, nil
}

// full is the grant of a key that may do all that its user may.
func full() Grant { return Grant{Scopes: Scopes()} }

// checked returns the grant with every scope once and in order; all of them if it
// names none. A key can make no key that may do more than it may itself.
func (g Grant) checked(by Grant) (Grant, error) {
	if len(g.Scopes) == 0 {
		g.Scopes = by.Scopes
	}
	for i, name := range g.Scopes {
		at := "/scopes/" + strconv.Itoa(i)
		if !slices.Contains(Scopes(), name) {
			return Grant{}, errs.New(errs.Invalid, "there is no scope %q", name).Named("scope-unknown").At(at).
				Fix("use some of: " + strings.Join(Scopes(), ", "))
		}
		if err := by.MayUse(name); err != nil {
			return Grant{}, errs.New(errs.Denied, "a key can give no scope that it does not have itself, such as %q", name).Named("scope-missing").At(at)
		}
	}
	g.Scopes = slices.DeleteFunc(Scopes(), func(s string) bool { return !slices.Contains(g.Scopes, s) })
	if g.RatePerMinute < 0 || g.RatePerMinute > maxRate {
		return Grant{}, errs.New(errs.Invalid, "the rate is not a number of requests per minute").Named("rate-invalid").At("/rate_per_minute").
			Fix("use 1 to 1000000, or 0 for the server's default")
	}
	if g.RatePerMinute == 0 {
		g.RatePerMinute = by.RatePerMinute
	}
	if by.RatePerMinute > 0 && g.RatePerMinute > by.RatePerMinute {
		return Grant{}, errs.New(errs.Denied, "a key can give no higher rate than its own, %d a minute", by.RatePerMinute).Named("rate-invalid").At("/rate_per_minute")
	}
	narrowed, err := by.Narrow(nil, g.ProjectID)
	if err != nil {
		return Grant{}, errs.New(errs.NotFound, "no such project").At("/project_id").Because(err)
	}
	g.ProjectID = narrowed.ProjectID
	return g, nil
}
