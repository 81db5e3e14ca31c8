package program

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// maxExact is the largest integer up to which every integer is a float64.
const maxExact = 1 << 53

func toInteger(v any) (any, *fault) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case int64:
		return v, nil
	case float64:
		if v != math.Trunc(v) || math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, faultf("is %v, which is not a whole number", v)
		}
		if math.Abs(v) > maxExact {
			return nil, faultf("is too large to be exact as a JSON number of this kind").fix("send it as a text of digits")
		}
		return int64(v), nil
	case string, json.Number:
		return parseInteger(strings.TrimSpace(plainText(v)))
	}
	return nil, faultf("is %s, not a whole number", describe(v))
}

func parseInteger(text string) (any, *fault) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return n, nil
	}
	if isDecimal(text) {
		if strings.ContainsAny(text, ".eE") {
			// 10.0 and 1e3 are whole numbers too; a float holds them exactly or not at all.
			f, err := strconv.ParseFloat(text, 64)
			if err == nil && f == math.Trunc(f) && math.Abs(f) <= maxExact {
				return int64(f), nil
			}
			return nil, faultf("is %q, which is not a whole number", cut(text))
		}
		return nil, faultf("is %s, which is beyond 64 bits", cut(text)).
			fix("use a number from -9223372036854775808 to 9223372036854775807")
	}
	return nil, faultf("is %q, which is not a whole number", cut(text)).fix("use a whole number such as 10")
}

func toNumber(v any) (any, *fault) {
	switch v := v.(type) {
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, faultf("is %v, which is not a number", v)
		}
		return v, nil
	case int, int32, int64, string, json.Number:
		return parseNumber(strings.TrimSpace(plainText(v)))
	}
	return nil, faultf("is %s, not a number", describe(v))
}

func parseNumber(text string) (any, *fault) {
	if !isDecimal(text) {
		return nil, faultf("is %q, which is not a number", cut(text)).fix("use a number such as 10 or 2.5")
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, faultf("is %s, which is too large", cut(text))
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (n > maxExact || n < -maxExact) && new(big.Float).SetInt64(n).Cmp(big.NewFloat(f)) != 0 {
		return nil, faultf("is %s, which a number slot cannot hold exactly", text).
			fix("make the slot an integer, or use at most 15 digits")
	}
	return f, nil
}

// isDecimal reports whether text is spelled like a decimal number: no NaN, no
// hexadecimal, no underscores.
func isDecimal(text string) bool {
	return text != "" && strings.Trim(text, "+-0123456789.eE") == "" && strings.ContainsAny(text, "0123456789")
}

func toBoolean(v any) (any, *fault) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	text, f := textOf(v)
	if f != nil {
		return nil, f
	}
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return nil, faultf("is %q, which is neither true nor false", cut(text)).fix("use true or false")
}

func toDate(v any) (any, *fault) {
	text, ok := v.(string)
	if !ok {
		return nil, faultf("is %s, not a date", describe(v)).fix("use a text such as 2026-01-31")
	}
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	if err != nil {
		return nil, faultf("is %q, which is not a date of the calendar written YYYY-MM-DD", cut(text)).fix("use a date such as 2026-01-31")
	}
	return day.Format(time.DateOnly), nil
}

// toTimestamp returns the time in UTC, as the engine spells it.
func toTimestamp(v any) (any, *fault) {
	text, ok := v.(string)
	if !ok {
		return nil, faultf("is %s, not a time", describe(v)).fix("use a text such as 2026-01-31T08:00:00Z")
	}
	text = strings.TrimSpace(text)
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.DateTime,
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly,
	} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		t = t.UTC()
		if t.Nanosecond()%1000 != 0 {
			return nil, faultf("is %q, which is finer than a microsecond", cut(text)).fix("use at most six digits of a second")
		}
		if t.Year() < 0 || t.Year() > 9999 {
			return nil, faultf("is %q, which is outside the years 0 to 9999 in UTC", cut(text))
		}
		return t.Format("2006-01-02 15:04:05.999999"), nil
	}
	return nil, faultf("is %q, which is not a time", cut(text)).
		fix("use a time such as 2026-01-31T08:00:00Z, or a date; in a URL write + as %2B")
}
