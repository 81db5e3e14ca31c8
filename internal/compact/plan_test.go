package compact_test

import (
	"fmt"
	"strings"
	"testing"

	"millwright/internal/compact"
	"millwright/internal/dataset"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	many := func(n int, mb int64) string { return strings.Repeat(fmt.Sprint(" ", mb), n) }
	for _, c := range []struct {
		rule   string
		sizes  string // in MB, in order
		merged bool
		want   string // from-to of each run
	}{
		{"no file", "", false, ""},
		{"few small files", many(16, 1), false, ""},
		{"many small files", many(17, 1), false, "0-16"},
		{"many large files", many(40, 8), false, ""},
		{"a large file among small ones stays", many(9, 1) + " 500" + many(9, 1), false, "0-8 10-18"},
		{"one small file between large ones is left alone", many(16, 1) + " 9 1 9", false, "0-15"},
		{"a new file is long enough at some point", many(80, 7), false, "0-35 36-71 72-79"},
		{"few merges", many(8, 1), true, ""},
		{"many merges", many(9, 1), true, "0-8"},
		{"many merges into a large file", "900" + many(8, 1), true, "1-8"},
		{"as much has come on top", "900 60" + many(8, 60), true, "0-9"},
		{"large merges", "100 100 100 100 100 100 100 100 100", true, "0-8"},
		{"small merges below large ones", "1 1 900" + many(8, 1), true, "3-10"},
	} {
		var files []dataset.File
		for i, mb := range strings.Fields(c.sizes) {
			var n int64
			fmt.Sscan(mb, &n)
			files = append(files, dataset.File{Bytes: n << 20, Rows: int64(i)})
		}
		var got []string
		for _, run := range compact.Plan(files, c.merged) {
			got = append(got, fmt.Sprintf("%d-%d", run[0].Rows, run[len(run)-1].Rows))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, want %q", c.rule, got, c.want)
		}
	}
}
