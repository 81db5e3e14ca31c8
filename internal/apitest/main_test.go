package apitest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millwright/internal/app"
	"millwright/internal/meta"
	"millwright/internal/secret"
	"millwright/internal/tenant"
)

// records is how many the sample API has: more than one page of rows, and odd.
const records = 1037

// secretToken is what the sample API wants; it must never be seen again.
const secretToken = "canary-token-7f3a91"

// A person is a key and who it belongs to.
type person struct{ key, userID, teamID string }

// A world is a running server with what tests ask it about.
type world struct {
	url      string // of the server
	upstream string // of the sample API

	owner     person // admin of the first team; all things below are the owner's
	viewer    person // may look at the same team
	colleague person // admin of another team of the same organisation
	stranger  person // admin of a team of another organisation
	guest     person // may look at the first team, and is a member of the colleague's
	disabled  string // a key of the owner that is switched off
	revoked   string // a key of the owner that was deleted

	ids map[string]string // "project", "datasource", ...: what the owner has
}

// shared is the world of all tests of this folder: it takes seconds to make.
// Tests that change things make their own things in it.
var shared *world

func TestMain(m *testing.M) {
	if app.ServedAsWorker() {
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "millwright-api-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	sample := httptest.NewServer(http.HandlerFunc(serveSample))
	defer sample.Close()
	w, stopped, err := begin(ctx, dir, sample.URL)
	if err == nil {
		shared = w
		err = w.furnish()
	}
	if err == nil {
		code = m.Run()
	}
	cancel()
	if stopped != nil {
		err = errors.Join(err, <-stopped)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the server under test:", err)
		return 1
	}
	return code
}

// maxUpload is small, so that a test can send more.
const maxUpload = 4 << 20

// serveSample is an API with one table of records, in pages of 500.
func serveSample(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/hang") {
		<-r.Context().Done()
		return
	}
	if r.URL.Path == "/table.csv" {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = fmt.Fprint(w, "id,name\n1,a\n2,b\n")
		return
	}
	if r.URL.Path == "/broken" || r.Header.Get("Authorization") != "Bearer "+secretToken {
		http.Error(w, `{"message":"no"}`, http.StatusForbidden)
		return
	}
	if r.URL.Path == "/baskets" {
		serveBaskets(w)
		return
	}
	page, size := 1, 500
	if text := r.URL.Query().Get("page"); text != "" {
		_, _ = fmt.Sscan(text, &page)
	}
	rows := []map[string]any{}
	for i := (page - 1) * size; i < min(page*size, records); i++ {
		rows = append(rows, map[string]any{"id": i, "city": []string{"Kiel", "Lyon", "Oslo"}[i%3], "amount": float64(i) / 4,
			"day": time.Date(2025, 1, 1+i%90, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "note": nil})
	}
	if page*size < records {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, page+1))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(rows)
}

