package evaluate_test

import (
	"io"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"millwright/internal/engine/enginefake"
	"millwright/internal/evaluate"
	"millwright/internal/table"
)

func bench(b *testing.B, rows int) *evaluate.Evaluator {
	b.Helper()
	return &evaluate.Evaluator{Engine: wide(b, rows), Datasets: project{}}
}

func BenchmarkRun(b *testing.B) {
	ev := bench(b, 10_000)
	for b.Loop() {
		r, err := ev.Run(b.Context(), request("SELECT * FROM orders"))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(r.RowsJSON())))
	}
}

func BenchmarkDownload(b *testing.B) {
	for _, f := range []evaluate.Format{evaluate.CSV, evaluate.NDJSON, evaluate.Arrow} {
		b.Run(string(f), func(b *testing.B) {
			ev := bench(b, 100_000)
			for b.Loop() {
				d, err := ev.Download(b.Context(), request("SELECT * FROM orders"), evaluate.File{Format: f}, io.Discard)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(d.Bytes)
			}
		})
	}
}

// wide answers with rows of an id, a text, a decimal, a time and a list.
func wide(b *testing.B, rows int) *enginefake.Engine {
	b.Helper()
	list := arrow.ListOf(arrow.PrimitiveTypes.Int64)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "status", Type: arrow.BinaryTypes.String},
		{Name: "total", Type: &arrow.Decimal128Type{Precision: 18, Scale: 2}}, {Name: "made", Type: arrow.FixedWidthTypes.Timestamp_us}, {Name: "tags", Type: list},
	}, nil)
	e := &enginefake.Engine{Schema: columns("id", table.BigInt, "status", table.Varchar, "total", table.Decimal, "made", table.TimestampTZ, "tags", table.List)}
	for from := 0; from < rows; from += 2000 {
		rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for i := range 2000 {
			rb.Field(0).(*array.Int64Builder).Append(int64(from + i))
			rb.Field(1).(*array.StringBuilder).Append("status of the order")
			rb.Field(2).(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i * 125)))
			rb.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(int64(from+i) * 1_000_003))
			l := rb.Field(4).(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.Int64Builder).AppendValues([]int64{1, 2, 3}, nil)
		}
		e.Batches = append(e.Batches, rb.NewRecordBatch())
	}
	return e
}
