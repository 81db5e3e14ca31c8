package evaluate_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"millwright/internal/engine"
	"millwright/internal/engine/enginefake"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
)

// shelf is a project whose tables a test can change.
type shelf struct {
	project
	change func(*evaluate.Tables)
}

func (s *shelf) Tables(ctx context.Context, id string, names []string, asOf map[string]int64) (evaluate.Tables, error) {
	t, err := s.project.Tables(ctx, id, names, asOf)
	for i := range t.Tables {
		t.Tables[i].Files = []string{"/objects/" + id + "/one.parquet"}
	}
	t.Tables = append(t.Tables, engine.Table{Name: "child", View: "SELECT 1"})
	if s.change != nil {
		s.change(&t)
	}
	return t, err
}

// A kitchen is an evaluator with a cache, and what it was made of.
type kitchen struct {
	*evaluate.Evaluator
	engine  *enginefake.Engine
	shelf   *shelf
	history *history
}

func newKitchen(t *testing.T, bytes int64) *kitchen {
	k := &kitchen{engine: numbers(t, 2), shelf: &shelf{}, history: &history{}}
	k.Evaluator = &evaluate.Evaluator{Engine: k.engine, Datasets: k.shelf, History: k.history, Stager: stager{t.TempDir()}, Cache: evaluate.NewCache(bytes),
		Repeatable: func(sql string) bool { return !strings.Contains(sql, "random") }}
	t.Cleanup(k.Cache.Close)
	return k
}

func (k *kitchen) queries() int { return len(k.engine.Queries()) }

const selectOrders = "SELECT n, s FROM orders WHERE n > $least AND s <> $not"

func cacheable(sql string) evaluate.Request {
	r := request(sql, program.Slot{Name: "least", Type: program.Integer, Default: 1}, program.Slot{Name: "not", Type: program.String, Default: "x"})
	r.Program.Name, r.Program.Cue = "Orders", "Which orders?"
	return r
}

func rowsAs(form string) evaluate.Asking {
	return evaluate.Asking{Form: form, Encode: func(r *evaluate.Result) ([]byte, error) { return append([]byte(form), r.RowsJSON()...), nil }}
}

func (k *kitchen) answer(t *testing.T, req evaluate.Request, ask evaluate.Asking) evaluate.Answer {
	t.Helper()
	a, err := k.Answer(t.Context(), req, ask)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnAnswerIsMadeOnce(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, 1<<20)
	first := k.answer(t, cacheable(selectOrders), rowsAs("json"))
	again := k.answer(t, cacheable(selectOrders), rowsAs("json"))
	if k.queries() != 1 || !bytes.Equal(first.Body, again.Body) || first.ETag != again.ETag || len(first.ETag) < 20 || first.Cached || !again.Cached || again.Rows != 2 {
		t.Errorf("%d queries, first %+v, again %+v", k.queries(), first, again)
	}
	if n := len(k.history.runs); n != 2 || k.history.runs[0].Cached || !k.history.runs[1].Cached || k.history.runs[1].Rows != 2 {
		t.Errorf("the history holds %+v", k.history.runs)
	}
	fresh := rowsAs("json")
	fresh.Fresh, fresh.Known = true, []string{first.ETag}
	if a := k.answer(t, cacheable(selectOrders), fresh); k.queries() != 2 || a.ETag == first.ETag || a.NotModified {
		t.Errorf("a new run was asked for: %d queries, %+v", k.queries(), a)
	}
}

func TestWhateverDecidesAboutAnAnswerIsInItsKey(t *testing.T) {
	t.Parallel()
	for rule, change := range map[string]func(*kitchen, *evaluate.Request, *evaluate.Asking){
		"the SQL": func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.Program.SQL += " AND true" },
		"a value": func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.Values = map[string]any{"least": 2} },
		"a text that looks like two": func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) {
			r.Values = map[string]any{"not": `x","least":"1`}
		},
		"the type of a value": func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.Program.Slots[0].Type = program.String },
		"a dataset's version": func(k *kitchen, _ *evaluate.Request, _ *evaluate.Asking) {
			k.shelf.change = func(t *evaluate.Tables) { t.Versions["orders"]++ }
		},
		"another dataset of the same name": func(k *kitchen, _ *evaluate.Request, _ *evaluate.Asking) {
			k.shelf.change = func(t *evaluate.Tables) { t.Tables[0].Files[0] += "2" }
		},
		"what a child table is": func(k *kitchen, _ *evaluate.Request, _ *evaluate.Asking) {
			k.shelf.change = func(t *evaluate.Tables) { t.Tables[1].View += "2" }
		},
		"what analysis found": func(k *kitchen, _ *evaluate.Request, _ *evaluate.Asking) {
			k.shelf.change = func(t *evaluate.Tables) { t.Roles["n"] = "measure" }
		},
		"the project":                func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.ProjectID = "p2" },
		"the name that it shows":     func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.Program.Name = "Other" },
		"the question that it shows": func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.Program.Cue = "Other?" },
		"how many rows":              func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.MaxRows = 1 },
		"whether rows are counted":   func(_ *kitchen, r *evaluate.Request, _ *evaluate.Asking) { r.CountRows = true },
		"the form":                   func(_ *kitchen, _ *evaluate.Request, a *evaluate.Asking) { a.Form = "other" },
		"a limit of the server":      func(k *kitchen, _ *evaluate.Request, _ *evaluate.Asking) { k.Limits.Bytes = 1 << 10 },
	} {
		t.Run(rule, func(t *testing.T) {
			k := newKitchen(t, 1<<20)
			k.answer(t, cacheable(selectOrders), rowsAs("json"))
			first := k.answer(t, cacheable(selectOrders), rowsAs("json"))
			req, ask := cacheable(selectOrders), rowsAs("json")
			change(k, &req, &ask)
			ask.Known = []string{first.ETag}
			if a := k.answer(t, req, ask); a.Cached || a.NotModified || a.ETag == first.ETag || k.queries() != 2 {
				t.Errorf("got what was known before: %+v after %d queries", a, k.queries())
			}
		})
	}
}

