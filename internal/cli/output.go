package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A grid is rows to show: what every listing and every answer comes down to.
type grid struct {
	Columns []string
	Rows    [][]any
	Numeric map[int]bool // columns to align to the right
	Footer  string       // for people only, such as "20 of 48,213 rows"
}

// print writes the grid in the wanted format: table, json or csv.
func (g grid) print(w io.Writer, format string) error {
	switch format {
	case "table":
		return g.table(w)
	case "json":
		return g.json(w)
	case "csv":
		return g.csv(w)
	}
	return usage("unknown output format %q; use table, json or csv", format)
}

func (g grid) table(w io.Writer) error {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	header := make(table.Row, len(g.Columns))
	configs := make([]table.ColumnConfig, len(g.Columns))
	for i, name := range g.Columns {
		header[i] = name
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMax: 80}
		if g.Numeric[i] {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	for _, row := range g.Rows {
		cells := make(table.Row, len(row))
		for i, v := range row {
			cells[i] = printable(cell(v, "null"))
		}
		t.AppendRow(cells)
	}
	if _, err := fmt.Fprintln(w, t.Render()); err != nil || g.Footer == "" {
		return err
	}
	_, err := fmt.Fprintln(w, g.Footer)
	return err
}

// json writes an array of objects whose keys stand in column order.
func (g grid) json(w io.Writer) error {
	var b strings.Builder
	b.WriteString("[")
	for n, row := range g.Rows {
		if n > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  {")
		for i, v := range row {
			key, err := json.Marshal(g.Columns[i])
			if err != nil {
				return err
			}
			value, err := json.Marshal(v)
			if err != nil {
				return err
			}
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%s: %s", key, value)
		}
		b.WriteString("}")
	}
	if len(g.Rows) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("]\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (g grid) csv(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(g.Columns); err != nil {
		return err
	}
	for _, row := range g.Rows {
		record := make([]string, len(row))
		for i, v := range row {
			record[i] = cell(v, "")
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell returns a JSON value as text; null as the given word.
func cell(v any, null string) string {
	switch v := v.(type) {
	case nil:
		return null
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// printable keeps a value from another server from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// bytesText returns a size for people: 1.4 MB.
func bytesText(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, exp := float64(n)/unit, 0
	for value >= unit && exp < 3 {
		value, exp = value/unit, exp+1
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGT"[exp])
}

// count returns a number for people: 48,213.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
