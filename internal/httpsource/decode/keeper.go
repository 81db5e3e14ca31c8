package decode

import (
	"io"
)

// Marks in what is kept of a page: JSON holds no such bytes, not even in strings.
const (
	// RecordHere stands in the place of a record.
	RecordHere = 0x1E
	// RecordMade stands behind the bytes that a record was made of.
	RecordMade = 0x1F
)

// A keeper keeps what no record holds of the bytes that go through a tokens. Its
// methods do nothing to a nil keeper.
type keeper struct {
	to    func(p []byte) error
	buf   []byte
	from  int // the first byte in the buffer of the tokens that is not kept
	marks bool
	err   error // of to; it ends the Split
}

// keepAtOnce is how much is given away at once. It is cut between tokens only, so
// that no string is torn.
const keepAtOnce = 64 << 10

// upTo keeps the bytes before buf[end].
func (k *keeper) upTo(t *tokens, end int) {
	if k == nil {
		return
	}
	k.buf = append(k.buf, t.buf[k.from:end]...)
	k.from = end
	if len(k.buf) >= keepAtOnce {
		k.flush()
	}
}

// moved notes that the buffer of the tokens begins with what is not kept.
func (k *keeper) moved() {
	if k != nil {
		k.from = 0
	}
}

func (k *keeper) flush() {
	if k.err == nil && len(k.buf) > 0 {
		k.err = k.to(k.buf)
	}
	k.buf = k.buf[:0]
}

// record notes that raw was given as a record. If it is the value that t read last
// it need not be kept.
func (k *keeper) record(t *tokens, raw []byte) error {
	if k == nil || !k.marks {
		return k.failed()
	}
	if start := t.pos - len(raw); len(raw) > 0 && start >= k.from && &t.buf[start] == &raw[0] {
		k.upTo(t, start)
		k.buf = append(k.buf, RecordHere)
		k.from = t.pos
		return k.err
	}
	k.upTo(t, t.pos)
	k.buf = append(k.buf, RecordMade)
	return k.err
}

func (k *keeper) failed() error {
	if k == nil {
		return nil
	}
	return k.err
}

// SplitKeeping is Split, and gives keep the bytes of the body that are in no row,
// with RecordHere where a row stood and RecordMade behind bytes that a row was made
// of. It reports whether all of the body was given, without marks: so it is where
// rows are no parts of the body. JSON is given in whole tokens. An error of keep
// ends it and is returned as it is.
func SplitKeeping(r io.Reader, plan Plan, l Limits, emit, keep func(p []byte) error) (res Result, whole bool, err error) {
	k := &keeper{to: keep}
	switch plan.Shape.Base() {
	case CSV, XML:
		res, err = Split(&tee{r, k}, plan, l, emit)
		if k.err != nil {
			err = k.err
		}
		return res, true, err
	case "", Rows, Lines:
		k.marks = plan.Path.query == nil
	}
	s := newSplitter(r, plan, l, emit)
	s.keep, s.main, s.dec.keep = k, s.dec, k
	res, err = s.all()
	// A value that emit refused is no record, and is not kept as something beside them.
	if err == nil || !k.marks {
		k.upTo(s.main, s.main.pos)
	}
	k.flush()
	if err == nil {
		err = k.err
	}
	return res, !k.marks, err
}

// A tee keeps what is read.
type tee struct {
	r io.Reader
	k *keeper
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 && t.k.err == nil {
		t.k.err = t.k.to(p[:n])
	}
	if t.k.err != nil {
		return 0, t.k.err
	}
	return n, err
}
