package decode

import (
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of an envelope: next links and totals are few and short.
const (
	maxFields     = 1000
	maxFieldBytes = 16 << 10
	maxFieldDepth = 6
	maxFieldElems = 20
)

// A Field is a string, number, boolean or null beside the records.
type Field struct {
	Path string         // keys joined by dots, elements as [0]: "links.next", "links[0].href"
	Raw  jsontext.Value // as in the source
}

// An Envelope is what stands around the records, before and after them.
type Envelope struct {
	Fields []Field
	Cut    bool // there was more than an envelope may hold
}

// collect reads the value that comes next into the envelope as far as it fits,
// and checks and drops the rest.
func (s *splitter) collect(path string, depth int) error {
	e := &s.env
	full := len(e.Fields) >= maxFields || depth > maxFieldDepth
	switch s.dec.PeekKind() {
	case '{':
		if full {
			break
		}
		return s.members(func(name string) error { return s.collect(join(path, name), depth+1) })
	case '[':
		if full {
			break
		}
		return s.elements(func(i int64) error {
			if i >= maxFieldElems {
				e.Cut = true
				return s.skip()
			}
			return s.collect(path+"["+itoa(i)+"]", depth+1)
		})
	default:
		raw, err := s.value()
		if err != nil {
			return err
		}
		if full || len(raw) > maxFieldBytes {
			e.Cut = true
			return nil
		}
		e.Fields = append(e.Fields, Field{path, raw.Clone()})
		return nil
	}
	e.Cut = true
	return s.skip()
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
