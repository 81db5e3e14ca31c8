package landtest_test

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// rowOf returns row i of a batch as landtest.Row takes it.
func rowOf(b arrow.RecordBatch, i int) map[string]any {
	row := map[string]any{}
	for c := range int(b.NumCols()) {
		row[b.ColumnName(c)] = valueOf(b.Column(c), i)
	}
	return row
}

func valueOf(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return a.Value(i)
	case *array.LargeString:
		return a.Value(i)
	case *array.StringView:
		return a.Value(i)
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	case *array.Date32:
		return a.Value(i).ToTime().Format(time.DateOnly)
	case *array.Timestamp:
		t := time.UnixMicro(int64(a.Value(i))).UTC()
		if a.DataType().(*arrow.TimestampType).TimeZone == "" {
			return t.Format("2006-01-02 15:04:05.999999")
		}
		return t.Format("2006-01-02 15:04:05.999999Z07:00")
	case *array.Struct:
		fields := map[string]any{}
		for f := range a.NumField() {
			fields[a.DataType().(*arrow.StructType).Field(f).Name] = valueOf(a.Field(f), i)
		}
		return fields
	case *array.Map:
		entries := map[string]any{}
		start, end := a.ValueOffsets(i)
		for j := int(start); j < int(end); j++ {
			entries[valueOf(a.Keys(), j).(string)] = valueOf(a.Items(), j)
		}
		return entries
	case array.ListLike:
		list := []any{}
		start, end := a.ValueOffsets(i)
		for j := int(start); j < int(end); j++ {
			list = append(list, valueOf(a.ListValues(), j))
		}
		return list
	}
	panic(fmt.Sprintf("an engine returned %T", a))
}
