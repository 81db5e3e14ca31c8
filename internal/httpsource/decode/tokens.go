package decode

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// A tokens reads JSON token by token or value by value, and holds no more than the
// one that it reads. It has the ways of a jsontext.Decoder, and its errors are
// made by one: see fault.
type tokens struct {
	leash *leash
	buf   []byte // what is before pos is done with
	pos   int
	base  int64 // where buf begins in the whole
	last  bool  // nothing follows what is in buf
	stack []level
	scan  *scanner
	root  pattern
	keep  *keeper
}

// A level is an object or an array that is open.
type level struct {
	kind  byte
	n     int64 // values in it so far, the open one included
	named bool  // a name was read, and its value was not
	names []string
	taken map[string]struct{} // the same; nil while they are few
}

// bufferSize is how much is read at once.
const bufferSize = 64 << 10

// newTokens reads what l reads. What is in memory already is not copied: values
// are parts of it.
func newTokens(l *leash) *tokens {
	t := &tokens{leash: l, scan: newScanner()}
	if b, ok := l.r.(*bytes.Buffer); ok {
		t.buf, t.last = b.Bytes(), true
	}
	return t
}

// fill reads on until there are at least n unread bytes, or all that there are.
func (t *tokens) fill(n int) error {
	for len(t.buf)-t.pos < n && !t.last {
		if err := t.leash.taut(); err != nil {
			return err
		}
		t.room(n)
		got, err := t.leash.Read(t.buf[len(t.buf):cap(t.buf)])
		t.buf = t.buf[:len(t.buf)+got]
		switch {
		case err == io.EOF:
			t.last = true
		case err != nil:
			return err
		}
	}
	return nil
}

// room makes room behind what is in buf, which will hold n unread bytes.
func (t *tokens) room(n int) {
	if len(t.buf) < cap(t.buf) && t.pos+n <= cap(t.buf) {
		return
	}
	t.keep.upTo(t, t.pos)
	t.keep.moved()
	t.base += int64(t.pos)
	if n < cap(t.buf) {
		t.buf = t.buf[:copy(t.buf, t.buf[t.pos:])]
	} else {
		t.buf = append(make([]byte, 0, max(2*cap(t.buf), n, bufferSize)), t.buf[t.pos:]...)
	}
	t.pos = 0
}

// InputOffset returns where the token or value that was read last ends.
func (t *tokens) InputOffset() int64 { return t.base + int64(t.pos) }

// StackDepth returns how many objects and arrays are open.
func (t *tokens) StackDepth() int { return len(t.stack) }

// top returns the innermost level; nil outside of all.
func (t *tokens) top() *level {
	if len(t.stack) == 0 {
		return nil
	}
	return &t.stack[len(t.stack)-1]
}

// next returns the index of the first byte of the next token, behind the comma or
// colon that has to stand before it.
func (t *tokens) next() (int, error) {
	i, err := t.solid(t.pos)
	if err != nil {
		return 0, err
	}
	l := t.top()
	if l == nil {
		return i, nil
	}
	c, want := t.buf[i], byte(0)
	switch {
	case l.named:
		want = ':'
	case l.n > 0 && c != ']' && c != '}':
		want = ','
	}
	if want == 0 {
		return i, nil
	}
	if c != want {
		return 0, errFault
	}
	if i, err = t.solid(i + 1); err != nil {
		return 0, err
	}
	if c = t.buf[i]; want == ',' && (c == ']' || c == '}') {
		return 0, errFault
	}
	return i, nil
}

// errFault stands for what fault explains.
var errFault = errors.New("not strict JSON")

// solid returns the index of the first byte at or behind i that is no white space.
func (t *tokens) solid(i int) (int, error) {
	for {
		for ; i < len(t.buf); i++ {
			if c := t.buf[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return i, nil
			}
		}
		if t.last {
			return 0, io.EOF
		}
		at := i - t.pos
		if err := t.fill(at + 1); err != nil {
			return 0, err
		}
		i = t.pos + at
	}
}

