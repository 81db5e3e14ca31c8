package typing

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/jsonscan"
	"millwright/internal/table"
)

// A Normalizer rewrites records into the normal form of a schema, which every
// engine converts without loss:
//
//   - one line each; keys are the column names; a missing key stays missing, but
//     the only column of a table is null: DuckDB takes {} for its value
//   - BIGINT, DOUBLE, BOOLEAN: the JSON value; a zero with a sign is "-0.0"
//   - DECIMAL: a string of plain digits
//   - VARCHAR: a string; a number or boolean is its text
//   - DATE, TIMESTAMP, TIMESTAMPTZ: a string "2006-01-02", "2006-01-02 15:04:05.000000",
//     "2006-01-02 15:04:05.000000+00:00"
//   - JSON: a string that holds the JSON text without white space
//   - STRUCT and MAP: an object; LIST: an array
//   - null: null
//
// It is not safe for concurrent use.
type Normalizer struct {
	root    plan
	only    []byte // the member that stands for a record without any key; nil if there are more columns
	depth   int
	src     []byte
	dst     []byte
	mark    int // src before this is in dst
	objects uint64
	scratch []byte
	field   *planField // the one being read, for messages
	err     error
	misfits Misfit // nil: a value that does not fit is an error
}

// A plan says how to rewrite the values of a type.
type plan struct {
	kind             table.Kind
	precision, scale int
	fields           []*planField
	index            map[string]*planField
	elem             *plan
	id               int  // field id
	unsigned         bool // zeros lose their sign
	forced           bool // a person chose the type: see fit
}

// A planField is a field of a STRUCT, or a column.
type planField struct {
	plan
	key    string
	plain  bool
	rename []byte // the name as JSON, if it is not the key
	pos    int
	seen   uint64
}

// NewNormalizer returns a normalizer for records that fit the schema. It keeps the
// sign of every zero; see [Result.Normalizer].
func NewNormalizer(s table.Schema) *Normalizer {
	n := &Normalizer{root: planOf(table.Type{Kind: table.Struct, Fields: s.Columns}), depth: 10_000}
	if len(s.Columns) == 1 {
		n.only = append(quoted(s.Columns[0].Name), ":null"...)
	}
	return n
}

func planOf(t table.Type) plan {
	p := plan{kind: t.Kind, precision: t.Precision, scale: t.Scale}
	if t.Elem != nil {
		elem := planOf(*t.Elem)
		elem.id = t.ElemID
		p.elem = &elem
	}
	if t.Kind != table.Struct {
		return p
	}
	p.index = make(map[string]*planField, len(t.Fields))
	for i, c := range t.Fields {
		f := &planField{plan: planOf(c.Type), key: c.Key, plain: isPlain(c.Key), pos: i}
		f.id = c.ID
		if c.Name != c.Key {
			f.rename = quoted(c.Name)
		}
		p.fields = append(p.fields, f)
		p.index[c.Key] = f
	}
	return p
}

// mergeZeros drops the sign of zeros at the places with these field ids.
func (p *plan) mergeZeros(ids []int) {
	p.unsigned = p.kind == table.Double && slices.Contains(ids, p.id)
	for _, f := range p.fields {
		f.mergeZeros(ids)
	}
	if p.elem != nil {
		p.elem.mergeZeros(ids)
	}
}

// quoted returns name as JSON. Names are valid UTF-8, so that it cannot fail.
func quoted(name string) []byte {
	b, _ := jsontext.AppendQuote(nil, name)
	return b
}

// Append appends the record in normal form to dst, without a newline. It does not
// keep record. If the record does not fit the schema it fails with errs.Invalid
// ("value-does-not-fit", "bad-json", "duplicate-key") and returns dst as it was.
func (n *Normalizer) Append(dst, record []byte) ([]byte, error) {
	before := len(dst)
	n.src, n.dst, n.mark, n.err, n.field = record, dst, 0, nil, nil
	i := n.space(0)
	first := jsonscan.Space(record, i+1)
	switch {
	case i < len(record) && record[i] != '{':
		i = n.misfit()
	case n.only != nil && first < len(record) && record[first] == '}':
		n.flush(i+1, first)
		n.dst = append(n.dst, n.only...)
		i = first + 1
	default:
		i = n.value(i, &n.root, n.depth)
	}
	if i >= 0 {
		i = n.space(i)
	}
	dst = n.dst
	n.src, n.dst = nil, nil
	switch {
	case n.err != nil:
		return dst[:before], n.err
	case i != len(record):
		return dst[:before], scanError(i, n.depth)
	}
	return append(dst, record[n.mark:]...), nil
}

// flush keeps what stands before from, and leaves src[from:to] out, so that the
// caller can append what comes in its place.
func (n *Normalizer) flush(from, to int) {
	n.dst = append(n.dst, n.src[n.mark:from]...)
	n.mark = to
}

