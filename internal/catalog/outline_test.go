package catalog_test

import (
	"testing"
	"time"

	"millwright/internal/dataset"
)

// TestAProfileThatIsWrittenAgainIsReadAgain keeps what is remembered of a profile from
// outliving it, even within one tick of the clock.
func TestAProfileThatIsWrittenAgainIsReadAgain(t *testing.T) {
	w := newWorld(t)
	s := schema(col(1, "id", bigint))
	d := w.commit(t, dataset.NewVersion{Kind: dataset.Append, Schema: s, Files: []dataset.NewFile{w.file(t, s, `{"id":1}`)}})
	still := w.Datasets.Now()
	for _, c := range []struct {
		profile string
		tables  int
	}{
		{`{"children":[{"table":"orders__a","parent":"orders","view":"SELECT 1","schema":{"columns":[]}}]}`, 2},
		{`{"children":[]}`, 1},
		{`{"children":[{"table":"orders__b","parent":"orders","view":"SELECT 1","schema":{"columns":[]}}]}`, 2},
	} {
		now := w.Datasets.Now
		w.Datasets.Now = func() time.Time { return still }
		must(t, w.Datasets.SaveProfile(t.Context(), d.ID, 1, []byte(c.profile)))
		w.Datasets.Now = now
		for range 2 { // the second time from memory
			names, err := w.TableNames(t.Context(), "p")
			if err != nil || len(names) != c.tables {
				t.Errorf("%s: %v, %v", c.profile, names, err)
			}
		}
	}
}
