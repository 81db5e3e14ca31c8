package publish_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/meta/metatest"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/publish"
)

// A desk is a service with a project "p" and programs in it, and a clock.
type desk struct {
	*publish.Service
	t   *testing.T
	now time.Time
	ids []string // of programs
}

// newDesk makes a desk; its programs select their own number.
func newDesk(t *testing.T, programs int) *desk {
	t.Helper()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p", "other")
	d := &desk{t: t, now: time.Date(2026, 5, 1, 12, 30, 0, 0, time.UTC), Service: service(t, 10)}
	clock := func() time.Time { return d.now }
	d.DB, d.Now, d.Programs = db, clock, &store.Store{DB: db, Now: clock}
	for i := range programs {
		r, err := d.Programs.Create(t.Context(), store.Record{ProjectID: "p", Program: program.Program{Name: "Number", SQL: fmt.Sprintf("SELECT %d AS n", i)}})
		if err != nil {
			t.Fatal(err)
		}
		d.ids = append(d.ids, r.ID)
	}
	return d
}

func (d *desk) publish(program string) publish.Endpoint {
	d.t.Helper()
	_, e, err := d.Publish(d.t.Context(), "p", program, "u")
	if err != nil {
		d.t.Fatal(err)
	}
	return e
}

func (d *desk) summary(id string) publish.Summary {
	d.t.Helper()
	all, err := d.Summary(d.t.Context(), []string{id}, time.Time{})
	if err != nil {
		d.t.Fatal(err)
	}
	return all[id]
}

func TestAllCallsAreCountedAndTheNewestKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	e, other := d.publish(d.ids[0]), d.publish(d.ids[1])
	if e.Path != "number" || other.Path != "number-2" || other.Name != "number_2" {
		t.Errorf("two programs of one name are %q and %q", e.Path, other.Path)
	}
	for i := range 2500 {
		u := publish.Use{EndpointID: e.ID, At: d.now.Add(time.Duration(i) * time.Second), Status: 200, Took: time.Millisecond, Rows: 2, Cached: i%5 == 0, UserID: "u", KeyID: "k", Via: "mcp"}
		if i%10 == 0 {
			u.Status, u.ErrorType, u.Rows = 400, "slot-invalid", 0
		}
		d.Used(u)
		if i == 1200 {
			if err := d.FlushUsage(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	sum := d.summary(e.ID)
	last := d.now.Add(2499 * time.Second)
	if sum.P50 < 900*time.Microsecond || sum.P50 > 1100*time.Microsecond {
		t.Errorf("p50 is %v", sum.P50)
	}
	sum.P50, sum.P95 = 0, 0
	if diff := cmp.Diff(sum, publish.Summary{Calls: 2500, Errors: 250, Cached: 500, Rows: 4500, Last: &last}); diff != "" {
		t.Errorf("(-got +want)\n%s", diff)
	}
	calls, err := d.Calls(t.Context(), []string{e.ID, other.ID}, 5000)
	if err != nil || len(calls) != 1000 || !calls[0].At.Equal(last) {
		t.Fatalf("%d calls are kept, %v", len(calls), err)
	}
	want := publish.Use{EndpointID: e.ID, At: last, UserID: "u", KeyID: "k", Via: "mcp", Status: 200, Took: time.Millisecond, Rows: 2}
	if diff := cmp.Diff(calls[0], want); diff != "" {
		t.Errorf("the last call (-got +want)\n%s", diff)
	}
	if got := d.summary(other.ID); got.Calls != 0 || got.Last != nil {
		t.Errorf("of an endpoint that nobody called: %+v", got)
	}
}

func TestWhatCannotBeWrittenIsWrittenTheNextTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	e := d.publish(d.ids[0])
	d.Used(publish.Use{EndpointID: e.ID, Status: 200, Rows: 1})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.FlushUsage(ended); err == nil {
		t.Fatal("written in a context that has ended")
	}
	d.Used(publish.Use{EndpointID: e.ID, Status: 200, Rows: 1})
	if got := d.summary(e.ID); got.Calls != 2 || got.Rows != 2 {
		t.Errorf("counted %+v", got)
	}
	if got := d.summary(e.ID); got.Calls != 2 {
		t.Errorf("counted again: %+v", got)
	}
}

func TestOldUsageIsForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	e := d.publish(d.ids[0])
	for _, days := range []int{0, 31, 370} {
		d.now = d.now.AddDate(0, 0, days)
		d.Used(publish.Use{EndpointID: e.ID, Status: 200})
		if err := d.FlushUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.summary(e.ID); got.Calls != 2 {
		t.Errorf("%d calls are counted of the last 400 days, want 2", got.Calls)
	}
	calls, err := d.Calls(t.Context(), []string{e.ID}, 10)
	if err != nil || len(calls) != 1 {
		t.Errorf("%d calls of the last 30 days, want 1: %v", len(calls), err)
	}
}

func TestUsageOfWhatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2)
	gone, stays := d.publish(d.ids[0]), d.publish(d.ids[1])
	d.Used(publish.Use{EndpointID: gone.ID, Status: 200})
	d.Used(publish.Use{EndpointID: stays.ID, Status: 200})
	if _, _, err := d.DeleteEndpoint(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	if got := d.summary(stays.ID); got.Calls != 1 {
		t.Errorf("%+v", got)
	}
}

func TestManyMayPublishAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 6)
	var all sync.WaitGroup
	for _, id := range slices.Concat(d.ids, d.ids) {
		all.Go(func() {
			if _, _, err := d.Publish(t.Context(), "p", id, "u"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	versions, err := d.Versions(t.Context(), "p")
	if err != nil || len(versions) != 1 || len(versions[0].Live()) != 6 {
		t.Fatalf("%+v, %v", versions, err)
	}
	paths := map[string]bool{}
	for _, e := range versions[0].Live() {
		paths[e.Path] = true
	}
	if len(paths) != 6 {
		t.Errorf("paths %v", paths)
	}
}

func TestAProgramOfAnotherProjectIsNotFound(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	if _, _, err := d.Publish(t.Context(), "other", d.ids[0], "u"); errs.KindOf(err) != errs.NotFound {
		t.Errorf("publish: %v", err)
	}
	if err := d.Unpublish(t.Context(), "other", d.ids[0]); errs.KindOf(err) != errs.NotFound {
		t.Errorf("unpublish: %v", err)
	}
	if list, err := d.APIs(t.Context(), "other"); err != nil || len(list) != 0 {
		t.Errorf("the other project has %+v, %v", list, err)
	}
}

// interfering calls do before it finds tables.
type interfering struct {
	evaluate.Datasets
	do func()
}

func (i interfering) Tables(ctx context.Context, project string, names []string, asOf map[string]int64) (evaluate.Tables, error) {
	i.do()
	return i.Datasets.Tables(ctx, project, names, asOf)
}

// What was looked at must be what is published.
func TestAProgramThatChangesMeanwhileIsNotPublished(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	edits := 0
	d.Evaluator.Datasets = interfering{d.Evaluator.Datasets, func() {
		edits++
		sql := fmt.Sprintf("SELECT %d AS edited", edits)
		if _, err := d.Programs.Update(t.Context(), d.ids[0], store.Change{SQL: &sql}); err != nil {
			t.Error(err)
		}
	}}
	if _, _, err := d.Publish(t.Context(), "p", d.ids[0], "u"); !isType(err, "program-changed") {
		t.Errorf("got %v", err)
	}
	r, err := d.Programs.Get(t.Context(), d.ids[0])
	if err != nil || r.Published {
		t.Errorf("published: %t, %v", r.Published, err)
	}
}

// What Unpublish took away, Publish brings back as it was, in every version.
func TestPublishUndoesUnpublish(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1)
	first := d.publish(d.ids[0])
	sql := "SELECT 'text' AS n"
	if _, err := d.Programs.Update(t.Context(), d.ids[0], store.Change{SQL: &sql}); err != nil {
		t.Fatal(err)
	}
	second := d.publish(d.ids[0])
	if first.APIID == second.APIID {
		t.Fatal("another type of a column opened no version")
	}
	if err := d.Unpublish(t.Context(), "p", d.ids[0]); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1", "v2"} {
		if _, _, err := d.Resolve(t.Context(), "p", version, "number"); !isType(err, "endpoint-unpublished") {
			t.Errorf("%s: %v", version, err)
		}
	}
	again := d.publish(d.ids[0])
	if diff := cmp.Diff(again, second); diff != "" {
		t.Errorf("(-after +before)\n%s", diff)
	}
	if _, e, err := d.Resolve(t.Context(), "p", "v1", "number"); err != nil || e.Program.SQL != "SELECT 0 AS n" || e.Status != publish.Deprecated || e.Sunset == nil {
		t.Errorf("v1 is %+v, %v", e, err)
	}
	if live, err := d.Published(t.Context(), "p"); err != nil || len(live) != 1 || live[0].ID != second.ID {
		t.Errorf("published are %+v, %v", live, err)
	}
}

func isType(err error, name string) bool {
	e, ok := errs.Find(err)
	return ok && e.Type == name
}
