package decode

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// nameMembers are members of an object that name the columns of another member.
func nameMembers() []string {
	return []string{"columns", "fields", "head", "header", "headers", "cols", "columnnames", "column_names", "meta", "keys", "schema"}
}

// rowMembers are members with rows of values.
func rowMembers() []string {
	return []string{"rows", "values", "data", "records", "result", "results", "items", "body", "table"}
}

func isMember(list []string, name string) bool { return slices.Contains(list, strings.ToLower(name)) }

// framed reads an object that has its columns' names apart from its rows. Rows
// that come before the names are held until the names are known.
func (s *splitter) framed(path string) error {
	var names []string
	var held jsontext.Value
	s.table = nil
	done := false
	err := s.members(func(name string) error {
		at := join(path, name)
		switch list := s.dec.PeekKind() == '['; {
		case list && names == nil && isMember(nameMembers(), name):
			raw, err := s.value()
			if err != nil {
				return err
			}
			if names = namesOf(raw); names == nil {
				return s.aside(raw, at)
			}
			return nil
		case list && !done && held == nil && isMember(rowMembers(), name):
			if names != nil {
				done = true
				return s.frame(names)
			}
			raw, err := s.held()
			held = raw.Clone()
			return err
		}
		return s.collect(at, 0)
	})
	if err != nil {
		return err
	}
	if names == nil || !done && held == nil {
		return errs.New(errs.Upstream, "the selected value has no names of columns beside its rows").Named("not-columns-rows").
			Fix(`it needs arrays such as "columns" and "rows"`, `set options.shape to "rows"`)
	}
	s.result.Columns = names
	if held == nil {
		return nil
	}
	return s.within(held, func() error { return s.frame(names) })
}

// frame emits the rows of the array that comes next.
func (s *splitter) frame(names []string) error {
	s.table = new(tabular)
	if err := s.table.set(names); err != nil {
		return err
	}
	return s.elements(func(int64) error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		if raw.Kind() == '{' {
			return s.out(raw)
		}
		return s.cells(raw)
	})
}

// aside puts a value that was read already into the envelope.
func (s *splitter) aside(raw jsontext.Value, path string) error {
	return s.within(raw.Clone(), func() error { return s.collect(path, 0) })
}

// namesOf reads names of columns: strings, or objects with a name. It returns
// nil if they are neither.
func namesOf(raw jsontext.Value) []string {
	elems, _ := elementsOf(raw)
	out := make([]string, 0, len(elems))
	for _, e := range elems {
		if e.Kind() == '{' {
			m, _ := membersOf(e)
			e = nameOf(m)
		}
		if e.Kind() != '"' {
			return nil
		}
		out = append(out, text(e))
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// nameOf returns the name in the description of a column, nil if there is none.
func nameOf(m map[string]jsontext.Value) jsontext.Value {
	for _, key := range []string{"name", "field", "fieldName", "columnName", "column_name", "key", "id", "label", "title"} {
		if v := m[key]; v.Kind() == '"' {
			return v
		}
	}
	return nil
}