func TestWhoHasTheAnswerIsTold(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, 1<<20)
	tag := k.answer(t, cacheable(selectOrders), rowsAs("json")).ETag
	// A server that has just started knows nothing but the data.
	later := newKitchen(t, 1<<20)
	for _, known := range [][]string{{tag}, {`"other"`, "W/" + tag}} {
		for _, k := range []*kitchen{k, later} {
			before := k.queries()
			ask := rowsAs("json")
			ask.Known = known
			a := k.answer(t, cacheable(selectOrders), ask)
			if !a.NotModified || a.Body != nil || !a.Cached || strings.TrimPrefix(a.ETag, "W/") != tag || k.queries() != before {
				t.Errorf("known %v: got %+v, and %d queries", known, a, k.queries()-before)
			}
		}
	}
	for _, known := range []string{"*", `""`, `"x` + tag[1:], tag[:10] + `"`} {
		ask := rowsAs("json")
		ask.Known = []string{known}
		if a := later.answer(t, cacheable(selectOrders), ask); a.NotModified {
			t.Errorf("%s passes for an answer that the caller has", known)
		}
	}
}

func TestWhatIsNeverKept(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, 1<<20)
	for n := 1; n <= 2; n++ {
		if a := k.answer(t, cacheable(selectOrders+" AND random() > 0.5"), rowsAs("json")); a.ETag != "" || a.Cached || k.queries() != n {
			t.Errorf("chance: %+v after %d queries", a, k.queries())
		}
	}
	k.engine.Err = errs.New(errs.TooLarge, "too slow")
	for range 2 {
		if _, err := k.Answer(t.Context(), cacheable(selectOrders), rowsAs("json")); !errors.Is(err, errs.TooLarge) {
			t.Errorf("got %v", err)
		}
	}
	k.engine.Err = nil
	if a := k.answer(t, cacheable(selectOrders), rowsAs("json")); a.Cached || k.queries() != 5 {
		t.Errorf("after an error: %+v after %d queries", a, k.queries())
	}
	broken := rowsAs("broken")
	broken.Encode = func(*evaluate.Result) ([]byte, error) { panic("oh") }
	if _, err := k.Answer(t.Context(), cacheable(selectOrders), broken); errs.KindOf(err) != errs.Internal {
		t.Errorf("a panic: got %v", err)
	}
}

func TestTheLeastRecentlyUsedMakeRoom(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 9488) // 10,000 bytes with what is counted for each
	ask := evaluate.Asking{Form: "json", Encode: func(*evaluate.Result) ([]byte, error) { return []byte(body), nil }}
	k := newKitchen(t, 80_000)
	cached := func(least int) bool {
		r := cacheable(selectOrders)
		r.Values = map[string]any{"least": least}
		return k.answer(t, r, ask).Cached
	}
	for i := range 8 {
		if cached(i) {
			t.Errorf("%d was there before it was asked for", i)
		}
	}
	if !cached(0) || cached(8) || !cached(0) || cached(1) || !cached(8) {
		t.Error("want that 0 was used again and stayed, and 8 drove 1 out")
	}
	body += "x" // more than an eighth
	cached(100)
	if cached(100) {
		t.Error("an answer was kept that is too large")
	}
}

