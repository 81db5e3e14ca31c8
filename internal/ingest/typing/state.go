package typing

import (
	"encoding/json"

	"millwright/internal/errs"
)

// stateVersion is raised when a State means something else than before.
const stateVersion = 1

// A stored observer. The names are short because a table may have thousands of columns.
type storedState struct {
	Version int        `json:"v"`
	Rows    int64      `json:"rows"`
	Root    storedNode `json:"root"`
}

type storedNode struct {
	Key    string        `json:"k,omitempty"`
	Shape  shape         `json:"s,omitempty"`
	Opaque bool          `json:"o,omitempty"`
	Counts Counts        `json:"c,omitzero"`
	Number storedNumbers `json:"n,omitzero"`
	Text   storedTexts   `json:"t,omitzero"`
	Fields []storedNode  `json:"f,omitempty"`
	Entry  *storedNode   `json:"e,omitempty"`
	Item   *storedNode   `json:"i,omitempty"`
	Keys   int           `json:"d,omitempty"`
}

type storedNumbers struct {
	Floats   int64 `json:"f,omitempty"`
	Zero     bool  `json:"z,omitempty"`
	Signed   bool  `json:"s,omitempty"`
	ZeroInt  bool  `json:"i,omitempty"`
	Lossy    bool  `json:"l,omitempty"`
	Whole    int   `json:"w,omitempty"`
	Scale    int   `json:"d,omitempty"`
	MinScale int   `json:"m,omitempty"`
}

type storedTexts struct {
	Words   bool  `json:"w,omitempty"`
	Clock   clock `json:"c,omitempty"`
	Respell bool  `json:"r,omitempty"`
	Shifted int64 `json:"s,omitempty"`
}

// State returns, as JSON, all that the observer knows. An observer restored from
// it goes on as this one would.
func (o *Observer) State() (json.RawMessage, error) {
	return json.Marshal(storedState{Version: stateVersion, Rows: o.rows, Root: storeNode(&o.root)})
}

func storeNode(n *node) storedNode {
	s := storedNode{Key: n.key, Shape: n.shape, Opaque: n.opaque, Counts: n.counts, Keys: n.keys,
		Number: storedNumbers{n.num.floats, n.num.zero, n.num.signed, n.num.zeroInt, n.num.lossy, n.num.whole, n.num.scale, n.num.minScale},
		Text:   storedTexts{n.str.words, n.str.clock, n.str.respell, n.str.shifted}}
	for _, f := range n.fields {
		s.Fields = append(s.Fields, storeNode(f))
	}
	if n.entry != nil {
		e := storeNode(n.entry)
		s.Entry = &e
	}
	if n.item != nil {
		i := storeNode(n.item)
		s.Item = &i
	}
	return s
}

// Restore returns an observer that has seen what the one of the state had. It
// fails with errs.Internal ("typing-state") if the state is none of ours.
func Restore(l Limits, state json.RawMessage) (*Observer, error) {
	var s storedState
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, badState("not JSON of ours").Because(err)
	}
	if s.Version != stateVersion || s.Rows < 0 {
		return nil, badState("of another version")
	}
	o := NewObserver(l)
	o.rows = s.Rows
	if err := o.restore(&o.root, s.Root); err != nil {
		return nil, err
	}
	if o.root.opaque || o.root.entry != nil || o.root.item != nil || o.root.shape != noShape && o.root.shape != object {
		return nil, badState("its records are no objects")
	}
	return o, nil
}

func badState(why string) *errs.Error {
	return errs.New(errs.Internal, "what is stored about the types of a dataset is %s", why).Named("typing-state")
}

// restore fills n, an empty node, with what s says.
func (o *Observer) restore(n *node, s storedNode) error {
	if !s.sane() {
		return badState("damaged")
	}
	n.shape, n.opaque, n.counts, n.keys = s.Shape, s.Opaque, s.Counts, s.Keys
	n.num = numbers{s.Number.Floats, s.Number.Zero, s.Number.Signed, s.Number.ZeroInt, s.Number.Lossy, s.Number.Whole, s.Number.Scale, s.Number.MinScale}
	n.str = texts{s.Text.Words, s.Text.Clock, s.Text.Respell, s.Text.Shifted}
	for _, f := range s.Fields {
		if n.index[f.Key] != nil {
			return badState("damaged: it has a key twice")
		}
		c := o.newNode(n)
		c.key = f.Key
		o.keyBytes += len(f.Key)
		n.fields = append(n.fields, c)
		if n.index == nil {
			n.index = map[string]*node{}
		}
		n.index[f.Key] = c
		if err := o.restore(c, f); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		from *storedNode
		to   **node
	}{{s.Entry, &n.entry}, {s.Item, &n.item}} {
		if part.from == nil {
			continue
		}
		*part.to = o.newNode(n)
		if err := o.restore(*part.to, *part.from); err != nil {
			return err
		}
	}
	return nil
}

// sane reports whether an observer can have stored s, as far as its own code
// relies on it.
func (s storedNode) sane() bool {
	inside := len(s.Fields) > 0 || s.Entry != nil
	c := s.Counts
	for _, n := range []int64{c.Nulls, c.Booleans, c.Integers, c.Fractions, c.Strings, c.Objects, c.Arrays,
		int64(s.Keys), s.Number.Floats, int64(s.Number.Whole), int64(s.Number.Scale), int64(s.Number.MinScale), s.Text.Shifted} {
		if n < 0 {
			return false
		}
	}
	switch {
	case s.Shape > mixed || s.Text.Clock > instant,
		s.Opaque && (inside || s.Item != nil),
		s.Shape == mixed && !s.Opaque,
		s.Entry != nil && len(s.Fields) > 0,
		inside && s.Shape != object,
		s.Item != nil && s.Shape != array:
		return false
	}
	return true
}
