package evil_test

import (
	"strings"
	"testing"

	"millwright/internal/httpsource/evil"
)

func TestPagingConformance(t *testing.T) {
	t.Parallel()
	cells, kinds := 0, map[string]bool{}
	for _, b := range evil.Paging() {
		cells++
		kinds[b.Group] = true
		t.Run(strings.ReplaceAll(b.Group+"/"+b.Name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			try(t, b, "paging")
		})
	}
	if cells < 200 || len(kinds) < 16 {
		t.Errorf("%d cells of %d kinds, want at least 200 of 16", cells, len(kinds))
	}
	t.Logf("%d cells of %d kinds of paging", cells, len(kinds))
}
