// Package landtest says whether data that landed are the data that came, and tests
// it through the real engine: raw records to pages, normal form, Parquet, and back.
package landtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"millwright/internal/table"
)

// Same reports how the values of a line in normal form, read as its types say,
// differ from those of the raw record. It shares no code with what it checks.
func Same(s table.Schema, raw, line []byte) error {
	if bytes.ContainsAny(line, "\n\r") {
		return fmt.Errorf("the line has a line break")
	}
	var r, l any
	if err := decode(raw, &r); err != nil {
		return fmt.Errorf("raw: %w", err)
	}
	if err := decode(line, &l); err != nil {
		return fmt.Errorf("line: %w", err)
	}
	// The only column of a table is null, not missing: see typing.Normalizer.
	return Row(s, r, l, len(s.Columns) == 1)
}

// Row reports how a row, as a map by column name, differs from the raw record, as
// encoding/json decodes it with UseNumber. A value is what that makes of normal
// form, or what an engine returns: int64, float64, and text for the exact and the
// temporal types. If lost, a key that is missing in raw is null in the row. A zero
// may lose a minus, but not get one.
func Row(s table.Schema, raw, row any, lost bool) error {
	return comparison{lost}.equal(table.Type{Kind: table.Struct, Fields: s.Columns}, raw, row)
}

type comparison struct{ lost bool }

func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

func (c comparison) equal(t table.Type, raw, got any) error {
	if raw == nil || got == nil {
		if raw != nil || got != nil {
			return fmt.Errorf("%s: null on one side: %v, %v", t, raw, got)
		}
		return nil
	}
	switch t.Kind {
	case table.Struct:
		return c.equalStruct(t, raw, got)
	case table.Map:
		r, ok1 := raw.(map[string]any)
		g, ok2 := got.(map[string]any)
		if !ok1 || !ok2 || len(r) != len(g) {
			return fmt.Errorf("%s: %v, %v", t, raw, got)
		}
		for k := range r {
			if _, ok := g[k]; !ok {
				return fmt.Errorf("key %q is lost", k)
			}
			if err := c.equal(*t.Elem, r[k], g[k]); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
		}
		return nil
	case table.List:
		r, ok1 := raw.([]any)
		g, ok2 := got.([]any)
		if !ok1 || !ok2 || len(r) != len(g) {
			return fmt.Errorf("%s: %v, %v", t, raw, got)
		}
		for i := range r {
			if err := c.equal(*t.Elem, r[i], g[i]); err != nil {
				return fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return nil
	case table.JSON:
		text, ok := got.(string)
		var g any
		if !ok || decode([]byte(text), &g) != nil || !reflect.DeepEqual(g, raw) {
			return fmt.Errorf("JSON: %v, %v", raw, got)
		}
		return nil
	}
	if !equalScalar(t, raw, got) {
		return fmt.Errorf("%s: %#v, %#v", t, raw, got)
	}
	return nil
}

func (c comparison) equalStruct(t table.Type, raw, got any) error {
	r, ok1 := raw.(map[string]any)
	g, ok2 := got.(map[string]any)
	if !ok1 || !ok2 || !c.lost && len(r) != len(g) {
		return fmt.Errorf("%s: %v, %v", t, raw, got)
	}
	r = maps.Clone(r)
	for _, f := range t.Fields {
		a, inRaw := r[f.Key]
		b, inGot := g[f.Name]
		if inRaw != inGot && !(c.lost && b == nil) {
			return fmt.Errorf("key %q is there on one side", f.Key)
		}
		if err := c.equal(f.Type, a, b); err != nil {
			return fmt.Errorf("%q: %w", f.Key, err)
		}
		delete(r, f.Key)
	}
	if len(r) > 0 {
		return fmt.Errorf("keys that no column has: %v", r)
	}
	return nil
}

func equalScalar(t table.Type, raw, got any) bool {
	switch t.Kind {
	case table.Boolean:
		return raw == got
	case table.BigInt:
		r, ok1 := raw.(json.Number)
		n, ok2 := got.(int64)
		if g, ok := got.(json.Number); ok {
			var err error
			n, err = strconv.ParseInt(string(g), 10, 64)
			ok2 = err == nil
		}
		return ok1 && ok2 && string(r) == strconv.FormatInt(n, 10)
	case table.Double:
		r, ok1 := raw.(json.Number)
		f, ok2 := got.(float64)
		if g, ok := got.(json.Number); ok {
			var err error
			f, err = strconv.ParseFloat(string(g), 64)
			// DuckDB reads "-0" as an integer.
			ok2 = err == nil && g != "-0"
		}
		negative := strings.HasPrefix(string(r), "-")
		return ok1 && ok2 && rat(strconv.FormatFloat(f, 'g', -1, 64)).Cmp(rat(string(r))) == 0 &&
			(math.Signbit(f) == negative || f == 0 && negative)
	case table.Decimal:
		r, ok1 := raw.(json.Number)
		g, ok2 := got.(string)
		return ok1 && ok2 && rat(string(r)).Cmp(rat(g)) == 0 && fits(g, t) && !(strings.HasPrefix(string(r), "-") && rat(g).Sign() == 0)
	case table.Varchar:
		switch r := raw.(type) {
		case string:
			return r == got
		case json.Number:
			return string(r) == got
		case bool:
			return strconv.FormatBool(r) == got
		}
	case table.Date, table.Timestamp, table.TimestampTZ:
		r, ok1 := raw.(string)
		g, ok2 := got.(string)
		if !ok1 || !ok2 {
			return false
		}
		a, ok1 := parseTime(t.Kind, r)
		b, ok2 := parseTime(t.Kind, g)
		return ok1 && ok2 && a.Equal(b)
	}
	return false
}

// rat returns the number that s spells; exponents past a thousand become a thousand.
func rat(s string) *big.Rat {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if n, err := strconv.Atoi(s[i+1:]); err != nil || n > 1000 || n < -1000 {
			s = s[:i+1] + map[bool]string{true: "-1000", false: "1000"}[s[i+1] == '-']
		}
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a number: " + s)
	}
	return r
}

// fits reports whether the plain digits of s are a DECIMAL of that type.
func fits(s string, t table.Type) bool {
	s = strings.TrimPrefix(s, "-")
	whole, frac, _ := strings.Cut(s, ".")
	if strings.Trim(whole+frac, "0123456789") != "" || whole == "" || t.Precision > 38 {
		return false
	}
	return len(strings.TrimLeft(whole, "0")) <= t.Precision-t.Scale && len(frac) <= t.Scale
}

func parseTime(kind table.Kind, s string) (time.Time, bool) {
	layouts := []string{"2006-01-02"}
	if kind != table.Date {
		layouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}
	}
	zones := []string{""}
	if kind == table.TimestampTZ {
		zones = []string{"Z07:00", "-0700", "-07"}
	}
	for _, l := range layouts {
		for _, z := range zones {
			if t, err := time.Parse(l+z, strings.ToUpper(s)); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
