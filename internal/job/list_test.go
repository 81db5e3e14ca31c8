package job_test

import (
	"errors"
	"strconv"
	"testing"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

func TestListFilters(t *testing.T) {
	t.Parallel()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p1", "p2")
	r := newRunner(t, db, map[string]job.Handler{"a": nothing, "b": nothing}, job.Config{})
	for i, n := range []job.NewJob{
		{Type: "a", ProjectID: "p1", Source: "datasource", SourceID: "d1", SourceEventType: "http_connection"},
		{Type: "b", ProjectID: "p1", Source: "datasource", SourceID: "d1", SourceEventType: "file_upload", ParentID: "0"},
		{Type: "a", ProjectID: "p2", Source: "datasource", SourceID: "d2", UserID: "u"},
		{Type: "a"},
	} {
		n.ID = strconv.Itoa(i)
		submit(t, r, n)
	}
	if err := r.Cancel(t.Context(), "3"); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		rule   string
		filter job.Filter
		want   []job.ID
	}{
		{"all, the newest first", job.Filter{}, []job.ID{"3", "2", "1", "0"}},
		{"the oldest first", job.Filter{OldestFirst: true}, []job.ID{"0", "1", "2", "3"}},
		{"of a project", job.Filter{ProjectIDs: []string{"p1"}}, []job.ID{"1", "0"}},
		{"of projects", job.Filter{ProjectIDs: []string{"p1", "p2"}}, []job.ID{"2", "1", "0"}},
		{"of no project", job.Filter{ProjectIDs: []string{}}, nil},
		{"of a type", job.Filter{Type: "b"}, []job.ID{"1"}},
		{"with a status", job.Filter{Status: job.Canceled}, []job.ID{"3"}},
		{"of a user", job.Filter{UserID: "u"}, []job.ID{"2"}},
		{"of a parent", job.Filter{ParentID: "0"}, []job.ID{"1"}},
		{"about a source, with an event", job.Filter{SourceID: "d1", SourceEventType: "file_upload"}, []job.ID{"1"}},
		{"a page", job.Filter{Skip: 1, Take: 2}, []job.ID{"2", "1"}},
		{"past the end", job.Filter{Skip: 9}, nil},
	} {
		jobs, err := r.List(t.Context(), tt.filter)
		if err != nil {
			t.Fatalf("%s: %v", tt.rule, err)
		}
		var got []job.ID
		for _, j := range jobs {
			got = append(got, j.ID)
		}
		diff(t, tt.rule, got, tt.want)
	}
	about, err := r.BySource(t.Context(), "datasource", "d1", "", 0, 0)
	if err != nil || len(about) != 2 || about[0].ID != "0" {
		t.Errorf("BySource: %+v, %v", about, err)
	}
	if _, err := r.Get(t.Context(), "no"); !errors.Is(err, errs.NotFound) {
		t.Errorf("Get: %v", err)
	}
	if _, err := r.History(t.Context(), "no"); !errors.Is(err, errs.NotFound) {
		t.Errorf("History: %v", err)
	}
}
