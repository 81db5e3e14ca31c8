package publish

import (
	"time"

	"millwright/internal/program"
	"millwright/internal/table"
)

// Breaks shows what taking the place of an endpoint would break.
func Breaks(old, next program.Program, oldColumns, nextColumns []table.Column) []string {
	return Endpoint{Program: old, Columns: oldColumns}.breaks(Endpoint{Program: next, Columns: nextColumns})
}

// InOrder shows the statement that pages are cut from.
func InOrder(sql string, columns int) (string, string, error) {
	o, err := inOrder(sql, columns)
	return o.text, o.outer, err
}

// Kebab and ToolName show how things are called.
var Kebab, ToolName = kebab, toolName

// Quantile shows what a histogram of these times says.
func Quantile(share float64, all ...time.Duration) time.Duration {
	h := histogram{}
	for _, d := range all {
		h[bucketOf(d)]++
	}
	return h.quantile(share)
}
