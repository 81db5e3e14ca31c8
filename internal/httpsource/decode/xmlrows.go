package decode

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An element is a record of XML, or a part of one.
type element struct {
	name  string
	attrs []xml.Attr
	text  []byte
	kids  []*element
}

// xmlSplit turns the elements at a path into rows; what stands beside them is
// the envelope.
type xmlSplit struct {
	*splitter
	x     *xmlReader
	path  []string
	lists map[string]bool
	links int
}

// xml emits each element that the path leads to, or the root, as a row.
func (s *splitter) xml() error {
	names, err := xmlPath(s.plan.Path)
	if err != nil {
		return err
	}
	x := xmlSplit{splitter: s, x: newXMLReader(s.leash.r, s.limits), path: names, lists: map[string]bool{}}
	for name := range strings.SplitSeq(s.plan.Shape.param("lists"), "|") {
		x.lists[name] = true
	}
	for {
		switch token, err := x.x.next(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		default:
			// Only the root is left to come outside of it.
			if start, ok := token.(xml.StartElement); ok {
				if len(names) == 0 || names[0] == rawName(start.Name) {
					err = x.follow(start, 1)
				} else {
					s.stuck(0, "", []string{rawName(start.Name)}, "")
					err = x.beside(start, rawName(start.Name), 1)
				}
				if err != nil {
					return err
				}
			}
		}
	}
}

// follow reads an element that is on the path; depth is its own.
func (x *xmlSplit) follow(start xml.StartElement, depth int) error {
	if depth >= len(x.path) {
		x.result.Kind = '['
		return x.row(start)
	}
	path := dotted(x.path[:depth])
	x.attributes(start, path)
	var keys []string
	found := false
	for {
		token, err := x.x.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			name := rawName(t.Name)
			if len(keys) < 50 && !slices.Contains(keys, name) {
				keys = append(keys, name)
			}
			if name == x.path[depth] {
				found = true
				err = x.follow(t, depth+1)
			} else {
				err = x.beside(t, join(path, name), depth+1)
			}
			if err != nil {
				return err
			}
		case xml.EndElement:
			switch {
			case !found && keys == nil && depth+1 == len(x.path):
				x.result.Kind = '[' // a list without elements
			case !found:
				x.stuck(depth, path, keys, "it is an element without elements in it")
			}
			return nil
		}
	}
}

// beside reads an element that is not on the path into the envelope, as far as
// it fits, and drops the rest.
func (x *xmlSplit) beside(start xml.StartElement, path string, depth int) error {
	x.attributes(start, path)
	var text []byte
	leaf := true
	for {
		token, err := x.x.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			leaf = false
			if err := x.beside(t, join(path, rawName(t.Name)), depth+1); err != nil {
				return err
			}
		case xml.CharData:
			if leaf && len(text)+len(t) <= maxFieldBytes {
				text = append(text, t...)
			}
		case xml.EndElement:
			if text = bytes.TrimSpace(text); leaf && len(text) > 0 && depth <= maxFieldDepth {
				x.field(path, text)
			}
			return nil
		}
	}
}

// attributes puts the attributes of an element into the envelope. A link, which
// is how Atom pages, takes the form that it has in JSON.
func (x *xmlSplit) attributes(start xml.StartElement, path string) {
	link := slices.ContainsFunc(start.Attr, func(a xml.Attr) bool { return rawName(a.Name) == "rel" })
	for _, a := range start.Attr {
		name := path + ".@" + rawName(a.Name)
		if link {
			name = "links[" + itoa(int64(x.links)) + "]." + rawName(a.Name)
		}
		if a.Value != "" {
			x.field(name, []byte(a.Value))
		}
	}
	if link {
		x.links++
	}
}

func (x *xmlSplit) field(path string, text []byte) {
	if len(x.env.Fields) >= maxFields || len(text) > maxFieldBytes {
		x.env.Cut = true
		return
	}
	if raw, err := appendScalar(nil, text); err == nil {
		x.env.Fields = append(x.env.Fields, Field{path, jsontext.Value(raw)})
	}
}

