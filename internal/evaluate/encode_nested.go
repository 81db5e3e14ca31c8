package evaluate

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/table"
)

// nested returns the writer of values with parts: they are JSON in every form.
func nested(arr arrow.Array, t table.Type) writer {
	switch a := arr.(type) {
	case *array.Struct:
		return structs(a, t)
	case *array.Map:
		return mappings(a, t)
	case array.ListLike:
		return lists(a, t)
	case array.Union:
		return unions(a)
	}
	return nil
}

func structs(a *array.Struct, t table.Type) writer {
	fields := a.DataType().(*arrow.StructType).Fields()
	keys, values, seen := make([][]byte, len(fields)), make([]encoder, len(fields)), map[string]bool{}
	for i, f := range fields {
		var part table.Type
		if i < len(t.Fields) {
			part = t.Fields[i].Type
		}
		name := unused(f.Name, seen)
		seen[name] = true
		keys[i], values[i] = append(quote(nil, name), ':'), newEncoder(a.Field(i), part)
	}
	return func(out []byte, row int) ([]byte, quoting) {
		out = append(out, '{')
		for i, v := range values {
			if i > 0 {
				out = append(out, ',')
			}
			out = v.json(append(out, keys[i]...), row)
		}
		return append(out, '}'), bare
	}
}

func lists(a array.ListLike, t table.Type) writer {
	values := newEncoder(a.ListValues(), elemOf(t))
	return func(out []byte, row int) ([]byte, quoting) {
		from, to := a.ValueOffsets(row)
		out = append(out, '[')
		for i := from; i < to; i++ {
			if i > from {
				out = append(out, ',')
			}
			out = values.json(out, int(i))
		}
		return append(out, ']'), bare
	}
}

func mappings(a *array.Map, t table.Type) writer {
	keys, values := newEncoder(a.Keys(), table.Type{}), newEncoder(a.Items(), elemOf(t))
	return func(out []byte, row int) ([]byte, quoting) {
		from, to := a.ValueOffsets(row)
		out = append(out, '{')
		for i := from; i < to; i++ {
			if i > from {
				out = append(out, ',')
			}
			key, _ := keys.text(nil, int(i))
			out = append(quote(out, string(key)), ':')
			out = values.json(out, int(i))
		}
		return append(out, '}'), bare
	}
}

func elemOf(t table.Type) table.Type {
	if t.Elem == nil {
		return table.Type{}
	}
	return *t.Elem
}

// unions returns the writer of values that each have a type of their own.
func unions(a array.Union) writer {
	children := make([]encoder, a.NumFields())
	for i := range children {
		children[i] = newEncoder(a.Field(i), table.Type{})
	}
	return func(out []byte, row int) ([]byte, quoting) {
		at := row
		if dense, ok := a.(*array.DenseUnion); ok {
			at = int(dense.ValueOffset(row))
		}
		return children[a.ChildID(row)].json(out, at), bare
	}
}

// firstInteger returns the first value of the first column, if it is an integer.
func firstInteger(batch arrow.RecordBatch) *int64 {
	if batch.NumRows() == 0 || batch.NumCols() == 0 {
		return nil
	}
	if a, ok := batch.Column(0).(*array.Int64); ok && a.IsValid(0) {
		n := a.Value(0)
		return &n
	}
	return nil
}
