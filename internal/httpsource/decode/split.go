package decode

import (
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// A Plan says which values of a document become rows, and how. The zero Plan
// takes the whole document.
type Plan struct {
	Path    Path
	Shape   Shape    // empty means: see the first elements; many documents if there are many
	Columns []string // of a table with a header: its names, as the first page gave them
}

// A Result is what Split found.
type Result struct {
	Rows     int64
	Envelope Envelope
	Kind     byte     // what the path selected: '[', '{', '"', '0', 't', 'n'; 0 if nothing
	Keys     []string // if nothing was selected: the keys at the deepest point reached
	Reached  string   // that point as a path
	Hint     string   // why the path ends there, for a person; may be empty

	Shape     Shape    // the plan's, or else what the elements showed; empty while there were none
	Evidence  string   // what they showed, if the plan had no shape
	Columns   []string // the names that the source gives to the columns of a table
	Complaint string   // what the source itself says is missing in its answer
	Ragged    *Ragged  // of a CSV: records of another length, and what was done with them; nil if there are none
}

// Selected reports whether the path led to a value.
func (r Result) Selected() bool { return r.Kind != 0 }

// Split reads UTF-8 from r and calls emit with each row: always one JSON object,
// valid only during the call. It holds no more than one row, or the first few
// until their shape is known. An error of emit ends it and is returned as it is.
//
// The JSON must be strict: no duplicate keys, no bytes that are not UTF-8, no
// lone surrogates, nothing after the document. So must CSV and XML.
func Split(r io.Reader, plan Plan, l Limits, emit func(raw []byte) error) (Result, error) {
	return newSplitter(r, plan, l, emit).all()
}

func (s *splitter) all() (Result, error) {
	var err error
	switch s.plan.Shape.Base() {
	case CSV:
		err = s.csv()
	case XML:
		err = s.xml()
	default:
		err = s.documents()
		if err == nil {
			err = s.complaint()
		}
	}
	s.result.Envelope, s.result.Shape = s.env, s.plan.Shape
	var stop stopped
	switch {
	case errors.As(err, &stop):
		return s.result, stop.error
	case err != nil:
		return s.result, explain(err)
	}
	return s.result, nil
}

// stopped carries an error of emit past the code that names tokenizer errors.
type stopped struct{ error }

type splitter struct {
	dec    *tokens
	leash  *leash
	plan   Plan
	limits Limits
	emit   func([]byte) error
	env    Envelope
	result Result
	depth  int // how many steps of the path were followed at the deepest point
	buf    []byte
	join   joiner
	keep   *keeper  // nil if nothing is kept
	main   *tokens  // of the body itself
	table  *tabular // of the array of arrays that is being read
	ragged raggedRows

	look    look // while the shape is not known
	pending []jsontext.Value
	waiting int // bytes in pending
}

func newSplitter(r io.Reader, plan Plan, l Limits, emit func([]byte) error) *splitter {
	s := &splitter{leash: &leash{r: r, limit: l.RecordBytes, option: "record_bytes"}, plan: plan, limits: l, emit: emit, depth: -1}
	if plan.Shape.Base() == Columns || plan.Path.query != nil {
		s.leash.limit, s.leash.option = max(l.DocumentBytes, l.RecordBytes), "document_bytes"
	}
	s.dec = newTokens(s.leash)
	return s
}

// documents reads one document, or several if they are lines.
func (s *splitter) documents() error {
	for n := 0; ; n++ {
		kind := s.dec.PeekKind()
		if kind == jsontext.KindInvalid {
			_, err := s.dec.ReadToken()
			if err == io.EOF && n > 0 {
				return nil
			}
			if err == io.EOF {
				return empty()
			}
			return err
		}
		// Objects one after the other are lines; after anything else it is garbage.
		if n > 0 && s.plan.Shape != Lines && (kind != '{' || s.result.Kind == '[' && s.plan.Path.text == "") {
			return errs.New(errs.Upstream, "the body is not valid JSON: something follows the document at byte %d", s.dec.InputOffset()).
				Named("json-invalid").Fix("check that the address returns JSON", `if the answer is one JSON value a line, set options.shape to "lines"`)
		}
		if err := s.document(); err != nil {
			return err
		}
	}
}

func (s *splitter) document() error {
	if s.plan.Path.query != nil {
		return s.evaluate()
	}
	if s.plan.Shape == Lines && len(s.plan.Path.steps) == 0 {
		s.result.Kind = '{'
		return s.row()
	}
	return s.follow(s.plan.Path.steps, "", 0)
}

// empty is the error for a body without a value.
func empty() error {
	return errs.New(errs.Upstream, "the body is empty").Named("empty-body").
		Fix("check the address and the method", "check whether the source needs a header such as Accept: application/json")
}

// follow takes the next value along the steps that are left.
func (s *splitter) follow(steps []step, path string, done int) error {
	if len(steps) == 0 {
		return s.selected(path)
	}
	kind, next := s.dec.PeekKind(), steps[0]
	switch {
	case next.kind == byAll && kind == '[':
		s.result.Kind = '['
		return s.elements(func(int64) error { return s.node(steps[1:]) })
	case next.kind == byAll && kind == '{':
		s.result.Kind = '['
		return s.members(func(string) error { return s.node(steps[1:]) })
	case next.kind == byName && kind == '{':
		return s.member(steps, path, done)
	case kind == '[' && next.kind != byAll:
		return s.element(steps, path, done)
	}
	s.stuck(done, path, nil, describe(kind))
	return s.collect(path, done)
}

// member follows a name into an object; the other members are the envelope.
func (s *splitter) member(steps []step, path string, done int) error {
	var keys []string
	found := false
	err := s.members(func(name string) error {
		if name == steps[0].name {
			found = true
			return s.follow(steps[1:], join(path, name), done+1)
		}
		if len(keys) < 50 {
			keys = append(keys, name)
		}
		return s.collect(join(path, name), done)
	})
	if err == nil && !found {
		s.stuck(done, path, keys, "")
	}
	return err
}

// element follows an index into an array. A name of digits counts as an index.
func (s *splitter) element(steps []step, path string, done int) error {
	index, err := strconv.Atoi(steps[0].name)
	if steps[0].kind == byIndex {
		index, err = steps[0].index, nil
	}
	if err != nil {
		s.stuck(done, path, nil, "it is an array; to look into each of its elements write [*] before the key")
		return s.collect(path, done)
	}
	n := int64(0)
	err = s.elements(func(i int64) error {
		n = i + 1
		if i == int64(index) {
			return s.follow(steps[1:], path+"["+itoa(i)+"]", done+1)
		}
		return s.skip()
	})
	if err == nil && n <= int64(index) {
		s.stuck(done, path, nil, "it is an array of "+itoa(n)+" elements")
	}
	return err
}

// stuck notes how far the path led.
func (s *splitter) stuck(done int, path string, keys []string, hint string) {
	if done > s.depth {
		s.depth = done
		s.result.Reached, s.result.Keys, s.result.Hint = path, keys, hint
	}
}

func describe(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "it is a string"
	case '0':
		return "it is a number"
	case 't', 'f':
		return "it is true or false"
	case 'n':
		return "it is null"
	case '{':
		return "it is an object"
	}
	return ""
}

