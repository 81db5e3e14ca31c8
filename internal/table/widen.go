package table

// WidensTo reports whether u is further up the ladder of types than t: whatever
// data was stored as t could have been stored as u too, if it had to make room for
// more. BIGINT widens to DECIMAL and DOUBLE, DECIMAL to more digits on both sides
// of the point, DATE to TIMESTAMP, all scalars to VARCHAR, and everything to JSON.
// Nested types do not widen to nested ones as a whole; their parts do.
func (t Type) WidensTo(u Type) bool {
	switch {
	case t.Kind == Other || u.Kind == Other:
		return false
	case t.Kind == Decimal && u.Kind == Decimal:
		return (t.Scale != u.Scale || t.Precision != u.Precision) && u.Scale >= t.Scale && u.Precision-u.Scale >= t.Precision-t.Scale
	case t.Kind == u.Kind, t.Kind == JSON:
		return false
	case u.Kind == JSON:
		return true
	case u.Kind == Varchar:
		return !t.IsNested()
	case t.Kind == BigInt:
		return u.Kind == Decimal || u.Kind == Double
	}
	return t.Kind == Date && u.Kind == Timestamp
}

// Equal reports whether t and u are the same type, with the same names and field
// ids inside.
func (t Type) Equal(u Type) bool {
	if t.Kind != u.Kind || t.Precision != u.Precision || t.Scale != u.Scale || t.ElemID != u.ElemID || t.KeyID != u.KeyID || t.Text != u.Text ||
		(t.Elem == nil) != (u.Elem == nil) || t.Elem != nil && !t.Elem.Equal(*u.Elem) {
		return false
	}
	return equalColumns(t.Fields, u.Fields)
}

// Equal reports whether s and o have the same columns in the same order, with the
// same names, keys, types and field ids.
func (s Schema) Equal(o Schema) bool { return equalColumns(s.Columns, o.Columns) }

func equalColumns(a, b []Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID || a[i].Name != b[i].Name || a[i].Key != b[i].Key || !a[i].Type.Equal(b[i].Type) {
			return false
		}
	}
	return true
}
