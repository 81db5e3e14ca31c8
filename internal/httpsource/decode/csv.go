package decode

import (
	"io"
	"unicode/utf8"

	"millwright/internal/errs"
)

// A csvReader reads records of RFC 4180 with any delimiter. Lines may end in
// CR LF, LF or CR. It is strict: a quote begins and ends a field or is doubled
// in it, nothing else, so that no field is ever read in two ways.
type csvReader struct {
	r        io.Reader
	delim    byte
	noQuotes bool // quotes are text
	limits   Limits

	buf        []byte
	pos, end   int
	err        error // of r, once buf is used up
	line       int64 // where the next byte is, from 1
	recordLine int64 // where the record begins
	afterCR    bool

	rec    []byte // the fields of the record, unquoted, one after the other
	fields []csvField
}

// A csvField is a part of the record.
type csvField struct {
	from, to int
	quoted   bool
}

func newCSVReader(r io.Reader, delim byte, noQuotes bool, l Limits) *csvReader {
	return &csvReader{r: r, delim: delim, noQuotes: noQuotes, limits: l, buf: make([]byte, 64<<10), line: 1}
}

// next returns the next byte without taking it; ok is false at the end.
func (c *csvReader) next() (byte, bool, error) {
	for c.pos == c.end {
		if c.err != nil {
			if c.err == io.EOF {
				return 0, false, nil
			}
			return 0, false, c.err
		}
		var n int
		n, c.err = c.r.Read(c.buf)
		c.pos, c.end = 0, n
	}
	return c.buf[c.pos], true, nil
}

// read reads one record. It returns io.EOF behind the last.
func (c *csvReader) read() error {
	c.rec, c.fields = c.rec[:0], c.fields[:0]
	if c.afterCR {
		c.afterCR = false
		if b, ok, err := c.next(); err != nil {
			return err
		} else if ok && b == '\n' {
			c.pos++
		}
	}
	c.recordLine = c.line
	if _, ok, err := c.next(); err != nil {
		return err
	} else if !ok {
		return io.EOF
	}
	for {
		more, err := c.field()
		if err != nil {
			return err
		}
		if len(c.fields) > c.limits.Keys {
			return tooManyKeys(c.limits.Keys)
		}
		if !more {
			return nil
		}
	}
}

// field reads one field and what ends it, and reports whether another follows.
func (c *csvReader) field() (bool, error) {
	from, quoted := len(c.rec), false
	b, ok, err := c.next()
	if err != nil {
		return false, err
	}
	if ok && b == '"' && !c.noQuotes {
		c.pos++
		quoted = true
		if err := c.quoted(); err != nil {
			return false, err
		}
	} else if err := c.bare(); err != nil {
		return false, err
	}
	f := csvField{from, len(c.rec), quoted}
	if !utf8.Valid(c.rec[f.from:f.to]) {
		return false, c.fault("csv-invalid-utf8", "a byte that is not UTF-8", "ask the source which charset it sends and whether it can declare it")
	}
	c.fields = append(c.fields, f)
	if b, ok, err = c.next(); err != nil || !ok {
		return false, err
	}
	c.pos++
	switch b {
	case c.delim:
		return true, nil
	case '\n':
		c.line++
		return false, nil
	}
	c.line++
	c.afterCR = true
	return false, nil
}

// bare reads a field without quotes up to what ends it.
func (c *csvReader) bare() error {
	for {
		if _, ok, err := c.next(); err != nil || !ok {
			return err
		}
		i := c.pos
		for ; i < c.end; i++ {
			b := c.buf[i]
			if b == c.delim || b == '\n' || b == '\r' {
				break
			}
			if b == '"' && !c.noQuotes {
				return c.fault("csv-quote", "a quote inside a field that does not begin with one",
					`if quotes are ordinary text here, set options.shape to "csv; quote=none"`)
			}
		}
		if err := c.take(i); err != nil {
			return err
		}
		if i < c.end {
			return nil
		}
	}
}

// quoted reads a field behind its first quote up to what follows the last.
func (c *csvReader) quoted() error {
	for {
		if _, ok, err := c.next(); err != nil {
			return err
		} else if !ok {
			return errs.New(errs.Upstream, "the body ends inside a quoted field; its record begins at line %d", c.recordLine).Named("csv-unclosed-quote").
				Fix("try again: the answer may have been cut", `if quotes are ordinary text here, set options.shape to "csv; quote=none"`)
		}
		i := c.pos
		for ; i < c.end && c.buf[i] != '"'; i++ {
			if c.buf[i] == '\n' {
				c.line++
			}
		}
		if err := c.take(i); err != nil {
			return err
		}
		if i == c.end {
			continue
		}
		c.pos++
		b, ok, err := c.next()
		switch {
		case err != nil:
			return err
		case ok && b == '"':
			c.pos++
			c.rec = append(c.rec, '"')
		case ok && b != c.delim && b != '\n' && b != '\r':
			return c.fault("csv-quote", "something between the closing quote of a field and the delimiter",
				`if quotes are ordinary text here, set options.shape to "csv; quote=none"`)
		default:
			return nil
		}
	}
}

// take moves the bytes up to i into the record.
func (c *csvReader) take(i int) error {
	c.rec = append(c.rec, c.buf[c.pos:i]...)
	c.pos = i
	if int64(len(c.rec)) > c.limits.RecordBytes {
		return tooLarge("record-too-large", "record_bytes", "the record that begins at line %d is longer than %s", c.recordLine, size(c.limits.RecordBytes))
	}
	return nil
}

func (c *csvReader) fault(typ, what string, fixes ...string) error {
	return errs.New(errs.Upstream, "the body is not valid CSV: %s at line %d, field %d", what, c.line, len(c.fields)+1).Named(typ).Fix(fixes...)
}

// texts returns the fields of the record as strings.
func (c *csvReader) texts() []string {
	out := make([]string, len(c.fields))
	for i, f := range c.fields {
		out[i] = string(c.rec[f.from:f.to])
	}
	return out
}

// blank reports whether the record is an empty line.
func (c *csvReader) blank() bool {
	return len(c.fields) == 1 && !c.fields[0].quoted && c.fields[0].from == c.fields[0].to
}
