package evaluate

import (
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/table"
)

// maxSafe is the largest integer that every JSON reader keeps exact.
const maxSafe = 1<<53 - 1

// An encoder writes the values of one column of one batch.
type encoder struct {
	null func(row int) bool
	// write appends the value as plain text and says what JSON makes of that text.
	// It is not called for nulls.
	write writer
	// str returns the value, if every value is a text; else it is nil.
	str func(row int) string
}

type writer = func(out []byte, row int) ([]byte, quoting)

type quoting int

const (
	bare    quoting = iota // JSON as it is
	plain                  // a text without anything that JSON escapes
	escaped                // any text
)

// json appends the value as JSON.
func (e encoder) json(out []byte, row int) []byte {
	if e.null(row) {
		return append(out, "null"...)
	}
	if e.str != nil {
		return quote(out, e.str(row))
	}
	from := len(out)
	// A quote in front, in case one is wanted: most texts need no second look.
	out, how := e.write(append(out, '"'), row)
	switch how {
	case bare:
		copy(out[from:], out[from+1:])
		return out[:len(out)-1]
	case plain:
		return append(out, '"')
	}
	return quote(out[:from], string(out[from+1:]))
}

// text appends the value as plain text and reports whether it is a text of the
// data's own; a null is nothing.
func (e encoder) text(out []byte, row int) ([]byte, bool) {
	if e.null(row) {
		return out, false
	}
	out, how := e.write(out, row)
	return out, how == escaped
}

// quote appends s as a JSON string. The engine's texts are valid UTF-8; what is
// not becomes U+FFFD.
func quote(out []byte, s string) []byte {
	quoted, err := jsontext.AppendQuote(out, s)
	if err != nil {
		quoted, _ = jsontext.AppendQuote(out, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return quoted
}

// unused returns name, or name_1 and so on if it was seen.
func unused(name string, seen map[string]bool) string {
	free := name
	for n := 1; seen[free]; n++ {
		free = name + "_" + strconv.Itoa(n)
	}
	return free
}

func newEncoders(batch arrow.RecordBatch, schema table.Schema) []encoder {
	encoders := make([]encoder, batch.NumCols())
	for i, column := range batch.Columns() {
		var t table.Type
		if i < len(schema.Columns) {
			t = schema.Columns[i].Type
		}
		encoders[i] = newEncoder(column, t)
	}
	return encoders
}

// newEncoder returns the encoder of the array, whose type in our words is t: it
// tells JSON from other text.
func newEncoder(arr arrow.Array, t table.Type) encoder {
	e := encoder{null: arr.IsNull}
	switch a := arr.(type) {
	case *array.Null:
		e.null = func(int) bool { return true }
	case *array.Boolean:
		e.write = func(out []byte, i int) ([]byte, quoting) { return strconv.AppendBool(out, a.Value(i)), bare }
	case array.ExtensionArray:
		return newEncoder(a.Storage(), t)
	case *array.Dictionary:
		values := newEncoder(a.Dictionary(), t)
		e.write = func(out []byte, i int) ([]byte, quoting) { return values.write(out, a.GetValueIndex(i)) }
	case array.StringLike:
		if t.Kind == table.JSON {
			e.write = func(out []byte, i int) ([]byte, quoting) { return rawJSON(out, a.Value(i)) }
			break
		}
		e.str = a.Value
		e.write = func(out []byte, i int) ([]byte, quoting) { return append(out, a.Value(i)...), escaped }
	default:
		e.write = firstOf(arr, t, integers, fractions, bytes, times, nested)
	}
	return e
}

// firstOf returns what the first family that knows the array makes of it; the
// array's own spelling if none does.
func firstOf(arr arrow.Array, t table.Type, families ...func(arrow.Array, table.Type) writer) writer {
	for _, family := range families {
		if w := family(arr, t); w != nil {
			return w
		}
	}
	return func(out []byte, i int) ([]byte, quoting) { return append(out, arr.ValueStr(i)...), escaped }
}

func integers(arr arrow.Array, _ table.Type) writer {
	switch a := arr.(type) {
	case *array.Int8:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Int16:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Int32:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Int64:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, a.Value(i)) }
	case *array.Uint8:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Uint16:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Uint32:
		return func(out []byte, i int) ([]byte, quoting) { return integer(out, int64(a.Value(i))) }
	case *array.Uint64:
		return func(out []byte, i int) ([]byte, quoting) {
			if v := a.Value(i); v > maxSafe {
				return strconv.AppendUint(out, v, 10), plain
			}
			return strconv.AppendUint(out, a.Value(i), 10), bare
		}
	}
	return nil
}

func integer(out []byte, v int64) ([]byte, quoting) {
	out = strconv.AppendInt(out, v, 10)
	if v > maxSafe || v < -maxSafe {
		return out, plain
	}
	return out, bare
}

func fractions(arr arrow.Array, _ table.Type) writer {
	switch a := arr.(type) {
	case *array.Float32:
		return func(out []byte, i int) ([]byte, quoting) { return float(out, float64(a.Value(i)), 32) }
	case *array.Float64:
		return func(out []byte, i int) ([]byte, quoting) { return float(out, a.Value(i), 64) }
	case *array.Decimal32:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(out []byte, i int) ([]byte, quoting) { return decimal(out, a.Value(i).ToString(scale), scale) }
	case *array.Decimal64:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(out []byte, i int) ([]byte, quoting) { return decimal(out, a.Value(i).ToString(scale), scale) }
	case *array.Decimal128:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(out []byte, i int) ([]byte, quoting) { return decimal(out, a.Value(i).ToString(scale), scale) }
	case *array.Decimal256:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(out []byte, i int) ([]byte, quoting) { return decimal(out, a.Value(i).ToString(scale), scale) }
	}
	return nil
}

// float appends the shortest text that reads back as v.
func float(out []byte, v float64, bits int) ([]byte, quoting) {
	switch {
	case math.IsNaN(v):
		return append(out, "NaN"...), plain
	case math.IsInf(v, 1):
		return append(out, "Infinity"...), plain
	case math.IsInf(v, -1):
		return append(out, "-Infinity"...), plain
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(out, v, format, -1, bits), bare
}

// decimal appends the digits. Without a fraction it is an integer like others:
// the sum of integers is one.
func decimal(out []byte, digits string, scale int32) ([]byte, quoting) {
	if scale <= 0 {
		if v, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return integer(out, v)
		}
	}
	return append(out, digits...), plain
}

func bytes(arr arrow.Array, _ table.Type) writer {
	switch a := arr.(type) {
	case *array.Binary:
		return func(out []byte, i int) ([]byte, quoting) { return base64Of(out, a.Value(i)), plain }
	case *array.LargeBinary:
		return func(out []byte, i int) ([]byte, quoting) { return base64Of(out, a.Value(i)), plain }
	case *array.BinaryView:
		return func(out []byte, i int) ([]byte, quoting) { return base64Of(out, a.Value(i)), plain }
	case *array.FixedSizeBinary:
		return func(out []byte, i int) ([]byte, quoting) { return base64Of(out, a.Value(i)), plain }
	}
	return nil
}

// rawJSON appends JSON text without spaces, so that a row stays on its line; a
// text that is no JSON after all stays a text.
func rawJSON(out []byte, text string) ([]byte, quoting) {
	v := jsontext.Value(text)
	if v.Compact() != nil {
		return append(out, text...), escaped
	}
	return append(out, v...), bare
}
