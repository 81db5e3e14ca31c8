package decode

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// evaluate runs a JSONPath that cannot be followed while streaming: it holds
// the document, which is what Limits.DocumentBytes bounds.
func (s *splitter) evaluate() error {
	raw, err := s.value()
	if err != nil {
		return err
	}
	raw = raw.Clone()
	root, value, err := plant(raw)
	if err != nil {
		return err
	}
	beside := newSplitter(bytesReader(raw), Plan{}, s.limits, nil)
	if err := beside.collect("", 0); err != nil {
		return err
	}
	s.env = beside.env

	nodes := locate(s.plan.Path.query, root, value)
	if len(nodes) == 0 {
		s.reach(root, value)
		return nil
	}
	s.result.Kind = '['
	for i, n := range nodes {
		// Only series are told by one element; other forms need to be set.
		if i == 0 && s.plan.Shape == "" && isSeries(n.raw) {
			s.plan.Shape = Prometheus
		}
		if err := s.spread(n.raw); err != nil {
			return err
		}
	}
	return nil
}

// locate returns the selected nodes as they stand in the source.
func locate(q *jsonpath.Path, root *tree, value any) []*tree {
	type node struct{ at, parent *tree }
	below := behindDescent(q)
	var found []node
	for _, n := range q.SelectLocated(value) {
		chain := make([]*tree, 1, len(n.Path)+1)
		chain[0] = root
		for i, sel := range n.Path {
			switch k := sel.(type) {
			case spec.Name:
				chain = append(chain, chain[i].names[string(k)])
			case spec.Index:
				chain = append(chain, chain[i].elems[int(k)])
			}
		}
		found = append(found, node{chain[len(n.Path)], chain[max(0, len(n.Path)-below)]})
	}
	if unordered(q) {
		// A descent visits a value before the values in it, and gives what it
		// selects in one value before it goes on.
		slices.SortStableFunc(found, func(a, b node) int {
			return cmp.Or(cmp.Compare(a.parent.start, b.parent.start), cmp.Compare(a.at.start, b.at.start))
		})
	}
	out := make([]*tree, len(found))
	for i, n := range found {
		out[i] = n.at
	}
	return out
}

// behindDescent returns how many steps lead from a value that a descent visits
// to the selected node; without a descent they lead from the root.
func behindDescent(q *jsonpath.Path) int {
	segments := q.Query().Segments()
	for i := len(segments) - 1; i >= 0; i-- {
		if segments[i].IsDescendant() {
			return len(segments) - i
		}
	}
	return len(segments)
}

// unordered reports whether the order of the nodes is left to the evaluator,
// which then takes that of a Go map. The source's order is put in its place.
func unordered(q *jsonpath.Path) bool {
	loose := false
	for _, seg := range q.Query().Segments() {
		if len(seg.Selectors()) != 1 {
			return false // a union says in which order it wants its parts
		}
		switch seg.Selectors()[0].(type) {
		case spec.SliceSelector:
			return false // may run backwards
		case spec.WildcardSelector, *spec.FilterSelector:
			loose = true
		}
		loose = loose || seg.IsDescendant()
	}
	return loose
}

// reach finds the longest beginning of the path that selects something, to name
// the keys that exist there.
func (s *splitter) reach(root *tree, value any) {
	segments := s.plan.Path.query.Query().Segments()
	for n := len(segments) - 1; n >= 0; n-- {
		prefix := jsonpath.New(spec.Query(true, segments[:n]...))
		nodes := locate(prefix, root, value)
		if len(nodes) == 0 {
			continue
		}
		at := nodes[0]
		s.result.Reached = prefix.String()
		s.result.Hint = describe(at.raw.Kind())
		if at.raw.Kind() == '[' {
			s.result.Hint = "it is an array of " + itoa(int64(len(at.elems))) + " elements"
		}
		for _, name := range at.order {
			if len(s.result.Keys) < 50 {
				s.result.Keys, s.result.Hint = append(s.result.Keys, name), ""
			}
		}
		return
	}
}

// A tree is a parsed value that knows how it is spelled in the source.
type tree struct {
	raw   jsontext.Value
	start int64
	names map[string]*tree
	order []string
	elems []*tree
}

// plant parses raw into a tree and, beside it, into the values that the JSONPath
// evaluator takes. Numbers keep their digits.
func plant(raw jsontext.Value) (*tree, any, error) {
	p := planter{raw: raw, dec: jsontext.NewDecoder(bytes.NewBuffer(raw))}
	return p.value()
}

type planter struct {
	raw jsontext.Value
	dec *jsontext.Decoder
}

func (p *planter) value() (*tree, any, error) {
	kind := p.dec.PeekKind()
	start := p.dec.InputOffset()
	// The offset is behind the token before; what separates tokens follows.
	for start < int64(len(p.raw)) && bytes.IndexByte([]byte(" \t\r\n,:"), p.raw[start]) >= 0 {
		start++
	}
	t := &tree{start: start}
	var value any
	var err error
	switch kind {
	case '{':
		value, err = p.object(t)
	case '[':
		value, err = p.array(t)
	default:
		var token jsontext.Token
		if token, err = p.dec.ReadToken(); err != nil {
			return nil, nil, err
		}
		switch kind {
		case '"':
			value = token.String()
		case '0':
			value = json.Number(token.String())
		case 't', 'f':
			value = token.Bool()
		}
	}
	if err != nil {
		return nil, nil, err
	}
	t.raw = p.raw[start:p.dec.InputOffset()]
	return t, value, nil
}

func (p *planter) object(t *tree) (any, error) {
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	t.names = map[string]*tree{}
	values := map[string]any{}
	for p.dec.PeekKind() == '"' {
		token, err := p.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		child, value, err := p.value()
		if err != nil {
			return nil, err
		}
		t.names[name], values[name] = child, value
		t.order = append(t.order, name)
	}
	_, err := p.dec.ReadToken()
	return values, err
}

func (p *planter) array(t *tree) (any, error) {
	if _, err := p.dec.ReadToken(); err != nil {
		return nil, err
	}
	values := []any{}
	for p.dec.PeekKind() != ']' {
		child, value, err := p.value()
		if err != nil {
			return nil, err
		}
		t.elems, values = append(t.elems, child), append(values, value)
	}
	_, err := p.dec.ReadToken()
	return values, err
}