// serveBaskets has 20 records, each with two objects in an array.
func serveBaskets(w http.ResponseWriter) {
	rows := []map[string]any{}
	for i := range 20 {
		rows = append(rows, map[string]any{"basket_id": 100 + i, "order_id": i / 2, "shop": []string{"north", "south"}[i%2],
			"items": []map[string]any{{"sku": "a", "n": 2}, {"sku": fmt.Sprint("b", i%5), "n": 1}}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(rows)
}

// begin makes the data folder with its people and starts the server on it.
func begin(ctx context.Context, dir, upstream string) (*world, <-chan error, error) {
	w := &world{upstream: upstream, ids: map[string]string{}}
	w.owner.key = "mw-api-test-owner-0123456789"
	config := app.Config{Addr: "127.0.0.1:0", Data: dir, AllowCIDRs: []string{"127.0.0.0/8"}, APIKey: secret.New(w.owner.key), Workers: 2, Grace: 5 * time.Second, MaxUpload: maxUpload}
	a, err := app.Build(ctx, config, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, err
	}
	if err := a.Close(); err != nil {
		return nil, nil, err
	}
	if err := w.populate(ctx, filepath.Join(dir, "meta.db")); err != nil {
		return nil, nil, err
	}
	if a, err = app.Build(ctx, config, slog.New(slog.DiscardHandler)); err != nil {
		return nil, nil, err
	}
	stopped, serving := make(chan error, 1), make(chan net.Addr, 1)
	go func() { stopped <- a.Run(ctx, func(addr net.Addr) { serving <- addr }) }()
	select {
	case addr := <-serving:
		w.url = "http://" + addr.String()
		return w, stopped, nil
	case err := <-stopped:
		return nil, nil, err
	}
}

// populate adds people, for which the API has no operations yet.
func (w *world) populate(ctx context.Context, path string) (err error) {
	db, err := meta.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &tenant.Store{DB: db, Now: time.Now}
	owner, err := s.First(ctx)
	if err != nil {
		return err
	}
	w.owner.userID, w.owner.teamID = owner.User.ID, owner.TeamIDs[0]
	w.ids["org"], w.ids["team"] = owner.OrganizationID, owner.TeamIDs[0]
	if w.viewer, err = hire(ctx, s, owner, "viewer", tenant.Team{ID: w.owner.teamID}, tenant.Viewer); err != nil {
		return err
	}
	other, err := s.CreateTeam(ctx, owner, tenant.Team{Name: "Other team"})
	if err != nil {
		return err
	}
	if owner, err = s.First(ctx); err != nil {
		return err
	}
	if w.colleague, err = hire(ctx, s, owner, "colleague", other, tenant.Admin); err != nil {
		return err
	}
	if w.guest, err = hire(ctx, s, owner, "guest", tenant.Team{ID: w.owner.teamID}, tenant.Viewer); err != nil {
		return err
	}
	if _, err := s.SetMembership(ctx, owner, tenant.Membership{UserID: w.guest.userID, TeamID: other.ID, Role: tenant.Member}); err != nil {
		return err
	}
	org, err := s.CreateOrganization(ctx, owner, tenant.Organization{Name: "Elsewhere"})
	if err != nil {
		return err
	}
	far, err := s.CreateTeam(ctx, owner, tenant.Team{Name: "Far team", OrganizationID: org.ID})
	if err != nil {
		return err
	}
	if owner, err = s.First(ctx); err != nil {
		return err
	}
	if w.stranger, err = hire(ctx, s, owner, "stranger", far, tenant.Admin); err != nil {
		return err
	}
	for _, team := range []string{other.ID, far.ID} {
		if _, err := s.DeleteMembership(ctx, owner, team, owner.User.ID); err != nil {
			return err
		}
	}
	return nil
}

// hire makes a user with a key in the team.
func hire(ctx context.Context, s *tenant.Store, by tenant.Identity, name string, team tenant.Team, role string) (person, error) {
	u, err := s.CreateUser(ctx, by, tenant.User{Email: name + "@example.com", Name: name, Role: tenant.Member, OrganizationID: team.OrganizationID})
	if err != nil {
		return person{}, err
	}
	if _, err := s.SetMembership(ctx, by, tenant.Membership{UserID: u.ID, TeamID: team.ID, Role: role}); err != nil {
		return person{}, err
	}
	key, err := s.CreateKey(ctx, u.ID, name)
	return person{key.Secret.Reveal(), u.ID, team.ID}, err
}

// furnish makes the owner's things over the API, as a client would.
func (w *world) furnish() error {
	c := &client{url: w.url, key: w.owner.key}
	project := c.object("GET", "/v1/projects", nil).at(0)
	w.ids["project"] = project.text("id")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "Orders", "project_id": w.ids["project"], "type": "http-requests"})
	w.ids["datasource"] = d.text("id")
	w.ids["credential"] = c.object("POST", "/v1/credentials", map[string]any{"name": "Credentials for Orders", "type": "api", "team_id": w.ids["team"],
		"datasource_id": w.ids["datasource"], "config": map[string]any{"url": w.upstream, "auth": map[string]any{"bearerToken": secretToken}}}).text("id")
	w.ids["secret"] = c.object("POST", "/v1/secrets/"+w.ids["team"], map[string]any{"name": "SHOP_TOKEN", "type": "api_key", "value": secretToken,
		"origins": []string{w.upstream}}).text("id")
	started := c.object("POST", "/v1/http/execute-request", w.execution(w.ids["project"], w.ids["datasource"], "/orders"))
	w.ids["job"], w.ids["object"] = started.get("jobs").at(0).text("id"), started.text("data_object_id")
	for _, j := range started.get("jobs").list() {
		if end := c.follow(j.text("id")); end.text("status") != "completed" && c.err == nil {
			return fmt.Errorf("%s: %s", j.text("job_type"), end)
		}
	}
	// Paused: no run of it may come in the way of a test.
	c.object("PUT", "/v1/datasources/"+w.ids["datasource"]+"/schedule", map[string]any{"cron": "0 6 * * *", "time_zone": "Europe/Berlin", "paused": true})
	w.ids["upload"] = c.object("POST", "/v1/uploads/"+w.ids["project"], map[string]any{"name": "a.csv"}).text("id")
	w.ids["dataline"] = c.object("GET", "/v1/datalines/project/"+w.ids["project"], nil).at(0).text("id")
	programs := c.object("GET", "/v1/queryprograms?project_id="+w.ids["project"], nil)
	w.ids["program"], w.ids["published"] = programs.at(0).text("id"), programs.at(1).text("id")
	c.object("PATCH", "/v1/queryprograms/"+w.ids["published"]+"/publish", map[string]any{})
	api := c.object("GET", "/v1/apis/project/"+w.ids["project"], nil).at(0)
	w.ids["api"], w.ids["slug"] = api.text("id"), api.text("slug")
	w.ids["endpoint"], w.ids["path"] = api.get("endpoints").at(0).text("id"), api.get("endpoints").at(0).text("path")
	w.furnishClients(c)
	w.ids["key"] = c.object("POST", "/v1/authentication/api-key", map[string]any{"name": "another"}).at(0).text("id")
	off := c.object("POST", "/v1/authentication/api-key", map[string]any{"name": "off"})
	w.disabled = off.at(1).string()
	c.object("PATCH", "/v1/authentication/api-key/"+off.at(0).text("id")+"/disable", map[string]any{})
	gone := c.object("POST", "/v1/authentication/api-key", map[string]any{"name": "gone"})
	w.revoked = gone.at(1).string()
	c.object("DELETE", "/v1/authentication/api-key/"+gone.at(0).text("id"), nil)
	return c.err
}

// execution is the body of an execute-request to a path of the sample API.
func (w *world) execution(project, datasource, path string) map[string]any {
	return map[string]any{"project_id": project, "datasource_id": datasource, "url": w.upstream + path, "method": "GET",
		"authType": "Bearer Token", "auth": map[string]any{"bearerToken": secretToken}}
}

// newProject makes a project for one test.
func (w *world) newProject(t *testing.T, name string) (*client, string) {
	c := w.client(t, w.owner.key)
	return c, c.object("POST", "/v1/projects", map[string]any{"name": name}).text("id")
}

func (w *world) client(t *testing.T, key string) *client {
	return &client{t: t, url: w.url, key: key}
}

// documentOnce reads the served document once for all tests.
var documentOnce = sync.OnceValue(func() node {
	c := &client{url: shared.url}
	return c.object("GET", "/openapi.json", nil)
})
