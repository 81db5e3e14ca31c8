package program

import (
	"fmt"
	"unicode/utf8"

	"millwright/internal/errs"
)

// Position returns the line and column, both from 1, of the byte offset in sql.
// Columns count characters.
func Position(sql string, offset int) (line, column int) {
	line, column = 1, 1
	for i := 0; i < offset && i < len(sql); {
		r, n := utf8.DecodeRuneInString(sql[i:])
		i += n
		if r == '\n' {
			line, column = line+1, 1
		} else {
			column++
		}
	}
	return line, column
}

// sqlError is a fault in the SQL text, with where it is.
func sqlError(sql string, offset int, format string, args ...any) *errs.Error {
	line, column := Position(sql, offset)
	return errs.New(errs.Invalid, "line %d, column %d: %s", line, column, fmt.Sprintf(format, args...)).
		Named("sql-invalid").At("/code")
}

// offsetOf returns the byte offset of a line and column, both from 1; the end of
// sql for a place behind it.
func offsetOf(sql string, line, column int) int {
	offset := 0
	for l, c := 1, 1; offset < len(sql) && (l < line || l == line && c < column); {
		r, n := utf8.DecodeRuneInString(sql[offset:])
		if r == '\n' {
			if l == line {
				break
			}
			l, c = l+1, 1
		} else {
			c++
		}
		offset += n
	}
	return offset
}
