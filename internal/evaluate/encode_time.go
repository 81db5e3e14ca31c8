package evaluate

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millwright/internal/table"
)

func base64Of(out, data []byte) []byte { return base64.StdEncoding.AppendEncode(out, data) }

func times(arr arrow.Array, _ table.Type) writer {
	switch a := arr.(type) {
	case *array.Date32:
		return func(out []byte, i int) ([]byte, quoting) { return date(out, int64(a.Value(i))), plain }
	case *array.Date64:
		return func(out []byte, i int) ([]byte, quoting) { return date(out, int64(a.Value(i))/86_400_000), plain }
	case *array.Timestamp:
		dt := a.DataType().(*arrow.TimestampType)
		return func(out []byte, i int) ([]byte, quoting) {
			return timestamp(out, int64(a.Value(i)), dt.Unit, dt.TimeZone != ""), plain
		}
	case *array.Time32:
		unit := a.DataType().(*arrow.Time32Type).Unit
		return func(out []byte, i int) ([]byte, quoting) {
			return append(out, a.Value(i).ToTime(unit).Format("15:04:05.999999999")...), plain
		}
	case *array.Time64:
		unit := a.DataType().(*arrow.Time64Type).Unit
		return func(out []byte, i int) ([]byte, quoting) {
			return append(out, a.Value(i).ToTime(unit).Format("15:04:05.999999999")...), plain
		}
	case *array.MonthDayNanoInterval:
		return func(out []byte, i int) ([]byte, quoting) { return interval(out, a.Value(i)), plain }
	}
	return nil
}

// date appends days since 1970 as YYYY-MM-DD. The engine has dates at infinity.
func date(out []byte, days int64) []byte {
	switch {
	case days >= math.MaxInt32:
		return append(out, "infinity"...)
	case days <= -math.MaxInt32:
		return append(out, "-infinity"...)
	}
	return day(out, time.Unix(days*86_400, 0).UTC())
}

// day appends the date as ISO 8601 does, with a sign before years that have not
// four digits.
func day(out []byte, t time.Time) []byte {
	if year := t.Year(); year > 9999 {
		out = append(out, '+')
	} else if year < 0 {
		out = append(out, '-')
		text := strconv.Itoa(-year)
		for range 4 - len(text) {
			out = append(out, '0')
		}
		return append(append(out, text...), t.Format("-01-02")...)
	}
	return t.AppendFormat(out, time.DateOnly)
}

func timestamp(out []byte, v int64, unit arrow.TimeUnit, instant bool) []byte {
	switch v {
	case math.MaxInt64:
		return append(out, "infinity"...)
	case -math.MaxInt64:
		return append(out, "-infinity"...)
	}
	var t time.Time
	switch unit {
	case arrow.Second:
		t = time.Unix(v, 0)
	case arrow.Millisecond:
		t = time.UnixMilli(v)
	case arrow.Microsecond:
		t = time.UnixMicro(v)
	default:
		t = time.Unix(0, v)
	}
	out = day(out, t.UTC())
	out = t.UTC().AppendFormat(out, "T15:04:05.999999999")
	if instant {
		out = append(out, 'Z')
	}
	return out
}

// interval appends an ISO 8601 duration, such as P1Y2M3DT4.5S.
func interval(out []byte, v arrow.MonthDayNanoInterval) []byte {
	out = append(out, 'P')
	if v.Months != 0 {
		out = append(strconv.AppendInt(out, int64(v.Months), 10), 'M')
	}
	if v.Days != 0 {
		out = append(strconv.AppendInt(out, int64(v.Days), 10), 'D')
	}
	if v.Nanoseconds == 0 && (v.Months != 0 || v.Days != 0) {
		return out
	}
	out = append(out, 'T')
	seconds, rest := v.Nanoseconds/1e9, v.Nanoseconds%1e9
	if v.Nanoseconds < 0 {
		out, seconds, rest = append(out, '-'), -seconds, -rest
	}
	out = strconv.AppendInt(out, seconds, 10)
	if rest != 0 {
		out = append(out, '.')
		out = append(out, strings.TrimRight(strconv.FormatInt(1e9+rest, 10)[1:], "0")...)
	}
	return append(out, 'S')
}
