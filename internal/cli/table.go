package cli

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// narrowest is how far a column of text is narrowed to make a table fit.
const narrowest = 12

// table returns the grid for people, at most limit wide; 0 means any width. Text
// wraps inside its column; when even that does not fit, each row becomes a list
// of its columns.
func (g grid) table(limit int) string {
	columns := g.Columns
	if g.Brief > 0 {
		columns = columns[:g.Brief]
	}
	rows := make([][]string, len(g.Rows))
	for i, row := range g.Rows {
		rows[i] = make([]string, len(columns))
		for j := range columns {
			rows[i][j] = printable(cell(row[j], "null"))
		}
	}
	names := make([]string, len(columns))
	for i, name := range columns {
		names[i] = printable(name)
	}
	var out string
	if widths, ok := g.fit(names, rows, limit); ok {
		out = g.grid(names, rows, widths)
	} else {
		out = records(names, rows)
	}
	if g.Footer != "" {
		out += g.Footer + "\n"
	}
	return out
}

// grid draws columns side by side.
func (g grid) grid(names []string, rows [][]string, widths []int) string {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	configs := make([]table.ColumnConfig, len(names))
	for i := range names {
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMax: widths[i], WidthMaxEnforcer: text.WrapSoft}
		if g.Numeric[i] {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(cells(names))
	for _, row := range rows {
		t.AppendRow(cells(row))
	}
	return t.Render() + "\n"
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, t := range texts {
		row[i] = t
	}
	return row
}

// firm reports whether column i keeps its width.
func (g grid) firm(i int) bool { return g.Numeric[i] || i < g.Typed }

// fit returns the width of each column so that all fit into limit, and whether
// they do. The widest text gives way first.
func (g grid) fit(names []string, rows [][]string, limit int) ([]int, bool) {
	widths := make([]int, len(names))
	total := 0
	for i, name := range names {
		widths[i] = text.StringWidthWithoutEscSequences(name)
		for _, row := range rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(row[i]))
		}
		if limit > 0 && !g.firm(i) {
			widths[i] = min(widths[i], max(limit, narrowest))
		}
		total += widths[i] + 2 // a space on either side
	}
	for limit > 0 && total > limit {
		widest := -1
		for i, w := range widths {
			if !g.firm(i) && w > narrowest && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil, false
		}
		widths[widest]--
		total--
	}
	return widths, true
}

// records draws each row as a list: one line for each column.
func records(names []string, rows [][]string) string {
	longest := 0
	for _, name := range names {
		longest = max(longest, text.StringWidthWithoutEscSequences(name))
	}
	var b strings.Builder
	for n, row := range rows {
		fmt.Fprintf(&b, "── %d ──\n", n+1)
		for i, value := range row {
			fmt.Fprintf(&b, "%s  %s\n", text.Pad(names[i], longest, ' '), value)
		}
	}
	return b.String()
}
