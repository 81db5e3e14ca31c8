package decode

import (
	"fmt"
	"io"

	"millwright/internal/errs"
)

// Limits bound what one body may cost. Every number must be above 0.
type Limits struct {
	DecodedBytes  int64 // after decompression
	Ratio         int64 // decoded bytes for one received byte, counted after 10 MB
	RecordBytes   int64 // of one record, or of any value that has to be held whole
	DocumentBytes int64 // of a document that has to be held whole
	Depth         int   // of nesting
	Keys          int   // of one object, and columns of a table

	TempDir string // for bodies that cannot be read from front to back; empty means the system's
}

// ratioFree is how much may be decoded before the ratio counts: small bodies of
// repeated text compress a thousandfold and harm nobody.
const ratioFree = 10 << 20

// tooLarge is the error of every limit: which, how much, and how to raise it.
func tooLarge(typ, option, format string, args ...any) *errs.Error {
	e := errs.New(errs.TooLarge, format, args...).Named(typ)
	if option != "" {
		e.Fix("ask for less at a time, such as smaller pages", "or raise options.limits."+option+" of this connection")
	}
	return e
}

// A meter counts what passes and fails with check's error.
type meter struct {
	r     io.Reader
	n     int64
	check func(n int64) error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if m.check != nil {
		if cerr := m.check(m.n); cerr != nil {
			return 0, cerr
		}
	}
	return n, err
}

// A leash stops a reader that delivers too much without the tokenizer finishing
// a value: the tokenizer holds unfinished values in memory without a bound.
type leash struct {
	r      io.Reader
	read   int64
	mark   int64 // what is before it is finished
	limit  int64
	option string
}

// slack is how far the tokenizer may read ahead of what it has finished.
const slack = 256 << 10

func (l *leash) Read(p []byte) (int, error) {
	if err := l.taut(); err != nil {
		return 0, err
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.room())])
	l.read += int64(n)
	return n, err
}

func (l *leash) room() int64 { return l.limit + slack - (l.read - l.mark) }

// taut fails if nothing more may be read before something is finished.
func (l *leash) taut() error {
	if l.room() > 0 {
		return nil
	}
	return l.tooLong()
}

// allows fails if a value of that many bytes may not be held.
func (l *leash) allows(n int) error {
	if int64(n) <= l.limit+slack {
		return nil
	}
	return l.tooLong()
}

func (l *leash) tooLong() error {
	return tooLarge("record-too-large", l.option, "one value is longer than %s, the limit for a value held in memory", size(l.limit))
}

// size writes a number of bytes for a person.
func size(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
