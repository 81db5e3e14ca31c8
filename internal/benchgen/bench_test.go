package benchgen_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// TestGenerate prints how good the generated programs are. In full it measures
// every table, and without that a few, for what may never fail.
func TestGenerate(t *testing.T) {
	all, missing := sources(t)
	for _, m := range missing {
		t.Logf("SKIPPED: %s", m)
	}
	do := func(i int) plan { return plan{slots: true, again: true} }
	if full() {
		// A machine with little time measures a part: every slot of each nth table.
		part := 1
		if n, err := strconv.Atoi(os.Getenv("MILLWRIGHT_BENCH_GENERATE_PART")); err == nil && n > 0 {
			part = n
		}
		do = func(i int) plan {
			return plan{slots: i%part == 0, again: i%part == 0, change: i%(2*part) == 0}
		}
		if only := os.Getenv("MILLWRIGHT_BENCH_GENERATE_ONLY"); only != "" {
			all = slices.DeleteFunc(all, func(s source) bool { return !strings.Contains(only, s.set) && !strings.Contains(only, s.name) })
		}
		if os.Getenv("MILLWRIGHT_BENCH_GENERATE_QUICK") != "" {
			do = func(int) plan { return plan{} }
		}
	} else {
		all = slices.DeleteFunc(all, func(s source) bool { return !slices.Contains(few(), s.name) })
	}
	got := measureAll(t, all, do)
	var times []timing
	if full() && os.Getenv("MILLWRIGHT_BENCH_GENERATE_ONLY") == "" && os.Getenv("MILLWRIGHT_BENCH_GENERATE_QUICK") == "" {
		times = timings(t)
	}
	table := figures(got, times)
	if full() {
		table = append(table, heldLines(t)...)
		table = append(table, joinLines(t)...)
	}
	if full() {
		fmt.Printf("\n%s\n%s\n%s", misses(got, 400), bySet(got), printed(table))
		for _, m := range missing {
			fmt.Printf("SKIPPED: %s\n", m)
		}
	} else {
		t.Logf("\n%s", printed(table))
	}
	for _, f := range table {
		if f.must && !f.met {
			t.Errorf("%s: %s: %s, want %s", f.id, f.what, f.got, f.goal)
		}
	}
	if t.Failed() && !full() {
		t.Log(misses(got, 20))
	}
}

// few are the tables of the short form.
func few() []string {
	return []string{"penguins", "gapminder", "jobs", "world-countries", "names", "cases", "all null", "one row", "only nested", "flight_1.Flight", "department_management.department", "huge numbers"}
}

// measureAll measures the tables, two at a time, and says how far it is.
func measureAll(t *testing.T, all []source, do func(int) plan) []measured {
	e := open(t)
	labels, dir := readGold(t), t.TempDir()
	qs := intents(t, labels)
	got := make([]measured, len(all))
	var mu sync.Mutex
	done, start := 0, time.Now()
	var g errgroup.Group
	g.SetLimit(2)
	for i, src := range all {
		g.Go(func() error {
			m, err := measure(t.Context(), e, dir, src, labels, qs[src.name], do(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				m.failed = append(m.failed, err.Error())
			}
			got[i] = m
			if done++; full() && done%10 == 0 {
				fmt.Printf("%v: %d of %d tables\n", time.Since(start).Round(time.Second), done, len(all))
			}
			return nil
		})
	}
	_ = g.Wait()
	return got
}
