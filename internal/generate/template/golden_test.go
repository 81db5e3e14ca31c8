package template_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/table"
)

var update = flag.Bool("update", false, "write what is made to testdata")

// TestProgramsAsWritten compares what templates make of small profiles with the
// files in testdata. A file holds a rule in its first lines, the templates that
// it is about, a profile, and the best candidate of each template.
func TestProgramsAsWritten(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, len(paths))
	}
	seen := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ids := strings.Fields(section(archive, "templates"))
		for _, id := range ids {
			seen[id] = true
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			got := written(t, archive, ids)
			if *update {
				setSection(archive, "want", got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(section(archive, "want"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, tpl := range template.All() {
		if !seen[tpl.ID] {
			t.Errorf("no file in testdata is about %s", tpl.ID)
		}
	}
}

func section(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func setSection(a *txtar.Archive, name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(text)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
}

// source returns the source of an archive: its profile, the relation that was measured,
// and the table that a column points at.
func source(t *testing.T, a *txtar.Archive) *template.Source {
	t.Helper()
	s := template.NewSource(readProfile(t, section(a, "profile")), template.DuckDB())
	if f := strings.Fields(section(a, "related")); len(f) == 3 {
		r, err := strconv.ParseFloat(f[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		s.Relate(template.Result{Columns: []string{"column_a", "column_b", "correlation", "n"}, Rows: [][]any{{f[0], f[1], r, int64(500)}}})
	}
	if f := strings.Fields(section(a, "link")); len(f) == 4 {
		other := readProfile(t, section(a, "other"))
		l := template.Link{To: other, Names: f[0] + " names a " + other.Facts.Grain}
		l.Column, _ = s.Profile.Column(f[0])
		l.Key, _ = other.Column(f[1])
		l.Rows, _ = strconv.ParseInt(f[2], 10, 64)
		l.Matched, _ = strconv.ParseInt(f[3], 10, 64)
		s.Links = []template.Link{l}
	}
	return s
}

// written prints the best candidate of each template.
func written(t *testing.T, a *txtar.Archive, ids []string) string {
	t.Helper()
	s := source(t, a)
	var b strings.Builder
	for _, tpl := range template.All() {
		if !slices.Contains(ids, tpl.ID) {
			continue
		}
		candidates := tpl.Make(s)
		fmt.Fprintf(&b, "== %s: %s, %d candidates\n", tpl.ID, tpl.Kind, len(candidates))
		if len(candidates) == 0 {
			continue
		}
		c := candidates[0]
		if err := program.Check(c.Program); err != nil {
			t.Errorf("%s: %v", tpl.ID, err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", c.Program.Name, c.Program.Cue)
		for _, slot := range c.Program.Slots {
			fmt.Fprintf(&b, "  %s: %s = %v", slot.Name, slot.Type, slot.Default)
			if len(slot.Values) > 0 {
				fmt.Fprintf(&b, " of %v", slot.Values)
			}
			if slot.Min != nil {
				fmt.Fprintf(&b, " from %g to %g", *slot.Min, *slot.Max)
			}
			for _, v := range slot.Values {
				if x, ok := slot.Expressions[fmt.Sprint(v)]; ok {
					fmt.Fprintf(&b, "\n    %v is %s", v, x)
				}
			}
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\nchart %s x=%s y=%s\n", c.Program.SQL, c.Program.Chart.Mark, c.Program.Chart.X, c.Program.Chart.Y)
		for _, why := range c.Why {
			fmt.Fprintf(&b, "- %s\n", why)
		}
	}
	return b.String()
}

// readProfile reads lines such as
//
//	table orders rows=1000 grain=order plural=orders time=created_at
//	customer.tier VARCHAR category distinct=3 mode=.4 top=gold:400,silver:300
//	child orders__items items rows=3000
//	  sku VARCHAR category distinct=20
func readProfile(t *testing.T, text string) *profile.Profile {
	t.Helper()
	p := &profile.Profile{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch {
		case f[0] == "table":
			p.Table = f[1]
			readFacts(t, p, f[2:])
		case f[0] == "child":
			p.Children = append(p.Children, profile.ChildTable{Table: f[1], Parent: p.Table, Column: f[2], ParentKeys: []string{"id"}, KeyColumns: []string{"_parent_id"},
				Schema: table.Schema{Columns: []table.Column{{Name: "_parent_id"}, {Name: "_position"}}},
				Grain:  strings.TrimSuffix(f[2], "s"), Plural: f[2], Rows: 3000})
		case strings.HasPrefix(line, " "):
			last := &p.Children[len(p.Children)-1]
			last.Columns = append(last.Columns, readColumn(t, f, last.Rows))
		default:
			p.Columns = append(p.Columns, readColumn(t, f, p.Rows))
		}
	}
	return p
}

func readFacts(t *testing.T, p *profile.Profile, settings []string) {
	for _, s := range settings {
		k, v, _ := strings.Cut(s, "=")
		switch k {
		case "rows":
			p.Rows = int64(parse(t, v))
		case "grain":
			p.Facts.Grain = v
		case "plural":
			p.Facts.Plural = v
		case "time":
			p.Facts.TimeColumn = v
		case "panel":
			entity, at, _ := strings.Cut(v, ",")
			p.Facts.Panel, p.Facts.PanelEntity, p.Facts.PanelTime = true, entity, at
		case "periods":
			p.Facts.WidePeriods = strings.Split(v, ",")
		default:
			t.Fatalf("unknown setting %q", s)
		}
	}
}

func readColumn(t *testing.T, f []string, rows int64) profile.Column {
	t.Helper()
	role, subtype, _ := strings.Cut(f[2], "/")
	c := profile.Column{Path: strings.Split(f[0], "."), Name: f[0], Label: strings.NewReplacer("_", " ", ".", " ").Replace(f[0]),
		Type: readType(f[1]), Role: profile.Role(role), Subtype: profile.Subtype(subtype), Rows: rows, Distinct: 10, ModeShare: .2}
	for _, s := range f[3:] {
		k, v, _ := strings.Cut(s, "=")
		switch k {
		case "distinct":
			c.Distinct = int64(parse(t, v))
		case "nulls":
			c.Nulls = int64(parse(t, v))
		case "mode":
			c.ModeShare = parse(t, v)
		case "min":
			c.Min = v
		case "max":
			c.Max = v
		case "avg":
			c.Avg = parse(t, v)
		case "sd":
			c.StdDev = parse(t, v)
		case "median":
			c.Median = parse(t, v)
		case "quartiles":
			lo, hi, _ := strings.Cut(v, ",")
			c.Q1, c.Q3 = parse(t, lo), parse(t, hi)
		case "kurtosis":
			c.Kurtosis = parse(t, v)
		case "len":
			c.AvgLen = parse(t, v)
		case "virtual":
			c.Virtual, c.VirtualType = v, &table.Type{Kind: table.Double}
		case "top":
			for _, pair := range strings.Split(v, ",") {
				name, n, _ := strings.Cut(pair, ":")
				c.Top = append(c.Top, profile.Value{Value: strings.ReplaceAll(name, "_", " "), Count: int64(parse(t, n))})
			}
		case "json":
			c.Top = append(c.Top, profile.Value{Value: v, Count: 1})
		default:
			t.Fatalf("unknown setting %q", s)
		}
	}
	return c
}

func readType(name string) table.Type {
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		return table.Type{Kind: table.List, Elem: &table.Type{Kind: table.Kind(elem)}}
	}
	if elem, ok := strings.CutPrefix(name, "MAP:"); ok {
		return table.Type{Kind: table.Map, Elem: &table.Type{Kind: table.Kind(elem)}}
	}
	return table.Type{Kind: table.Kind(name)}
}

func parse(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