// PeekKind returns the kind of the next token, and KindInvalid if there is none;
// reading it then says why.
func (t *tokens) PeekKind() jsontext.Kind {
	i, err := t.next()
	if err != nil {
		return jsontext.KindInvalid
	}
	switch c := t.buf[i]; c {
	case '{', '}', '[', ']', '"', 't', 'f', 'n':
		return jsontext.Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return jsontext.KindInvalid
}

// A piece is one token.
type piece struct {
	kind byte
	raw  []byte // of a string, number or word; valid until the next is read
}

// String returns the text of a string, and other tokens as they are written.
func (p piece) String() string {
	if p.kind == '"' {
		return text(p.raw)
	}
	return string(p.raw)
}

// ReadToken reads the next token. It fails with io.EOF at the end of all.
func (t *tokens) ReadToken() (piece, error) {
	i, err := t.next()
	if err != nil {
		return piece{}, t.explain(err, false)
	}
	l := t.top()
	switch c := t.buf[i]; {
	case c == ']' || c == '}':
		if l == nil || l.named || c == ']' != (l.kind == '[') {
			return piece{}, t.fault(false)
		}
		t.stack = t.stack[:len(t.stack)-1]
		t.pos = i + 1
		return piece{kind: c}, nil
	case l != nil && l.kind == '{' && !l.named:
		if c != '"' {
			return piece{}, t.fault(false)
		}
	case c == '{' || c == '[':
		if len(t.stack) >= levels {
			return piece{}, t.fault(false)
		}
		t.count()
		t.stack = append(t.stack, level{kind: c})
		t.pos = i + 1
		return piece{kind: c}, nil
	}
	isName := l != nil && l.kind == '{' && !l.named
	before := i - t.pos
	raw, err := t.take(i)
	if err != nil {
		return piece{}, t.explain(err, false)
	}
	p := piece{raw[0], raw}
	if isName {
		if !l.meet(p.String()) {
			t.pos -= len(raw) + before // the fault is in what was taken
			return piece{}, t.fault(false)
		}
		l.named = true
		return p, nil
	}
	t.count()
	return p, nil
}

// count notes that a value of the innermost level was read, or begins.
func (t *tokens) count() {
	if l := t.top(); l != nil {
		l.n++
		l.named = false
	}
}

// meet notes a name, and reports false if it is there already.
func (l *level) meet(name string) bool {
	if l.taken == nil {
		for _, other := range l.names {
			if other == name {
				return false
			}
		}
	} else if _, ok := l.taken[name]; ok {
		return false
	}
	l.names = append(l.names, name)
	switch {
	case l.taken != nil:
		l.taken[name] = struct{}{}
	case len(l.names) == few:
		l.taken = map[string]struct{}{}
		for _, n := range l.names {
			l.taken[n] = struct{}{}
		}
	}
	return true
}

// ReadValue reads the next value whole. It is valid until the next read.
func (t *tokens) ReadValue() (jsontext.Value, error) {
	i, err := t.next()
	if err != nil {
		return nil, t.explain(err, true)
	}
	if c, l := t.buf[i], t.top(); c == ']' || c == '}' || l != nil && l.kind == '{' && !l.named && c != '"' {
		return nil, t.fault(true)
	}
	if l := t.top(); l != nil && l.kind == '{' && !l.named {
		p, err := t.ReadToken()
		return p.raw, err
	}
	raw, err := t.take(i)
	if err != nil {
		return nil, t.explain(err, true)
	}
	t.count()
	return raw, nil
}

// pass moves behind the next value if all of it is in memory and nothing is wrong with
// it, and reports whether it did.
func (t *tokens) pass() bool {
	i, err := t.next()
	if err != nil {
		return false
	}
	if c, l := t.buf[i], t.top(); c == ']' || c == '}' || l != nil && l.kind == '{' && !l.named {
		return false
	}
	t.scan.last, t.scan.room, t.scan.keys = t.last, levels, 0
	end := t.scan.value(t.buf, i, &t.root, levels-len(t.stack))
	if end < 0 {
		return false
	}
	t.pos = end
	t.count()
	return true
}

// take scans the value at buf[i] and moves behind it. Until then nothing moves.
func (t *tokens) take(i int) ([]byte, error) {
	for at := i - t.pos; ; {
		i = t.pos + at
		t.scan.last, t.scan.room, t.scan.keys = t.last, levels, 0
		end := t.scan.value(t.buf, i, &t.root, levels-len(t.stack))
		switch {
		case end >= 0:
			if err := t.leash.allows(end - i); err != nil {
				return nil, err
			}
			t.pos = end
			return t.buf[i:end], nil
		case end == wrong || t.last:
			return nil, errFault
		}
		// Half as much again, so that a long value is not scanned for each read.
		have := len(t.buf) - t.pos
		err := t.fill(have + max(have/2, 1))
		if err != nil && len(t.buf)-t.pos == have {
			return nil, err
		}
	}
}

// deep returns how deep the value that was read last nests.
func (t *tokens) deep() int { return levels - len(t.stack) - t.scan.room }

// explain turns what stopped a read into its error.
func (t *tokens) explain(err error, value bool) error {
	switch {
	case err == io.EOF && len(t.stack) == 0:
		return io.EOF
	case err == io.EOF || err == errFault:
		return t.fault(value)
	}
	return err
}

// fault shows jsontext the bytes behind the last token, in the surroundings that
// they stand in, and returns its error with the place as it is in the whole.
func (t *tokens) fault(value bool) error {
	// A character that is only begun would be shown as a byte. What fails here fails
	// below again.
	_ = t.fill(len(t.buf) - t.pos + utf8.UTFMax)
	prefix, before := t.surroundings()
	rest := []io.Reader{strings.NewReader(prefix), bytes.NewReader(t.buf[t.pos:])}
	if !t.last {
		rest = append(rest, t.leash)
	}
	dec := jsontext.NewDecoder(io.MultiReader(rest...))
	for dec.InputOffset() < int64(len(prefix)) {
		if _, err := dec.ReadToken(); err != nil {
			return disagree(err)
		}
	}
	var err error
	if value {
		_, err = dec.ReadValue()
	} else {
		_, err = dec.ReadToken()
	}
	var syntax *jsontext.SyntacticError
	switch {
	case err == nil:
		return disagree(nil)
	case !errors.As(err, &syntax):
		return err
	}
	moved := *syntax
	moved.ByteOffset += t.base + int64(t.pos) - int64(len(prefix))
	moved.JSONPointer = t.place(string(syntax.JSONPointer), before)
	return &moved
}

// disagree is the error for bytes that only one of the two readers refuses.
func disagree(err error) error {
	return errs.New(errs.Internal, "two readers of JSON disagree about the body").Named("json-readers-disagree").Because(err)
}

// surroundings writes what leads to where we are: each object with its names, each
// array with one element for all that it has had. It returns how many elements of
// each level are left out.
func (t *tokens) surroundings() (string, []int64) {
	var out []byte
	left := make([]int64, len(t.stack))
	for i, l := range t.stack {
		inner := i == len(t.stack)-1
		out = append(out, l.kind)
		if l.kind == '[' {
			done := l.n
			if !inner {
				done--
			}
			if done > 0 {
				out = append(out, `""`...)
				left[i] = done - 1
				if !inner {
					out = append(out, ',')
				}
			}
			continue
		}
		for j, name := range l.names {
			if j > 0 {
				out = append(out, ',')
			}
			out, _ = jsontext.AppendQuote(out, name) // it was read from valid JSON
			switch last := j == len(l.names)-1; {
			case !last || inner && !l.named:
				out = append(out, `:""`...)
			case !inner:
				out = append(out, ':')
			}
		}
	}
	return string(out), left
}

// place writes a pointer with the elements counted that the surroundings left out.
func (t *tokens) place(pointer string, left []int64) jsontext.Pointer {
	parts := strings.Split(pointer, "/")
	for i, l := range t.stack {
		if l.kind != '[' || i+1 >= len(parts) {
			continue
		}
		if n, err := strconv.ParseInt(parts[i+1], 10, 64); err == nil {
			parts[i+1] = strconv.FormatInt(n+left[i], 10)
		}
	}
	return jsontext.Pointer(strings.Join(parts, "/"))
}
