package analyze

import (
	"fmt"

	"millwright/internal/table"
)

func container(s subject) (string, bool) {
	if s.typ.Kind != table.Struct {
		return "", false
	}
	return fmt.Sprintf("an object of %d fields, in %s of %s rows", len(s.typ.Fields), count(s.col.NonNull()), count(s.col.Rows)), true
}

func child(s subject) (string, bool) {
	if !s.isChild() {
		return "", false
	}
	return fmt.Sprintf("arrays of objects, %.1f in a row on average, at most %s", s.col.AvgLen, count(s.col.MaxLen)), true
}

func list(s subject) (string, bool) {
	if s.typ.Kind != table.List {
		return "", false
	}
	return fmt.Sprintf("arrays of %s, %.1f elements in a row on average, %s distinct", s.typ.Elem.Kind, s.col.AvgLen, count(s.col.Distinct)), true
}

func mapping(s subject) (string, bool) {
	if s.typ.Kind != table.Map {
		return "", false
	}
	return fmt.Sprintf("keys differ from row to row: %s distinct, %.1f in a row on average", count(s.col.Distinct), s.col.AvgLen), true
}
