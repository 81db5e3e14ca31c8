package generate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright/internal/generate"
	"millwright/internal/program"
)

// TestExplore prints what is generated for the JSON files of a folder.
func TestExplore(t *testing.T) {
	dir := os.Getenv("GENERATE_EXPLORE")
	if dir == "" {
		t.Skip("GENERATE_EXPLORE names no folder")
	}
	e := open(t)
	paths, _ := filepath.Glob(dir)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rs []json.RawMessage
		if err := json.Unmarshal(text, &rs); err != nil {
			t.Logf("%s: %v", path, err)
			continue
		}
		if len(rs) == 0 || rs[0][0] != '{' {
			continue
		}
		name := strings.NewReplacer("-", "_", ".json", "").Replace(filepath.Base(path))
		t.Run(name, func(t *testing.T) { show(t, load(t, e, name, rs)) })
	}
}

func show(t *testing.T, w *world) {
	start := time.Now()
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d rows, %d columns; analyze %v generate %v; %d candidates %d linted %d executed; %v", w.table.Name, w.profile.Rows, len(w.profile.Columns), w.analyze, time.Since(start), out.Candidates, out.Linted, out.Executed, out.Notes)
	for _, p := range out.Programs {
		t.Logf("%.2f %-12s %-20s %s", p.Score, p.Kind, p.Template, p.Cue)
		if os.Getenv("GENERATE_REASON") != "" {
			t.Log("    " + strings.Join(p.Reason, "\n    ") + "\n" + p.SQL)
		}
	}
	for _, d := range out.Dropped {
		if strings.Contains(d.Why, "did not run") || strings.HasPrefix(d.Why, "N0") || os.Getenv("GENERATE_DROPPED") != "" {
			t.Logf("DROPPED %-20s %s: %s", d.Template, d.Cue, d.Why)
		}
	}
	for i, failed := range tryAll(t, w, out) {
		if i < 10 {
			t.Error(failed)
		}
	}
}

func TestOrders(t *testing.T) {
	e := open(t)
	show(t, load(t, e, "orders", records(t, 2000, orders)))
}

// wide makes 30 columns of the kinds that APIs send.
func wide(i int) map[string]any {
	row := orders(i)
	for k := range 8 {
		row[fmt.Sprintf("metric_%d", k)] = float64((i*(k+3)*7919)%10007) / 10
		row[fmt.Sprintf("class_%d", k)] = fmt.Sprintf("value %d", (i*(k+5)*31/(k+1))%(4+3*k))
	}
	delete(row, "items")
	delete(row, "note")
	return row
}

func TestTimeOfAWideTable(t *testing.T) {
	if testing.Short() {
		t.Skip("50,000 records")
	}
	e := open(t)
	w := load(t, e, "events", records(t, 50000, wide))
	start := time.Now()
	out, err := generate.Generate(t.Context(), w.profile, w, generate.Options{})
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %d columns: analyze %v, generate %v (%d candidates, %d run)", w.profile.Rows, len(w.profile.Columns), w.analyze, took, out.Candidates, out.Executed)
	if len(out.Programs) != 12 {
		t.Errorf("%d programs, want 12", len(out.Programs))
	}
}

// TestCost prints how long each candidate of the wide table takes.
func TestCost(t *testing.T) {
	if os.Getenv("GENERATE_COST") == "" {
		t.Skip("GENERATE_COST is not orders or wide")
	}
	e := open(t)
	w := load(t, e, "events", records(t, 50000, map[string]func(int) map[string]any{"orders": orders, "wide": wide}[os.Getenv("GENERATE_COST")]))
	timed := &timing{world: w}
	if _, err := generate.Generate(t.Context(), w.profile, timed, generate.Options{Parallel: 1}); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(timed.lines, func(a, b string) int { return strings.Compare(b, a) })
	t.Log(strings.Join(timed.lines, "\n"))
}

type timing struct {
	*world
	lines []string
}

func (r *timing) Run(ctx context.Context, p program.Program) (generate.Result, error) {
	start := time.Now()
	out, err := r.world.Run(ctx, p)
	r.lines = append(r.lines, fmt.Sprintf("%7.1fms %s %s", float64(time.Since(start).Microseconds())/1000, p.Template, p.Cue))
	return out, err
}
