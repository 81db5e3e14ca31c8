package ingest

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/errs"
)

// A watcher looks at every record of a run before it is landed. It is
// deterministic, so that a resumed run shows it the same records again.
type watcher struct {
	tracker *tracker  // nil without a cursor
	keys    *keyWatch // nil unless the run merges
	seen    int64     // records
	skipped []int64   // their numbers, from 0: landed by an earlier run
}

// see reports whether the record is to be landed.
func (w *watcher) see(record []byte) (land bool, err error) {
	at := w.seen
	w.seen++
	if w.tracker != nil {
		repeated, err := w.tracker.see(record)
		if err != nil {
			return false, err
		}
		if repeated {
			w.skipped = append(w.skipped, at)
			return false, nil
		}
	}
	if w.keys != nil {
		return true, w.keys.see(at, record)
	}
	return true, nil
}

// pageEnded fails early where the rest of the run cannot help.
func (w *watcher) pageEnded() error {
	if w.tracker != nil {
		return w.tracker.pageEnded()
	}
	return nil
}

// landed is how many records are new.
func (w *watcher) landed() int64 { return w.seen - int64(len(w.skipped)) }

// A keyWatch finds records that a merge could not tell apart.
type keyWatch struct {
	key    []string
	find   finder
	total  int64
	bad    int64
	worst  []string // which of the records, the first few
	sample string   // keys of the first of them
	fields []string // of the key, that were missing
}

// someExamples is how many records a message names.
const someExamples = 5

func (k *keyWatch) see(at int64, record []byte) error {
	k.total++
	missing := false
	for _, key := range k.key {
		v, ok := k.find.find(record, key)
		switch {
		case !ok || v.Kind() == 'n':
			missing = true
			if !slices.Contains(k.fields, key) {
				k.fields = append(k.fields, key)
			}
		case v.Kind() == '{' || v.Kind() == '[':
			return errs.New(errs.Invalid, "the merge key %q is an object or a list in record %d, which cannot be compared", key, at+1).
				Named("merge-key-not-scalar").At("/options/run/key").Fix("choose a field of numbers or texts")
		}
	}
	if !missing {
		return nil
	}
	if k.bad++; k.bad == 1 {
		k.sample = keys(record)
	}
	if len(k.worst) < someExamples {
		k.worst = append(k.worst, fmt.Sprint(at+1))
	}
	return nil
}

// end fails if there are rows without a key.
func (k *keyWatch) end() error {
	if k.bad == 0 {
		return nil
	}
	return errs.New(errs.Invalid, "%d of %d records have no %s, which the rows are merged on: record %s; the keys of the first of them are: %s",
		k.bad, k.total, quoteAll(k.fields), strings.Join(k.worst, ", "), k.sample).
		Named("merge-key-missing").At("/options/run/key").
		Fix("choose a key that every record has", "use mode append or replace if there is none")
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", clip(n))
	}
	return strings.Join(quoted, " and ")
}
