package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// A format is how rows are printed: table, json or csv.
type format string

var formats = []string{"table", "json", "csv"}

// String returns the format's name.
func (f *format) String() string { return string(*f) }

// Set takes the format's name, so that a wrong one is refused before any work.
func (f *format) Set(name string) error {
	if !slices.Contains(formats, name) {
		return fmt.Errorf("use one of %s", strings.Join(formats, ", "))
	}
	*f = format(name)
	return nil
}

// Type names the flag's type in the help.
func (f *format) Type() string { return "format" }

// A grid is rows to show: what every listing and every answer comes down to.
type grid struct {
	Columns []string
	Rows    [][]any
	Numeric map[int]bool // columns to align to the right
	Typed   int          // how many columns, from the first, hold names to type, which are never wrapped
	Brief   int          // how many columns the table shows; 0 means all
	Footer  string       // for people only, such as "20 of 48,213 rows"
}

// print writes the grid to standard output in the wanted format.
func (c *commands) print(g grid) error {
	switch c.output {
	case "json":
		return g.json(c.env.Stdout)
	case "csv":
		return g.csv(c.env.Stdout)
	}
	_, err := io.WriteString(c.env.Stdout, g.table(c.width()))
	return err
}

// width returns how wide a table may be: what COLUMNS says, else the terminal's
// width, else 0 for any.
func (c *commands) width() int {
	if n, err := strconv.Atoi(c.env.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := c.env.Stdout.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			return n
		}
	}
	return 0
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
			key, err := encode(g.Columns[i])
			if err != nil {
				return err
			}
			value, err := encode(v)
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
	b, err := encode(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// printable keeps text from elsewhere from steering the terminal: control
// characters, and those that turn the direction of writing, become spaces.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r >= 0x7f && r < 0xa0,
			r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e || r == 0x200f, r == 0x2028 || r == 0x2029:
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

// plural returns "1 row", "48,213 rows".
func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(n) + " " + what + "s"
}
