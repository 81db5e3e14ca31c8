package typing

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/table"
)

// Force gives the column of that key a type that a person chose, whatever the
// ladder says. The type must not be nested. It reports false if there is no such
// column. The normalizer then reads values in more ways than the ladder does: a
// number or a date that is written as text, a day as the midnight it begins with.
// It still changes no value.
func (r *Result) Force(key string, t table.Type) bool {
	at := slices.IndexFunc(r.Schema.Columns, func(c table.Column) bool { return c.Key == key })
	if at < 0 {
		return false
	}
	r.Schema.Columns = slices.Clone(r.Schema.Columns)
	c := &r.Schema.Columns[at]
	for i, p := range r.Columns {
		if len(p.Path) == 1 && p.Path[0] == c.Name {
			r.Columns = slices.Clone(r.Columns)
			r.Columns[i].Notes = append(slices.Clone(p.Notes), "a person chose this type; the values alone give "+p.Type)
			r.Columns[i].Type = t.String()
		}
	}
	c.Type = t
	r.Direct = false
	r.forced = append(slices.Clone(r.forced), c.ID)
	return true
}

// A Misfit is told of a value that the type that a person chose for the column
// does not hold. The slice is valid only during the call.
type Misfit func(key string, value []byte)

// Collect makes the normalizer go on when a value does not fit a forced type: it
// writes null and tells misfit.
func (n *Normalizer) Collect(misfit Misfit) { n.misfits = misfit }

// force marks the columns with these field ids.
func (p *plan) force(ids []int) {
	for _, f := range p.fields {
		f.forced = slices.Contains(ids, f.id)
	}
}

// fit rewrites the value at i, which is not null, for a forced type.
func (n *Normalizer) fit(i int, p *plan, depth int) int {
	end := skipValue(n.src, i, depth)
	if end < 0 {
		return end
	}
	raw := n.src[i:end]
	n.flush(i, end)
	start := len(n.dst)
	out, ok := appendFit(n.dst, raw, p)
	if ok {
		n.dst = out
		return end
	}
	n.dst = n.dst[:start]
	if n.misfits == nil || n.field == nil {
		return n.misfit()
	}
	n.misfits(n.field.key, raw)
	n.dst = append(n.dst, "null"...)
	return end
}

// appendFit appends raw, valid JSON but not null, in the normal form of the type.
func appendFit(dst, raw []byte, p *plan) ([]byte, bool) {
	switch p.kind {
	case table.JSON:
		return appendJSONText(dst, raw), true
	case table.Varchar:
		switch raw[0] {
		case '"':
			return append(dst, raw...), true
		case '{', '[':
			return appendJSONText(dst, raw), true
		}
		return append(append(append(dst, '"'), raw...), '"'), true
	}
	text := raw
	if raw[0] == '"' {
		var err error
		if text, err = jsontext.AppendUnquote(nil, raw); err != nil {
			return dst, false
		}
	}
	switch p.kind {
	case table.Boolean:
		word := bytes.ToLower(text)
		if string(word) != "true" && string(word) != "false" {
			return dst, false
		}
		return append(dst, word...), true
	case table.BigInt, table.Double, table.Decimal:
		return appendNumber(dst, text, p)
	case table.Date, table.Timestamp, table.TimestampTZ:
		if raw[0] != '"' {
			return dst, false
		}
		return appendMoment(dst, text, p.kind)
	}
	return dst, false
}

// appendNumber appends the number that text spells. Text that was a string may
// have a plus and zeros in front.
func appendNumber(dst, text []byte, p *plan) ([]byte, bool) {
	num, minus := bytes.CutPrefix(text, []byte("-"))
	if !minus {
		num = bytes.TrimPrefix(num, []byte("+"))
	}
	if bytes.HasPrefix(num, []byte("-")) {
		return dst, false
	}
	for len(num) > 1 && num[0] == '0' && num[1]-'0' <= 9 {
		num = num[1:]
	}
	if minus {
		num = append([]byte("-"), num...)
	}
	if end, _, _, _ := scanNumber(num, 0); end != len(num) {
		return dst, false
	}
	var buf [64]byte
	d := parseDecimal(num, buf[:0])
	switch p.kind {
	case table.BigInt:
		// 1.0 and 1e3 are integers to whoever chose BIGINT.
		whole, ok := d.appendPlain(nil, 19, 0)
		if _, err := strconv.ParseInt(string(whole), 10, 64); !ok || err != nil {
			return dst, false
		}
		return append(dst, whole...), true
	case table.Double:
		if !d.inDouble(num) {
			return dst, false
		}
		if len(d.digits) == 0 {
			num = []byte("0.0")
			if d.negative && !p.unsigned {
				num = []byte("-0.0")
			}
		}
		return append(dst, num...), true
	}
	start := len(dst)
	dst, ok := d.appendPlain(append(dst, '"'), p.precision, p.scale)
	if !ok {
		return dst[:start], false
	}
	return append(dst, '"'), true
}

func appendMoment(dst, text []byte, kind table.Kind) ([]byte, bool) {
	m, ok := parseMoment(text)
	midnight := m.hour == 0 && m.minute == 0 && m.second == 0 && m.mic == 0
	switch {
	case !ok:
		return dst, false
	case kind == table.Date && (m.clock == day || m.clock == local && midnight):
		m.clock = day
	case kind == table.Timestamp && (m.clock == day || m.clock == local):
		m.clock = local
	case kind == table.TimestampTZ && m.clock == instant:
	default:
		return dst, false
	}
	return m.appendText(dst), true
}

// ParseMoment reads a date or time as the ladder does, and says what it is: DATE,
// TIMESTAMP or TIMESTAMPTZ. A moment without an offset is returned as if in UTC.
func ParseMoment(text string) (t time.Time, kind table.Kind, ok bool) {
	m, ok := parseMoment([]byte(text))
	if !ok {
		return time.Time{}, "", false
	}
	return m.utc(), map[clock]table.Kind{day: table.Date, local: table.Timestamp, instant: table.TimestampTZ}[m.clock], true
}
