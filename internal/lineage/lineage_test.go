package lineage_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/lineage"
	"millwright/internal/meta/metatest"
)

// world has a project p with the objects request, pages, parquet, other and orphan.
func world(t *testing.T) *lineage.Store {
	t.Helper()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p")
	s := &lineage.Store{DB: db, Now: time.Now}
	for _, id := range []string{"request", "pages", "parquet", "other", "orphan"} {
		object(t, s, id)
	}
	return s
}

func object(t *testing.T, s *lineage.Store, id string) {
	t.Helper()
	if _, err := s.DB.Write().ExecContext(t.Context(), `
		INSERT INTO data_objects (id, project_id, bucket, key, file_type, file_role, mime_type, file_size, created_at, updated_at)
		VALUES (?, 'p', 'local', ?, '', '', '', 0, 0, 0)`, id, id); err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, s *lineage.Store, from, to string) {
	t.Helper()
	e := lineage.Edge{ID: from + ">" + to, ProjectID: "p", DownstreamID: to, Transformation: "make_" + to}
	if from != "" {
		e.UpstreamID = &from
	}
	if err := s.AddTx(t.Context(), s.DB.Write(), e); err != nil {
		t.Fatal(err)
	}
}

func ids(t *testing.T, edges []lineage.Edge, err error) []string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, e := range edges {
		all = append(all, e.ID)
	}
	return all
}

func TestWalks(t *testing.T) {
	s := world(t)
	for _, e := range [][2]string{{"", "request"}, {"request", "pages"}, {"pages", "parquet"}, {"request", "parquet"}, {"parquet", "other"}} {
		add(t, s, e[0], e[1])
	}
	up := func(id string, depth int) []string {
		edges, err := s.Up(t.Context(), id, depth)
		return ids(t, edges, err)
	}
	down := func(id string, depth int) []string {
		edges, err := s.Down(t.Context(), id, depth)
		return ids(t, edges, err)
	}
	for _, tt := range []struct {
		rule      string
		got, want []string
	}{
		{"up all the way, each edge once", up("parquet", 0), []string{"pages>parquet", "request>parquet", ">request", "request>pages"}},
		{"up one step", up("parquet", 1), []string{"pages>parquet", "request>parquet"}},
		{"up two steps", up("other", 2), []string{"parquet>other", "pages>parquet", "request>parquet"}},
		{"up from what came from outside", up("request", 0), []string{">request"}},
		{"up from what nothing is known of", up("orphan", 0), []string{}},
		{"up from nowhere", up("no", 0), []string{}},
		{"down all the way", down("request", 0), []string{"request>pages", "request>parquet", "pages>parquet", "parquet>other"}},
		{"down one step", down("request", 1), []string{"request>pages", "request>parquet"}},
		{"down from the end", down("other", 0), []string{}},
		{"down from nowhere is not down from outside", down("", 0), []string{}},
	} {
		if d := cmp.Diff(tt.want, tt.got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, d)
		}
	}
	edges, err := s.ByProject(t.Context(), "p")
	if got := ids(t, edges, err); len(got) != 5 || edges[0].ID != ">request" || edges[0].UpstreamID != nil ||
		string(edges[0].Metadata) != `{}` || edges[0].CreatedAt.IsZero() || *edges[1].UpstreamID != "request" {
		t.Errorf("ByProject: %+v", edges)
	}
}

func TestAWalkIsLongWideAndEnds(t *testing.T) {
	s := world(t)
	const n = 1200 // more than one query asks about
	for i := range n {
		id := fmt.Sprint("leaf", i)
		object(t, s, id)
		add(t, s, "request", id)
		add(t, s, id, "parquet")
	}
	add(t, s, "parquet", "request") // a cycle
	edges, err := s.Down(t.Context(), "request", 0)
	if got := ids(t, edges, err); len(got) != 2*n+1 {
		t.Errorf("got %d edges, want %d", len(got), 2*n+1)
	}
}

func TestAddRefuses(t *testing.T) {
	s := world(t)
	add(t, s, "", "request")
	request, no := "request", "no"
	for rule, c := range map[string]struct {
		e    lineage.Edge
		want errs.Kind
	}{
		"an id that is taken":      {lineage.Edge{ID: ">request", ProjectID: "p", DownstreamID: "pages", Transformation: "x"}, errs.Conflict},
		"an unknown object":        {lineage.Edge{ID: "e", ProjectID: "p", DownstreamID: "no", Transformation: "x"}, errs.NotFound},
		"an unknown origin":        {lineage.Edge{ID: "e", ProjectID: "p", UpstreamID: &no, DownstreamID: "pages", Transformation: "x"}, errs.NotFound},
		"an object made of itself": {lineage.Edge{ID: "e", ProjectID: "p", UpstreamID: &request, DownstreamID: "request", Transformation: "x"}, errs.Internal},
		"no transformation":        {lineage.Edge{ID: "e", ProjectID: "p", DownstreamID: "pages"}, errs.Internal},
	} {
		if err := s.AddTx(t.Context(), s.DB.Write(), c.e); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", rule, err, c.want)
		}
	}
}
