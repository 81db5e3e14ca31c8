package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
)

func TestEveryKindOfErrorHasItsExitCode(t *testing.T) {
	t.Parallel()
	want := map[errs.Kind]int{
		errs.Invalid: 2, errs.NotFound: 3, errs.Anonymous: 4, errs.Denied: 4, errs.Upstream: 5,
		errs.Conflict: 1, errs.TooLarge: 1, errs.Busy: 1, errs.Unavailable: 1, errs.Canceled: 1, errs.Internal: 1,
	}
	for _, k := range errs.Kinds() {
		code, known := want[k]
		if got := exitOf(k); !known || got != code {
			t.Errorf("%s: exit code %d, want %d (known: %v)", k, got, code, known)
		}
	}
}

func TestRefusalsOfTheServerKeepTheirKindAndFixes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, text string
		want       errs.Error
	}{
		{"the kind is named, and fixes are said once",
			`{"type":"slot-unknown","title":"invalid","status":400,"detail":"no slot limt (did you mean limit?; see /slots)","fixes":["did you mean limit?","see /slots"],"errors":[{"pointer":"/slots/limt","detail":"unknown"}]}`,
			errs.Error{Kind: errs.Invalid, Type: "slot-unknown", Msg: "no slot limt", Fixes: []string{"did you mean limit?", "see /slots"},
				Fields: []errs.Field{{Pointer: "/slots/limt", Msg: "unknown"}}}},
		{"another server's title says nothing, its status does",
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"no such page"}`,
			errs.Error{Kind: errs.NotFound, Type: "about:blank", Msg: "no such page"}},
	} {
		var r refusal
		if err := json.Unmarshal([]byte(c.text), &r); err != nil {
			t.Fatal(err)
		}
		got, ok := errs.Find(r.asError())
		if !ok {
			t.Fatalf("%s: not classified", c.rule)
		}
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.rule, diff)
		}
	}
}

func TestNamesToTypeAreShortAndUnique(t *testing.T) {
	t.Parallel()
	programs := []programLine{
		{ID: "1", Name: "Orders by status", Tables: []string{"orders"}},
		{ID: "2", Name: "Orders by status", Tables: []string{"orders_2__items"}},
		{ID: "3", Name: "Größe: über/unter 10 %", Tables: []string{"orders"}},
		{ID: "4", Cue: "How many?"},
		{ID: "5", Name: "Twice", Tables: []string{"orders"}},
		{ID: "6", Name: "twice!", Tables: []string{"orders"}},
		{ID: "7", Name: "???", Tables: []string{"orders"}},
	}
	nameAll(programs)
	want := []string{"orders/orders-by-status", "orders_2/orders-by-status", "größe-über-unter-10", "how-many", "5", "6", "7"}
	for i, p := range programs {
		if p.typed != want[i] {
			t.Errorf("%q is typed %q, want %q", p.Name, p.typed, want[i])
		}
		if found, err := find(programs, p.typed, "query run"); err != nil || found.ID != p.ID {
			t.Errorf("%q finds %q: %v", p.typed, found.ID, err)
		}
	}
	if _, err := find(programs, "ORDERS by Status", "query run"); errs.KindOf(err) != errs.Invalid || !strings.Contains(errs.Public(err), "orders_2/orders-by-status") {
		t.Errorf("a name of two: %v", err)
	}
}

func TestTextGivesWayNumbersAndNamesDoNot(t *testing.T) {
	t.Parallel()
	g := grid{Columns: []string{"name", "n", "text"}, Typed: 1, Numeric: map[int]bool{1: true}}
	rows := [][]string{{"a-name-to-type-that-is-long", "123456789012345678", strings.Repeat("word ", 20)}}
	widths, ok := g.fit(g.Columns, rows, 80)
	if want := []int{27, 18, 80 - 27 - 18 - 3*2}; !ok || !cmp.Equal(want, widths) {
		t.Errorf("widths %v (%v), want %v", widths, ok, want)
	}
	if _, ok := g.fit(g.Columns, rows, 60); ok {
		t.Error("text is narrower than what can be read")
	}
	if widths, ok := g.fit(g.Columns, rows, 0); !ok || widths[2] != 100 {
		t.Errorf("without a limit, text is %d wide (%v), want 100", widths[2], ok)
	}
}

func TestTableKeepsDataAsTheyAre(t *testing.T) {
	t.Parallel()
	g := grid{Columns: []string{"who", "amount"}, Numeric: map[int]bool{1: true}, Footer: "2 rows",
		Rows: [][]any{{"Ada\x1b[31m\u202e", json.Number("1234567.10")}, {nil, json.Number("-5")}}}
	want := " who            amount\n" +
		"───────────────────────\n" +
		" Ada [31m   1234567.10\n" +
		" null               -5\n" +
		"2 rows\n"
	if diff := cmp.Diff(want, g.table(40)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestProgressSaysWhatTheJobDoes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	after := func(s float64) *time.Time { at := start.Add(time.Duration(s * float64(time.Second))); return &at }
	fetching := jobState{Status: "running", Phase: "fetch", Message: "2 pages, 2000 records", StartedAt: &start}
	fetching.Stats.Pages, fetching.Stats.Records, fetching.Stats.Bytes = 2, 2000, 1_400_000
	waiting := fetching
	waiting.Stats.Waiting, waiting.Stats.WaitingUntil = "429 Too Many Requests", after(14)
	converting := fetching
	converting.Phase, converting.Message = "convert", "writing Parquet"
	done := converting
	done.Status, done.FinishedAt = "completed", after(8)
	failed := fetching
	failed.Status, failed.FinishedAt = "failed", after(3)
	m := meter{started: start}
	for _, c := range []struct {
		rule string
		job  jobState
		at   float64
		want string
	}{
		{"not started", jobState{Status: "pending"}, 0, "waiting for its turn"},
		{"started", jobState{Status: "running", Phase: "analyze", Message: "looking at 14 columns", StartedAt: &start}, 1, "looking at 14 columns"},
		{"pages come", fetching, 2, "2 pages, 2,000 rows, 1.4 MB, 1,000 rows/s"},
		{"a wait, and until when", waiting, 4, "waiting 10 s (429 Too Many Requests), 2 pages, 2,000 rows, 1.4 MB, 1,000 rows/s"},
		{"the rate is that of fetching", converting, 6, "writing Parquet, 2 pages, 2,000 rows, 1.4 MB, 1,000 rows/s"},
		{"the end has the server's times", done, 99, "done in 8.0 s, 2 pages, 2,000 rows, 1.4 MB, 1,000 rows/s"},
		{"a failure", failed, 99, "failed after 3.0 s, 2 pages, 2,000 rows, 1.4 MB, 1,000 rows/s"},
	} {
		if got := m.read(c.job, *after(c.at)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
	}
}

func TestFailedJobsEndByTheirKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		job  string
		want int
		text string
	}{
		{`{"status":"completed"}`, 0, ""},
		{`{"status":"failed","error":{"type":"http-403","kind":"upstream","detail":"the source answered 403","fixes":["ask"]}}`, 5, "the source answered 403 (ask)"},
		{`{"status":"failed","error":{"type":"path-selects-nothing","kind":"invalid","detail":"nothing at data"}}`, 2, "nothing at data"},
		{`{"status":"canceled","error":{"type":"canceled","kind":"canceled","detail":"canceled by a person"}}`, 1, "canceled by a person"},
		{`{"status":"canceled"}`, 1, "the run was canceled"},
		{`{"status":"failed","error":{"type":"internal","kind":"internal","detail":"internal error"}}`, 1, "internal error"},
	} {
		var j jobState
		if err := json.Unmarshal([]byte(c.job), &j); err != nil {
			t.Fatal(err)
		}
		err := j.failure()
		var said strings.Builder
		if err != nil {
			explain(&said, err)
		}
		if got := exitCode(t.Context(), err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.job, got, c.want)
		}
		want, fix, _ := strings.Cut(strings.TrimSuffix(c.text, ")"), " (")
		if !strings.Contains(said.String(), want) || !strings.Contains(said.String(), fix) || strings.Contains(said.String(), "%!") {
			t.Errorf("%s: says %q", c.job, said.String())
		}
	}
}

func TestLinesAreOneInTenSecondsAndOneAtTheEnd(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now := time.Now()
	l := &lines{w: &out, title: "fetch", next: now.Add(lineEvery)}
	for second := range 25 {
		l.now(jobState{Status: "running"}, "at "+now.Add(time.Duration(second)*time.Second).Sub(now).String(), now.Add(time.Duration(second)*time.Second))
	}
	l.now(jobState{Status: "completed"}, "done", now.Add(25*time.Second))
	want := "    fetch: at 10s\n    fetch: at 20s\n    fetch: done\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBarShowsHowMuchOrThatItMoves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule    string
		bar     *bar
		elapsed time.Duration
		want    string
	}{
		{"unknown, at first", &bar{}, 0, "====                    "},
		{"unknown, later", &bar{}, 300 * time.Millisecond, "   ====                 "},
		{"unknown, on its way back", &bar{}, 2300 * time.Millisecond, "                 ====   "},
		{"half", &bar{percent: 50}, 0, "============            "},
		{"all", &bar{percent: 100, ended: true}, 0, "========================"},
		{"failed at the start", &bar{ended: true}, 0, "                        "},
	} {
		if got := c.bar.cells(c.elapsed); got != c.want {
			t.Errorf("%s: [%s], want [%s]", c.rule, got, c.want)
		}
	}
}

func TestCurlHidesTheTokenAndSurvivesQuotes(t *testing.T) {
	t.Parallel()
	got := curl("http://h/v1/x", map[string]string{"name": "Ada's <shop>", "token": "t0ken"}, "t0ken")
	want := "    curl -s http://h/v1/x -H \"Authorization: Bearer $MILLWRIGHT_API_KEY\" \\\n" +
		`      -d '{"name":"Ada'\''s <shop>","token":"'$SHOP_TOKEN'"}'`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNameOfAConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, name, want string }{
		{"https://api.example.com/v1/orders", "", "orders"},
		{"https://api.example.com/v1/orders", "Sales", "Sales"},
		{"https://api.example.com/movies.json?x=1", "", "movies"},
		{"https://api.example.com/", "", "api.example.com"},
		{"::", "", "connection"},
	} {
		if got := nameOf(connection{url: c.url, name: c.name}); got != c.want {
			t.Errorf("%s: %q, want %q", c.url, got, c.want)
		}
	}
}