// row reads an element whole and emits it.
func (x *xmlSplit) row(start xml.StartElement) error {
	from, parts := x.x.dec.InputOffset(), 0
	record, err := x.read(start, from, &parts)
	if err != nil {
		return err
	}
	if len(record.attrs)+len(record.kids) > 0 {
		x.buf, err = x.write(x.buf[:0], record, "")
	} else {
		x.buf, err = x.write(append(x.buf[:0], `{"value":`...), record, "")
		x.buf = append(x.buf, '}')
	}
	if err != nil {
		return err
	}
	return x.out(x.buf)
}

// read reads an element up to its end. from and parts are the record's.
func (x *xmlSplit) read(start xml.StartElement, from int64, parts *int) (*element, error) {
	e := &element{name: rawName(start.Name), attrs: start.Attr}
	// A part takes far more memory than the four bytes that it may be written in.
	if *parts += 1 + len(e.attrs); *parts > 10*x.limits.Keys {
		return nil, tooLarge("too-many-keys", "keys", "a record has more than %d elements and attributes", 10*x.limits.Keys)
	}
	for {
		token, err := x.x.next()
		if err != nil {
			return nil, err
		}
		if x.x.dec.InputOffset()-from > x.limits.RecordBytes {
			return nil, tooLarge("record-too-large", "record_bytes", "one element is longer than %s, the limit for a record", size(x.limits.RecordBytes))
		}
		switch t := token.(type) {
		case xml.StartElement:
			kid, err := x.read(t, from, parts)
			if err != nil {
				return nil, err
			}
			e.kids = append(e.kids, kid)
		case xml.CharData:
			e.text = append(e.text, t...)
		case xml.EndElement:
			return e, nil
		}
	}
}

// write appends an element as JSON: one without attributes and elements is its
// text, or null; any other an object of its attributes as @name, its elements,
// and its text as #text. Elements that occur more than once, or did so in a
// sibling record, are arrays. See docs/decisions/0006.
func (x *xmlSplit) write(buf []byte, e *element, at string) ([]byte, error) {
	if len(e.kids) == 0 && len(e.attrs) == 0 {
		if len(e.text) == 0 {
			return append(buf, "null"...), nil
		}
		return appendScalar(buf, e.text)
	}
	if len(e.kids) == 0 && len(e.attrs) == 1 && e.attrs[0].Name.Local == "nil" && e.attrs[0].Name.Space != "" && e.attrs[0].Value == "true" && at != "" {
		return append(buf, "null"...), nil
	}
	buf = append(buf, '{')
	var err error
	for _, a := range e.attrs {
		if buf, err = x.key(buf, "@"+rawName(a.Name)); err != nil {
			return nil, err
		}
		if buf, err = appendScalar(buf, []byte(a.Value)); err != nil {
			return nil, err
		}
	}
	groups := map[string][]*element{}
	for _, kid := range e.kids {
		groups[kid.name] = append(groups[kid.name], kid)
	}
	for _, kid := range e.kids {
		group := groups[kid.name]
		if group == nil {
			continue // written with its first
		}
		groups[kid.name] = nil
		if buf, err = x.key(buf, kid.name); err != nil {
			return nil, err
		}
		if buf, err = x.group(buf, group, strings.TrimPrefix(at+"/"+kid.name, "/")); err != nil {
			return nil, err
		}
	}
	if text := bytes.TrimSpace(e.text); len(text) > 0 {
		if buf, err = x.key(buf, "#text"); err != nil {
			return nil, err
		}
		if buf, err = appendScalar(buf, text); err != nil {
			return nil, err
		}
	}
	return append(buf, '}'), nil
}

// group appends elements of one name: one alone as it is.
func (x *xmlSplit) group(buf []byte, group []*element, at string) ([]byte, error) {
	if len(group) == 1 && !x.lists[at] {
		return x.write(buf, group[0], at)
	}
	buf = append(buf, '[')
	for i, e := range group {
		if i > 0 {
			buf = append(buf, ',')
		}
		var err error
		if buf, err = x.write(buf, e, at); err != nil {
			return nil, err
		}
	}
	return append(buf, ']'), nil
}

func (x *xmlSplit) key(buf []byte, name string) ([]byte, error) {
	if buf[len(buf)-1] != '{' {
		buf = append(buf, ',')
	}
	buf, err := jsontext.AppendQuote(buf, name)
	return append(buf, ':'), err
}
