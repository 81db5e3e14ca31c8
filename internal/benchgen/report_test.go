package benchgen_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A figure is one line of the table.
type figure struct {
	id, what string
	got      string
	goal     string
	met      bool
	must     bool // the bench fails without it
}

func share(n, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(n) / float64(of)
}

func mean(xs []float64) float64 {
	sum, n := 0.0, 0
	for _, x := range xs {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// figures puts what was measured table by table into the lines of the table.
func figures(all []measured, times []timing) []figure {
	var out []figure
	add := func(must bool, id, what, goal string, met bool, format string, args ...any) {
		out = append(out, figure{id, what, fmt.Sprintf(format, args...), goal, met, must})
	}
	var t tally
	programs, failed, degenerate, tried, slotFailed, full, nonsense, absurd, unlike := 0, 0, 0, 0, 0, 0, 0, 0, 0
	labelled, mute, noisy, noiseTables, again := 0, 0, 0, 0, 0
	var shuffled, grown, covered, reachable, small []float64
	asked, answered, reached, wideAsked, wideAnswered, wideTables := 0, 0, 0, 0, 0, 0
	kinds, kindTables, dozen, dozenOf := 0, 0, 0, 0
	nested := [3][2]int{}
	for _, m := range all {
		programs += m.programs
		failed += len(m.failed)
		degenerate += len(m.degenerate)
		tried, slotFailed, full = tried+m.slots.tried, slotFailed+m.slots.failed, full+m.slots.full
		nonsense, absurd = nonsense+len(m.nonsense), absurd+m.absurd
		t.merge(m.tally)
		if len(m.tally.confusion) > 0 {
			labelled += m.programs
		}
		mute += len(m.mute)
		if m.unlike != "" {
			unlike++
		}
		if m.repeated {
			again++
		}
		if m.noisy >= 0 {
			noiseTables++
			noisy += m.noisy
		}
		shuffled, grown = append(shuffled, m.shuffled), append(grown, m.grown)
		if m.set != "hostile" && m.usable > 0 {
			covered, reachable = append(covered, m.coverage), append(reachable, m.reachable)
			if m.usable <= 15 {
				small = append(small, m.coverage)
			}
		}
		kindTables++
		if len(m.missing) == 0 {
			kinds++
		}
		if m.usable >= 4 && m.rows >= 10 {
			dozenOf++
			if m.programs == 12 {
				dozen++
			}
		}
		asked, answered, reached = asked+m.asked, answered+m.answered, reached+m.reached
		if m.candidates >= 40 && m.asked > 0 {
			wideTables++
			wideAsked, wideAnswered = wideAsked+m.asked, wideAnswered+m.answered
		}
		for i, v := range m.nested {
			if v != "" {
				nested[i][1]++
			}
			if v == "yes" {
				nested[i][0]++
			}
		}
	}
	add(true, "M1", "programs that execute as they are", "100%", failed == 0, "%d of %d, %d tables", programs-failed, programs, len(all))
	add(true, "M2", "results that say something", ">= 99.5%", share(programs-degenerate, programs) >= .995, "%.2f%% (%d do not)", 100*share(programs-degenerate, programs), degenerate)
	add(true, "M3", "slot values tried that execute", "100%", slotFailed == 0, "%d of %d; %.1f%% return rows", tried-slotFailed, tried, 100*share(full, tried))
	right, labels := t.labels()
	add(true, "M6", "nonsense N1-N5 by labels", "0", nonsense == 0, "%d of %d programs, slots included (%d as they are); %d columns labelled", nonsense, labelled, absurd, labels)
	add(true, "M9", "same input, same bytes", "100%", unlike == 0, "%d of %d tables", again-unlike, again)
	add(false, "M9b", "programs that stay when rows change places", ">= .95", mean(shuffled) >= .95, "%.3f", mean(shuffled))
	add(false, "M4", "columns that 12 programs show, mean", ">= .92", mean(covered) >= .92, "%.3f over %d tables; %.3f up to 15 columns; %.3f with slots", mean(covered), len(covered), mean(small), mean(reachable))
	add(false, "M5", "tables with all applicable kinds", ">= 95%", share(kinds, kindTables) >= .95, "%.1f%% of %d; 12 programs in %d of %d with 4 usable columns", 100*share(kinds, kindTables), kindTables, dozen, dozenOf)
	f1, roles := t.macroF1()
	add(false, "M7", "roles: macro-F1", ">= .90", f1 >= .90, "%.3f over %d roles; %d of %d columns agree; %d of %d subtypes", f1, roles, right, labels, t.agree, t.subtypes)
	add(false, "M7b", "recall of \"not summable\"", ">= .98", share(t.unsummable-t.summed, t.unsummable) >= .98, "%.3f (%d of %d)", share(t.unsummable-t.summed, t.unsummable), t.unsummable-t.summed, t.unsummable)
	key, keys := t.precision("key")
	add(false, "M7c", "precision of keys", ">= .97", key >= .97, "%.3f of %d", key, keys)
	add(false, "M8a", "nvBench: default recall@12", ">= .72", share(answered, asked) >= .72, "%.3f of %d questions", share(answered, asked), asked)
	add(false, "M8b", "nvBench: tables of 40 candidates and more", ">= .65", share(wideAnswered, wideAsked) >= .65, "%.3f of %d questions, %d tables", share(wideAnswered, wideAsked), wideAsked, wideTables)
	add(false, "M8c", "nvBench: reached by slots", ">= .93", share(reached, asked) >= .93, "%.3f", share(reached, asked))
	add(false, "M10", "programs kept with 1% more rows (Jaccard)", ">= .85", mean(grown) >= .85, "%.3f", mean(grown))
	add(false, "M11", "correlations in shuffled columns", "0", noisy == 0, "%d over %d tables", noisy, noiseTables)
	for i, what := range []string{"objects' fields", "lists' elements", "child tables"} {
		add(false, "M12", "tables with a program on "+what, "100%", nested[i][0] == nested[i][1], "%d of %d", nested[i][0], nested[i][1])
	}
	for _, x := range times {
		add(false, "M14", x.what, "<= "+x.goal.String(), x.took <= x.goal, "%v (profile %v, generate %v)", x.took.Round(10*time.Millisecond), x.analyzed.Round(10*time.Millisecond), (x.took - x.analyzed).Round(10*time.Millisecond))
	}
	add(false, "M15", "programs that explain themselves", "100%", mute == 0, "%d of %d", programs-mute, programs)
	return out
}

func (y *tally) merge(o tally) {
	if y.confusion == nil {
		y.confusion = map[[2]string]int{}
	}
	for k, n := range o.confusion {
		y.confusion[k] += n
	}
	y.unsummable, y.summed, y.subtypes, y.agree = y.unsummable+o.unsummable, y.summed+o.summed, y.subtypes+o.subtypes, y.agree+o.agree
	y.wrong = append(y.wrong, o.wrong...)
}

func (y *tally) precision(role string) (float64, int) {
	right, said := 0, 0
	for k, n := range y.confusion {
		if k[1] == role {
			said += n
			if k[0] == role {
				right += n
			}
		}
	}
	return share(right, said), said
}

func printed(list []figure) string {
	var b strings.Builder
	tab := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, f := range list {
		mark := "met"
		if !f.met {
			mark = "MISSED"
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\n", f.id, f.what, f.got, f.goal, mark)
	}
	_ = tab.Flush()
	return b.String()
}

// bySet says of each set what the lines put together.
func bySet(all []measured) string {
	var names []string
	for _, m := range all {
		if !slices.Contains(names, m.set) {
			names = append(names, m.set)
		}
	}
	var b strings.Builder
	for _, name := range names {
		n, programs := 0, 0
		var covered []float64
		var took time.Duration
		for _, m := range all {
			if m.set == name {
				n, programs, took = n+1, programs+m.programs, max(took, m.took)
				if m.usable > 0 {
					covered = append(covered, m.coverage)
				}
			}
		}
		fmt.Fprintf(&b, "%-9s %3d tables, %4d programs, %.3f of the columns shown, slowest table %v\n", name, n, programs, mean(covered), took.Round(10*time.Millisecond))
	}
	return b.String()
}

// misses lists what was wrong, table by table, at most n of each sort.
func misses(all []measured, n int) string {
	var b strings.Builder
	write := func(title string, get func(m measured) []string) {
		var lines []string
		for _, m := range all {
			lines = append(lines, get(m)...)
		}
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s (%d):\n", title, len(lines))
		for _, l := range lines[:min(n, len(lines))] {
			fmt.Fprintf(&b, "  %s\n", l)
		}
	}
	if len(all) <= 12 {
		write("programs", func(m measured) []string { return m.cues })
	}
	if len(all) <= 4 {
		write("not chosen", func(m measured) []string { return m.others })
	}
	write("do not execute", func(m measured) []string { return m.failed })
	write("say nothing", func(m measured) []string { return m.degenerate })
	write("slot values that fail", func(m measured) []string { return m.slots.errors })
	write("nonsense", func(m measured) []string { return m.nonsense })
	write("not the same again", func(m measured) []string {
		if m.unlike == "" {
			return nil
		}
		return []string{m.unlike}
	})
	write("roles", func(m measured) []string { return m.tally.wrong })
	write("kinds missing", func(m measured) []string {
		if len(m.missing) == 0 {
			return nil
		}
		return []string{fmt.Sprintf("%s (%s, %d rows, %d programs): %v", m.name, m.set, m.rows, m.programs, m.missing)}
	})
	write("questions no slot reaches", func(m measured) (lines []string) {
		for _, q := range m.missed {
			lines = append(lines, fmt.Sprintf("%s: %s %s(%s) [%s]", q.Table, q.x, q.agg, q.y, q.why))
		}
		return lines
	})
	write("questions that no default answers", func(m measured) (lines []string) {
		for _, q := range m.late {
			lines = append(lines, fmt.Sprintf("%s (%d programs of %d candidates): %s %s(%s) [%s]", q.Table, m.programs, m.candidates, q.x, q.agg, q.y, q.why))
		}
		return lines
	})
	write("do not explain themselves", func(m measured) []string { return m.mute })
	write("nested parts without a program", func(m measured) (lines []string) {
		for i, v := range m.nested {
			if v == "no" {
				lines = append(lines, fmt.Sprintf("%s: %s", m.name, []string{"objects", "lists", "child tables"}[i]))
			}
		}
		return lines
	})
	write("correlations in shuffled columns", func(m measured) []string {
		if m.noisy <= 0 {
			return nil
		}
		return []string{fmt.Sprintf("%s: %d", m.name, m.noisy)}
	})
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b measured) int { return cmp.Compare(a.coverage, b.coverage) })
	b.WriteString("least covered:\n")
	for _, m := range sorted[:min(n, len(sorted))] {
		fmt.Fprintf(&b, "  %s (%s): %.2f of %d usable of %d columns, %d rows, %d programs; grown %.2f shuffled %.2f %v\n", m.name, m.set, m.coverage, m.usable, m.columns, m.rows, m.programs, m.grown, m.shuffled, m.notes)
		if len(m.uncovered) > 0 {
			fmt.Fprintf(&b, "    not shown: %s\n", strings.Join(m.uncovered[:min(len(m.uncovered), 30)], ", "))
		}
	}
	return b.String()
}
