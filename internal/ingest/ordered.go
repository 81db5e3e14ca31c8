package ingest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/httpsource"
	"millwright/internal/ingest/typing"
	"millwright/internal/table"
)

// An order says how the values of a cursor's field compare.
type order string

const (
	byNumber order = "number"
	byText   order = "text"
	// by DATE, TIMESTAMP or TIMESTAMPTZ: the names of the types
)

// An ordered value of a cursor's field.
type ordered struct {
	raw   jsontext.Value // as the source spelled it
	order order
	num   *big.Rat // by number
	small int64    // by number, if num is nil
	when  time.Time
	text  string
}

// maxDigits bounds the numbers that a cursor compares: exponents cost memory.
const maxDigits = 400

// parseOrdered reads a JSON string or number. The first value of a field decides
// how all are compared: want is empty for it.
func parseOrdered(raw jsontext.Value, want order) (ordered, error) {
	v := ordered{raw: raw}
	switch raw.Kind() {
	case '0':
		v.order = byNumber
		var err error
		if v.small, err = strconv.ParseInt(string(raw), 10, 64); err == nil {
			break
		}
		if v.num, err = rational(string(raw)); err != nil {
			return v, err
		}
	case '"':
		text, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return v, err
		}
		v.text, v.order = string(text), byText
		if want == byText {
			break
		}
		if when, kind, ok := typing.ParseMoment(v.text); ok {
			v.when, v.order = when, order(kind)
		}
	default:
		return v, errs.New(errs.Invalid, "the value %s of the cursor's field has no order", clip(string(raw))).
			Named("cursor-not-orderable").Fix("choose a field of numbers, times or texts that grow")
	}
	if want != "" && v.order != want {
		return v, errs.New(errs.Invalid, "the cursor's field holds values that cannot be compared: %s is no %s, as the values before are", clip(string(raw)), want).
			Named("cursor-mixed-types").Fix("choose a field whose values are all numbers or all of one kind of time")
	}
	return v, nil
}

// rational reads a JSON number exactly.
func rational(text string) (*big.Rat, error) {
	tooLong := len(text) > maxDigits
	if _, exp, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		n, err := strconv.Atoi(exp)
		tooLong = tooLong || err != nil || n > maxDigits || n < -maxDigits
	}
	if !tooLong {
		if r, ok := new(big.Rat).SetString(text); ok {
			return r, nil
		}
	}
	return nil, errs.New(errs.Invalid, "the number %s of the cursor's field has too many digits to compare", clip(text)).
		Named("cursor-not-orderable").Fix("choose another field for the cursor")
}

func (v ordered) rat() *big.Rat {
	if v.num != nil {
		return v.num
	}
	return new(big.Rat).SetInt64(v.small)
}

// compare returns -1, 0 or 1. Both values have the same order.
func (v ordered) compare(w ordered) int {
	switch v.order {
	case byNumber:
		if v.num == nil && w.num == nil {
			switch {
			case v.small < w.small:
				return -1
			case v.small > w.small:
				return 1
			}
			return 0
		}
		return v.rat().Cmp(w.rat())
	case byText:
		return strings.Compare(v.text, w.text)
	}
	return v.when.Compare(w.when)
}

// before returns the value that lies the cursor's window before v, spelled like v.
func (v ordered) before(c httpsource.Cursor) (ordered, error) {
	span, number, ok := c.Window()
	if !ok {
		return v, errs.New(errs.Internal, "the cursor's lookback %q was not checked", c.Lookback)
	}
	switch {
	case span == 0 && number == "":
		return v, nil
	case number != "" && v.order == byNumber:
		back, err := rational(number)
		if err != nil {
			return v, err
		}
		r := new(big.Rat).Sub(v.rat(), back)
		w := ordered{order: byNumber, num: r, raw: jsontext.Value(plain(r))}
		return w, nil
	case span > 0 && v.order != byNumber && v.order != byText:
		when := v.when.Add(-span)
		text := respell(v.text, when)
		raw, err := jsontext.AppendQuote(nil, text)
		// A day is asked for whole, so that nothing of the window is left out.
		if day, _, ok := typing.ParseMoment(text); ok {
			when = day
		}
		return ordered{order: v.order, when: when, text: text, raw: raw}, err
	}
	return v, errs.New(errs.Invalid, "the lookback %q cannot be taken from the cursor's value %s, which is a %s", c.Lookback, clip(string(v.raw)), v.order).
		Named("cursor-lookback").At("/options/run/cursor/lookback").
		Fix(`write a time such as "24h" for a field of times, a number for a field of numbers, and none for texts`)
}

// plain spells a decimal number without an exponent.
func plain(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

// respell spells the moment as text, another moment, is spelled: with its offset,
// its separator and as many digits.
func respell(text string, when time.Time) string {
	if len(text) == 10 {
		return when.Format(time.DateOnly)
	}
	clock, offset := text[11:], ""
	if i := strings.IndexAny(clock, "Zz+-"); i >= 0 {
		clock, offset = clock[:i], clock[i:]
	}
	if digits := strings.Trim(offset, "+-:Zz"); digits != "" {
		var hours, minutes int
		digits = strings.ReplaceAll(digits, ":", "") + "00"
		_, _ = fmt.Sscanf(digits[:4], "%2d%2d", &hours, &minutes) // the moment was parsed before
		east := hours*3600 + minutes*60
		if offset[0] == '-' {
			east = -east
		}
		when = when.In(time.FixedZone("", east))
	} else {
		when = when.UTC()
	}
	layout := "2006-01-02" + text[10:11] + "15:04"
	if len(clock) > 5 {
		layout += ":05"
	}
	if _, frac, ok := strings.Cut(clock, "."); ok {
		layout += "." + strings.Repeat("0", min(len(frac), 9))
	}
	return when.Format(layout) + offset
}

// String names the order for people.
func (o order) String() string {
	switch table.Kind(o) {
	case table.Date:
		return "date"
	case table.Timestamp:
		return "time without an offset"
	case table.TimestampTZ:
		return "time with an offset"
	}
	return string(o)
}

// clip shortens foreign text for a message.
func clip(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
