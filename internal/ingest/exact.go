package ingest

import "millwright/internal/table"

// servesExactly reports whether a file that was written with one schema can be
// read as the other without a change of any value: columns that are new to it are
// null, and every cast is exact.
func servesExactly(file, now table.Schema) bool { return fieldsServe(file.Columns, now.Columns) }

func fieldsServe(file, now []table.Column) bool {
	byID := map[int]table.Column{}
	for _, c := range now {
		byID[c.ID] = c
	}
	for _, c := range file {
		if n, ok := byID[c.ID]; !ok || !typeServes(c.Type, n.Type) {
			return false
		}
	}
	return true
}

// typeServes reports whether every value of a file's type can be read as the type
// that was decided over all rows. BIGINT to DOUBLE or DECIMAL is such a cast because
// these are only decided where they hold every number as written. A number or a time that
// becomes text is not, because its spelling is lost, nor is text that was decided
// from values that were all null.
func typeServes(file, now table.Type) bool {
	switch {
	case file.Kind == now.Kind:
		switch file.Kind {
		case table.Decimal:
			return now.Scale >= file.Scale && now.Precision-now.Scale >= file.Precision-file.Scale
		case table.Struct:
			return fieldsServe(file.Fields, now.Fields)
		case table.List, table.Map:
			return file.ElemID == now.ElemID && file.KeyID == now.KeyID && typeServes(*file.Elem, *now.Elem)
		}
		return true
	case file.Kind == table.BigInt:
		return now.Kind == table.Double || now.Kind == table.Varchar || now.Kind == table.Decimal
	case now.Kind == table.Varchar:
		return file.Kind == table.Boolean || file.Kind == table.Date
	}
	return false
}
