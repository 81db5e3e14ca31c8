package evil_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A line of the report. Tests write theirs into files, because they run at the
// same time; TestReport prints them.
type line struct {
	Group, Name, Want, Got string
	Took                   time.Duration
	Peak                   int64 // bytes above the base; 0 if not measured
	OK                     bool
}

// report appends a line to a section, if a report is asked for.
func report(t *testing.T, section string, l line) {
	t.Helper()
	dir := os.Getenv("MILLWRIGHT_REPORT")
	if dir == "" {
		return
	}
	file, err := os.OpenFile(filepath.Join(dir, section+".jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := json.Marshal(l)
	if err == nil {
		_, err = file.Write(append(text, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// memory reads a size of this process from the kernel: VmRSS now, VmHWM at most.
func memory(name string) int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// resetPeak makes VmHWM begin anew.
func resetPeak() {
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // else the peak is that of all runs so far
}

// TestReport prints what the tests of an earlier run wrote.
func TestReport(t *testing.T) {
	dir := os.Getenv("MILLWRIGHT_REPORT_PRINT")
	if dir == "" {
		t.Skip("printed by make report-connector")
	}
	for _, section := range []string{"evil", "memory", "heavy", "paging", "ssrf", "suites"} {
		lines := read(t, filepath.Join(dir, section+".jsonl"))
		fmt.Printf("\n== %s ==\n", section)
		switch section {
		case "paging":
			grid(lines)
		case "memory":
			table(lines, true)
		default:
			table(lines, false)
		}
	}
}

func read(t *testing.T, path string) []line {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []line
	for dec := json.NewDecoder(file); dec.More(); {
		var l line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// table prints a line for each behaviour, unless it is to be brief, and a sum
// for each group.
func table(lines []line, brief bool) {
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	sums := map[string]*line{}
	counts := map[string][2]int{}
	var groups []string
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		mark := map[bool]string{true: "+", false: "WRONG"}[l.OK]
		peak := ""
		if l.Peak > 0 {
			peak = fmt.Sprintf("+%d MB", l.Peak>>20)
		}
		if !brief || !l.OK {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\t%s\n", mark, l.Group, l.Name, l.Got, l.Took.Round(time.Millisecond), peak)
		}
		if sums[l.Group] == nil {
			sums[l.Group] = &line{}
			groups = append(groups, l.Group)
		}
		s, c := sums[l.Group], counts[l.Group]
		s.Took, s.Peak = max(s.Took, l.Took), max(s.Peak, l.Peak)
		c[1]++
		if l.OK {
			c[0]++
		}
		counts[l.Group] = c
	}
	fmt.Fprintf(w, "\n\tgroup\tas expected\tlongest\tmost memory above the base\n")
	all := [2]int{}
	for _, g := range groups {
		fmt.Fprintf(w, "\t%s\t%d of %d\t%v\t%d MB\n", g, counts[g][0], counts[g][1], sums[g].Took.Round(time.Millisecond), sums[g].Peak>>20)
		all[0], all[1] = all[0]+counts[g][0], all[1]+counts[g][1]
	}
	fmt.Fprintf(w, "\tall\t%d of %d\n", all[0], all[1])
	_ = w.Flush() // to the terminal
}

// grid prints kinds of paging by ways of ending.
func grid(lines []line) {
	var kinds, ends []string
	cells := map[[2]string]line{}
	good := 0
	for _, l := range lines {
		if !slices.Contains(kinds, l.Group) {
			kinds = append(kinds, l.Group)
		}
		if !slices.Contains(ends, l.Name) {
			ends = append(ends, l.Name)
		}
		cells[[2]string{l.Group, l.Name}] = l
		if l.OK {
			good++
		}
	}
	slices.Sort(kinds)
	slices.Sort(ends)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "C complete, U complete_unverified, I incomplete; ! is not what it should be; . does not apply\nway of ending")
	for _, k := range kinds {
		fmt.Fprint(w, "\t"+k)
	}
	for _, e := range ends {
		fmt.Fprint(w, "\n"+e)
		for _, k := range kinds {
			l, ok := cells[[2]string{k, e}]
			switch {
			case !ok:
				fmt.Fprint(w, "\t.")
			case !l.OK:
				fmt.Fprint(w, "\t!")
			case strings.Contains(l.Got, "unverified"):
				fmt.Fprint(w, "\tU")
			case strings.HasPrefix(l.Got, "ok"):
				fmt.Fprint(w, "\tC")
			default:
				fmt.Fprint(w, "\tI")
			}
		}
	}
	fmt.Fprintf(w, "\n%d of %d as expected\n", good, len(lines))
	_ = w.Flush() // to the terminal
}