// space returns the index of the first byte at or after i that is not white space,
// which it drops.
func (n *Normalizer) space(i int) int {
	if i < len(n.src) && n.src[i] > ' ' {
		return i
	}
	end := jsonscan.Space(n.src, i)
	if end > i {
		n.flush(i, end)
	}
	return end
}

// misfit records that a value does not fit its type and returns bad.
func (n *Normalizer) misfit() int {
	where := "a record"
	if n.field != nil {
		where = fmt.Sprintf("a value of %q", clip(n.field.key))
	}
	n.err = errs.New(errs.Invalid, "%s does not fit the type that was decided over all records", where).
		Named("value-does-not-fit").Fix("decide the types again over all records")
	return bad
}

// value rewrites the value at i and returns the index after it, or bad.
func (n *Normalizer) value(i int, p *plan, depth int) int {
	b := n.src
	if i < 0 || i >= len(b) {
		return bad
	}
	if b[i] == 'n' {
		return scanWord(b, i)
	}
	if p.forced {
		return n.fit(i, p, depth)
	}
	switch p.kind {
	case table.Boolean:
		if b[i] != 't' && b[i] != 'f' {
			return n.misfit()
		}
		return scanWord(b, i)
	case table.BigInt, table.Double, table.Decimal:
		return n.number(i, p)
	case table.Varchar:
		return n.text(i)
	case table.Date, table.Timestamp, table.TimestampTZ:
		return n.moment(i, p.kind)
	case table.JSON:
		end := skipValue(b, i, depth)
		if end >= 0 {
			n.flush(i, end)
			n.dst = appendJSONText(n.dst, b[i:end])
		}
		return end
	case table.Struct:
		if b[i] == '{' {
			return n.object(i, p, depth-1)
		}
	case table.Map:
		if b[i] == '{' {
			return n.mapping(i, p.elem, depth-1)
		}
	case table.List:
		if b[i] == '[' {
			return n.list(i, p.elem, depth-1)
		}
	}
	return n.misfit()
}

// number rewrites the number at i.
func (n *Normalizer) number(i int, p *plan) int {
	if c := n.src[i]; c != '-' && c-'0' > 9 {
		return n.misfit()
	}
	end, spelling, _, _ := scanNumber(n.src, i)
	if end < 0 {
		return bad
	}
	if spelling == shortInt && p.kind != table.Decimal || spelling == shortFrac && p.kind == table.Double {
		return end
	}
	num := n.src[i:end]
	var buf [64]byte
	d := parseDecimal(num, buf[:0])
	switch p.kind {
	case table.BigInt:
		if !d.inInt64(num) {
			return n.misfit()
		}
	case table.Double:
		if !d.inDouble(num) {
			return n.misfit()
		}
		switch zero := len(d.digits) == 0; {
		case zero && p.unsigned:
			n.flush(i, end)
			n.dst = append(n.dst, "0.0"...)
		case zero && d.negative && d.integer:
			n.flush(i, end)
			n.dst = append(n.dst, "-0.0"...)
		}
	case table.Decimal:
		n.flush(i, end)
		n.dst = append(n.dst, '"')
		var ok bool
		if n.dst, ok = d.appendPlain(n.dst, p.precision, p.scale); !ok {
			return n.misfit()
		}
		n.dst = append(n.dst, '"')
	}
	return end
}

// text rewrites the scalar at i as a string.
func (n *Normalizer) text(i int) int {
	switch n.src[i] {
	case '"':
		end, _ := scanString(n.src, i)
		return end
	case '{', '[':
		return n.misfit()
	}
	end := skipValue(n.src, i, 0)
	if end < 0 {
		return bad
	}
	n.flush(i, end)
	n.dst = append(append(append(n.dst, '"'), n.src[i:end]...), '"')
	return end
}

// moment rewrites the date or time at i.
func (n *Normalizer) moment(i int, kind table.Kind) int {
	if n.src[i] != '"' {
		return n.misfit()
	}
	end, escaped := scanString(n.src, i)
	if end < 0 {
		return bad
	}
	m, ok := parseMoment(n.src[i+1 : end-1])
	switch {
	case escaped || !ok:
		return n.misfit()
	case kind == table.Date && m.clock == day:
		return end
	case kind == table.Timestamp && m.clock == local, kind == table.TimestampTZ && m.clock == instant:
		n.flush(i, end)
		n.dst = m.appendText(n.dst)
		return end
	}
	return n.misfit()
}

// appendJSONText appends raw, valid JSON, as a JSON string without white space
// between its tokens.
func appendJSONText(dst, raw []byte) []byte {
	dst = append(dst, '"')
	inside := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			inside = !inside
			dst = append(dst, '\\', '"')
		case c == '\\':
			// Only a string holds one, and what it escapes is part of it.
			i++
			dst = append(dst, '\\', '\\')
			if raw[i] == '"' || raw[i] == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, raw[i])
		case inside || c > ' ':
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
