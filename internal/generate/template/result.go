package template

import (
	"fmt"
	"math"
	"strconv"
)

// Index returns where the column stands, -1 if there is none of that name.
func (r Result) Index(column string) int {
	for i, c := range r.Columns {
		if c == column {
			return i
		}
	}
	return -1
}

// Floats returns the column as numbers; what is not a number is NaN.
func (r Result) Floats(column string) []float64 {
	i := r.Index(column)
	out := make([]float64, len(r.Rows))
	for n, row := range r.Rows {
		out[n] = math.NaN()
		if i >= 0 && i < len(row) {
			out[n] = number(row[i])
		}
	}
	return out
}

// Texts returns the column as text; a null is empty.
func (r Result) Texts(column string) []string {
	i := r.Index(column)
	out := make([]string, len(r.Rows))
	for n, row := range r.Rows {
		if i >= 0 && i < len(row) && row[i] != nil {
			out[n] = fmt.Sprint(row[i])
		}
	}
	return out
}

// number reads a cell as a number: exact decimals arrive as text.
func number(v any) float64 {
	switch x := v.(type) {
	case float64:
		if !math.IsInf(x, 0) {
			return x
		}
	case float32:
		return float64(x)
	case int64:
		return float64(x)
	case int32:
		return float64(x)
	case int:
		return float64(x)
	case bool:
		if x {
			return 1
		}
		return 0
	case string:
		if f, err := strconv.ParseFloat(x, 64); err == nil && !math.IsInf(f, 0) {
			return f
		}
	case fmt.Stringer:
		return number(x.String())
	}
	return math.NaN()
}

// known leaves out what is not a number.
func known(xs []float64) []float64 {
	out := make([]float64, 0, len(xs))
	for _, x := range xs {
		if !math.IsNaN(x) {
			out = append(out, x)
		}
	}
	return out
}