// selected turns the next value, which the path leads to, into rows.
func (s *splitter) selected(path string) error {
	kind := s.dec.PeekKind()
	s.result.Kind = byte(kind)
	switch {
	case kind == 'n':
		_, err := s.dec.ReadToken() // no rows
		return err
	case s.plan.Shape == Columns:
		raw, err := s.value()
		if err != nil {
			return err
		}
		return s.columns(raw)
	case s.plan.Shape == Map && kind == '{':
		s.result.Kind = '['
		return s.keyed()
	case s.plan.Shape == ColumnsRows && kind == '{':
		s.result.Kind = '['
		return s.framed(path)
	case kind == '[':
		return s.list()
	}
	return s.single(path)
}

// list gives the elements of the array that comes next. While the shape is not
// known they are held, for as long as it takes to tell.
func (s *splitter) list() error {
	err := s.elements(func(int64) error {
		if s.plan.Shape == Influx {
			return s.influxResult()
		}
		if s.plan.Shape != "" {
			return s.row()
		}
		raw, err := s.value()
		if err != nil {
			return err
		}
		s.look.add(raw)
		s.pending = append(s.pending, raw.Clone())
		if s.waiting += len(raw); s.look.plain() || s.look.n >= lookElements || s.waiting >= lookBytes {
			return s.decide()
		}
		return nil
	})
	if s.pending == nil {
		return err
	}
	var stop stopped
	if derr := s.decide(); err == nil || errors.As(derr, &stop) {
		return derr
	}
	return err
}

// decide takes the shape of what was held and gives it.
func (s *splitter) decide() error {
	s.plan.Shape, s.result.Evidence = s.look.shape()
	held := s.pending
	s.pending, s.waiting, s.look = nil, 0, look{}
	for _, raw := range held {
		if err := s.give(raw); err != nil {
			return err
		}
	}
	return nil
}

// single gives one value as one row. If it is the whole document, what steers
// paging is inside it.
func (s *splitter) single(path string) error {
	raw, err := s.value()
	if err != nil {
		return err
	}
	if path == "" && raw.Kind() == '{' && len(s.env.Fields) == 0 {
		inner := newSplitter(bytesReader(raw), Plan{}, s.limits, nil)
		if err := inner.collect("", 0); err != nil {
			return err
		}
		s.env = inner.env
	}
	return s.give(raw)
}

func (s *splitter) row() error {
	raw, err := s.value()
	if err != nil {
		return err
	}
	return s.give(raw)
}

// node gives what the steps after [*] select in the next value. An element
// without it gives nothing, as RFC 9535 has it.
func (s *splitter) node(steps []step) error {
	raw, err := s.value()
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		return s.spread(raw)
	}
	picked, ok, err := pick(raw, steps)
	if err != nil || !ok {
		return err
	}
	return s.spread(picked)
}

// spread gives a selected value: the elements of an array, or itself.
func (s *splitter) spread(raw jsontext.Value) error {
	if raw.Kind() != '[' {
		return s.give(raw)
	}
	inner := newSplitter(bytesReader(raw), Plan{}, s.limits, nil)
	return inner.elements(func(int64) error {
		v, err := inner.value()
		if err != nil {
			return err
		}
		return s.give(v)
	})
}

// give emits what one element is in rows. What is no object becomes {"value": ...}.
func (s *splitter) give(raw jsontext.Value) error {
	switch base := s.plan.Shape.Base(); base {
	case Prometheus:
		return s.samples(raw)
	case Arrays:
		return s.cells(raw)
	case Influx:
		return s.within(raw.Clone(), s.influxResult)
	case GeoJSON, JSONAPI, Edges:
		if raw.Kind() == '{' {
			return s.hoist(raw, hoistings(base))
		}
	}
	if raw.Kind() != '{' {
		s.buf = append(append(append(s.buf[:0], `{"value":`...), raw...), '}')
		raw = s.buf
	}
	return s.out(raw)
}

func (s *splitter) out(raw []byte) error {
	s.result.Rows++
	if err := s.emit(raw); err != nil {
		return stopped{err}
	}
	if err := s.keep.record(s.main, raw); err != nil {
		return stopped{err}
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