func TestEqualRequestsShareARun(t *testing.T) {
	for _, c := range []struct {
		rule   string
		leaves int // which of the callers goes away; -1 for none
	}{{"all stay", -1}, {"the first leaves", 0}, {"the other leaves", 1}} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKitchen(t, 1<<20)
				k.engine.Block = make(chan struct{})
				var callers sync.WaitGroup
				var mu sync.Mutex
				served, shared := 0, 0
				ctx, leave := context.WithCancel(t.Context())
				for i := range 2 {
					mine := t.Context()
					if i == c.leaves {
						mine = ctx
					}
					callers.Go(func() {
						a, err := k.Answer(mine, cacheable(selectOrders), rowsAs("json"))
						if i == c.leaves {
							if !errors.Is(err, errs.Canceled) {
								t.Errorf("who left got %v", err)
							}
							return
						}
						mu.Lock()
						defer mu.Unlock()
						if err != nil {
							t.Errorf("caller %d: %v", i, err)
							return
						}
						if served++; a.Cached {
							shared++
						}
					})
					synctest.Wait()
				}
				leave()
				synctest.Wait()
				close(k.engine.Block)
				callers.Wait()
				want := 2
				if c.leaves >= 0 {
					want = 1
				}
				if served != want || k.queries() != 1 || shared < want-1 {
					t.Errorf("%d served, %d of them by another's run, %d queries; want %d served by one", served, shared, k.queries(), want)
				}
			})
		})
	}
}

func TestARunThatNobodyWaitsForEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKitchen(t, 1<<20)
		k.engine.Block = make(chan struct{})
		ctx, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 2 {
			callers.Go(func() {
				if _, err := k.Answer(ctx, cacheable(selectOrders), rowsAs("json")); !errors.Is(err, errs.Canceled) {
					t.Errorf("got %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		callers.Wait()
		k.Cache.Close() // returns, because the run has ended
		close(k.engine.Block)
		if a := k.answer(t, cacheable(selectOrders), rowsAs("json")); a.Cached || k.queries() != 2 {
			t.Errorf("later: %+v after %d queries", a, k.queries())
		}
	})
}

func TestSmallFilesAreKeptWhole(t *testing.T) {
	t.Parallel()
	k := newKitchen(t, 1<<20)
	download := func(f evaluate.File, ask evaluate.Asking) (evaluate.Opened, string, evaluate.Download) {
		t.Helper()
		var out bytes.Buffer
		o, err := k.Open(t.Context(), cacheable(selectOrders), f, ask)
		if err != nil {
			t.Fatal(err)
		}
		if o.NotModified {
			return o, "", evaluate.Download{}
		}
		d, err := o.Write(t.Context(), &out)
		if err != nil {
			t.Fatal(err)
		}
		return o, out.String(), d
	}
	first, text, d := download(evaluate.File{Format: evaluate.CSV}, evaluate.Asking{})
	again, sameText, same := download(evaluate.File{Format: evaluate.CSV}, evaluate.Asking{})
	if text == "" || text != sameText || first.ETag != again.ETag || !again.Cached || k.queries() != 1 || same.Rows != d.Rows || same.Bytes != d.Bytes || same.DatasetVersions["orders"] != 3 {
		t.Errorf("%d queries; %+v %q %+v; %+v %q %+v", k.queries(), first, text, d, again, sameText, same)
	}
	if n := len(k.history.runs); n != 2 || !k.history.runs[1].Cached || k.history.runs[1].Rows != 2 {
		t.Errorf("the history holds %+v", k.history.runs)
	}
	if o, _, _ := download(evaluate.File{Format: evaluate.CSV}, evaluate.Asking{Known: []string{first.ETag}}); !o.NotModified || k.queries() != 1 {
		t.Errorf("got %+v for a file that the caller has", o)
	}
	for _, f := range []evaluate.File{{Format: evaluate.NDJSON}, {Format: evaluate.CSV, SafeCSV: true}} {
		if o, _, _ := download(f, evaluate.Asking{}); o.Cached || o.ETag == first.ETag {
			t.Errorf("%v is taken for another form", f)
		}
	}
	// What fails half way, or is too large to be kept, is made again.
	k.engine.RowsErr, k.engine.FailAt = errs.New(errs.TooLarge, "too slow"), 1
	o, err := k.Open(t.Context(), cacheable(selectOrders), evaluate.File{Format: evaluate.Arrow}, evaluate.Asking{})
	if err == nil {
		_, err = o.Write(t.Context(), &bytes.Buffer{})
	}
	if !errors.Is(err, errs.TooLarge) {
		t.Errorf("got %v", err)
	}
	k.engine.RowsErr = nil
	if o, _, _ := download(evaluate.File{Format: evaluate.Arrow}, evaluate.Asking{}); o.Cached {
		t.Error("half a file was kept")
	}
	k.Cache = evaluate.NewCache(100)
	for range 2 {
		if o, _, _ := download(evaluate.File{Format: evaluate.CSV}, evaluate.Asking{}); o.Cached {
			t.Error("a file was kept that is too large")
		}
	}
}
