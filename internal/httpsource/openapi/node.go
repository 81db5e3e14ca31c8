package openapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A kind is the type of a value.
type kind int

const (
	null kind = iota
	scalar
	list
	object
)

// A node is a value of the document. The zero node is null. Aliases of YAML share
// nodes.
type node struct {
	kind  kind
	text  string // of a scalar
	plain bool   // the scalar is a string
	names []string
	items []*node        // of a list; of an object, beside names
	index map[string]int // of names, if there are more than fewNames
}

// get returns a member of an object, and null if there is none, so that a path
// of gets needs no checks.
func (n *node) get(name string) *node {
	if i := n.find(name); i >= 0 {
		return n.items[i]
	}
	return &node{}
}

// find returns the place of a member, or -1.
func (n *node) find(name string) int {
	if n.index == nil {
		return slices.Index(n.names, name)
	}
	if i, ok := n.index[name]; ok {
		return i
	}
	return -1
}

// fewNames is how many members are found without an index, which takes several
// times the memory of a small object.
const fewNames = 8

// set adds or replaces a member. It is for building a node.
func (n *node) set(name string, value *node) {
	if i := n.find(name); i >= 0 {
		n.items[i] = value
		return
	}
	n.names, n.items = append(n.names, name), append(n.items, value)
	switch {
	case n.index != nil:
		n.index[name] = len(n.names) - 1
	case len(n.names) > fewNames:
		n.index = make(map[string]int, 2*fewNames)
		for i, have := range n.names {
			n.index[have] = i
		}
	}
}

func (n *node) string() string {
	if n.kind != scalar {
		return ""
	}
	return n.text
}

func (n *node) bool() bool { return strings.EqualFold(n.string(), "true") }

func (n *node) integer() (int, bool) {
	i, err := strconv.Atoi(n.string())
	return i, err == nil
}

// elements returns the values of a list.
func (n *node) elements() []*node {
	if n.kind != list {
		return nil
	}
	return n.items
}

// maxValue is the length of the longest example that is copied.
const maxValue = 64 << 10

// json writes the value; false if it is too long, which aliases can make it.
func (n *node) json() (string, bool) {
	var b strings.Builder
	ok := n.write(&b, 0)
	return b.String(), ok
}

func (n *node) write(b *strings.Builder, depth int) bool {
	if b.Len() > maxValue || depth > 50 {
		return false
	}
	quoted := func(text string) {
		q, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\uFFFD"))
		if err == nil { // always, once the text is valid
			b.Write(q)
		}
	}
	switch n.kind {
	case null:
		b.WriteString("null")
	case scalar:
		if v := jsontext.Value(n.text); !n.plain && v.IsValid() {
			b.Write(v)
		} else {
			quoted(n.text)
		}
	case list:
		b.WriteByte('[')
		for i, e := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if !e.write(b, depth+1) {
				return false
			}
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i, name := range n.names {
			if i > 0 {
				b.WriteByte(',')
			}
			quoted(name)
			b.WriteByte(':')
			if !n.items[i].write(b, depth+1) {
				return false
			}
		}
		b.WriteByte('}')
	}
	return b.Len() <= maxValue
}

// resolve follows references inside the document. What cannot be followed is
// null.
func (d *reader) resolve(n *node) *node {
	for range 32 {
		ref := n.get("$ref")
		if ref.kind != scalar {
			return n
		}
		if !d.step() {
			return &node{}
		}
		path, inside := strings.CutPrefix(ref.text, "#")
		if !inside {
			d.remote++
			return &node{}
		}
		if n = d.at(path); n.kind == null {
			d.dead++
			return n
		}
	}
	d.dead++ // a circle of references that holds nothing
	return &node{}
}

// at returns what a JSON pointer in a fragment names.
func (d *reader) at(pointer string) *node {
	if plain, err := url.PathUnescape(pointer); err == nil {
		pointer = plain
	}
	n := d.root
	if pointer == "" {
		return n
	}
	if pointer[0] != '/' {
		return &node{}
	}
	for key := range strings.SplitSeq(pointer[1:], "/") {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		if n.kind == list {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(n.items) {
				return &node{}
			}
			n = n.items[i]
			continue
		}
		n = n.get(key)
	}
	return n
}
