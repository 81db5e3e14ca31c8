package typing

import (
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// object rewrites the object at i, whose keys are the fields of p.
func (n *Normalizer) object(i int, p *plan, depth int) int {
	if depth < 0 {
		return tooDeep
	}
	n.objects++
	id, next := n.objects, 0
	b := n.src
	if i = n.space(i + 1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		var f *planField
		start := i
		if next < len(p.fields) {
			c := p.fields[next]
			if end := i + 1 + len(c.key); end < len(b) && b[end] == '"' && b[i] == '"' && c.plain && string(b[i+1:end]) == c.key {
				f, i = c, end+1
			}
		}
		if f == nil {
			if f, i = n.key(i, p); i < 0 {
				return bad
			}
		}
		if f.seen == id {
			return n.twice(f.key)
		}
		f.seen = id
		next = f.pos + 1
		n.field = f
		if f.rename != nil {
			n.flush(start, i)
			n.dst = append(n.dst, f.rename...)
		}
		i = n.value(n.colon(i), &f.plan, depth)
		if i < 0 {
			return i
		}
		if i = n.space(i); i >= len(b) || b[i] != ',' {
			break
		}
		i = n.space(i + 1)
	}
	return scanLast(b, i, '}')
}

// colon returns the index of the value after the colon that comes next, or bad.
func (n *Normalizer) colon(i int) int {
	if i = n.space(i); i >= len(n.src) || n.src[i] != ':' {
		return bad
	}
	return n.space(i + 1)
}

// key reads the key at i and returns its field and the index after it, or bad.
func (n *Normalizer) key(i int, p *plan) (*planField, int) {
	if i >= len(n.src) || n.src[i] != '"' {
		return nil, bad
	}
	end, escaped := scanString(n.src, i)
	if end < 0 {
		return nil, bad
	}
	name := n.src[i+1 : end-1]
	if escaped {
		var err error
		if n.scratch, err = jsontext.AppendUnquote(n.scratch[:0], n.src[i:end]); err != nil {
			return nil, bad
		}
		name = n.scratch
	}
	if f := p.index[string(name)]; f != nil {
		return f, end
	}
	n.err = errs.New(errs.Invalid, "a record has the key %q, which is not in the schema that was decided over all records", clip(string(name))).
		Named("value-does-not-fit").Fix("decide the types again over all records")
	return nil, bad
}

func (n *Normalizer) twice(key string) int {
	n.err = errs.New(errs.Invalid, "an object of a record has a key twice: %q", clip(key)).Named("duplicate-key")
	return bad
}

// mapping rewrites the object at i, whose keys are data. They stay as they are.
func (n *Normalizer) mapping(i int, elem *plan, depth int) int {
	if depth < 0 {
		return tooDeep
	}
	b := n.src
	if i = n.space(i + 1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	// Engines do not look for duplicates in a map, and return either.
	seen := map[string]bool{}
	for {
		if i >= len(b) || b[i] != '"' {
			return bad
		}
		end, escaped := scanString(b, i)
		if end < 0 {
			return bad
		}
		key := string(b[i+1 : end-1])
		if escaped {
			text, err := jsontext.AppendUnquote(nil, b[i:end])
			if err != nil {
				return bad
			}
			key = string(text)
		}
		if seen[key] {
			return n.twice(key)
		}
		seen[key] = true
		if i = n.value(n.colon(end), elem, depth); i < 0 {
			return i
		}
		if i = n.space(i); i >= len(b) || b[i] != ',' {
			break
		}
		i = n.space(i + 1)
	}
	return scanLast(b, i, '}')
}

// list rewrites the array at i.
func (n *Normalizer) list(i int, elem *plan, depth int) int {
	if depth < 0 {
		return tooDeep
	}
	b := n.src
	if i = n.space(i + 1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = n.value(i, elem, depth); i < 0 {
			return i
		}
		if i = n.space(i); i >= len(b) || b[i] != ',' {
			break
		}
		i = n.space(i + 1)
	}
	return scanLast(b, i, ']')
}
