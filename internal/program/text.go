package program

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (s Slot) coerceList(v any) (any, *fault) {
	items, f := listItems(v)
	if f != nil {
		return nil, f
	}
	if len(items) > maxList {
		return nil, faultf("has %d values and may have %d", len(items), maxList)
	}
	choices := s.Choices()
	values := make([]any, len(items))
	for i, item := range items {
		text, f := textOf(item)
		if f != nil {
			return nil, faultf("holds a value that %s", f.msg)
		}
		if choices != nil && !slices.Contains(choices, text) {
			return nil, faultf("does not accept %q", cut(text)).fix(suggestion(text, choices), s.wants())
		}
		values[i] = text
	}
	return values, nil
}

func listItems(v any) ([]any, *fault) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case []string:
		items := make([]any, 0, len(v))
		if len(v) == 1 {
			return listItems(v[0])
		}
		for _, text := range v {
			items = append(items, text)
		}
		return items, nil
	case string:
		if strings.HasPrefix(strings.TrimSpace(v), "[") {
			var items []any
			d := json.NewDecoder(strings.NewReader(v))
			d.UseNumber()
			if err := d.Decode(&items); err != nil || d.More() {
				return nil, faultf("begins like a JSON list and is none").fix(`use ["a","b"]`)
			}
			return items, nil
		}
		items := []any{}
		for text := range strings.SplitSeq(v, ",") {
			items = append(items, strings.TrimSpace(text))
		}
		return items, nil
	}
	return nil, faultf("is %s, not a list", describe(v)).fix(`use a list such as ["a","b"]`)
}

// textOf returns a scalar as text.
func textOf(v any) (string, *fault) {
	switch v.(type) {
	case string, json.Number, bool, int, int32, int64, float64:
		text := plainText(v)
		if !utf8.ValidString(text) {
			return "", faultf("is not valid UTF-8")
		}
		return text, nil
	}
	return "", faultf("is %s, not a single value", describe(v))
}

// plainText spells a scalar; a number in full digits.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}

// describe names the JSON kind of v.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a text"
	case json.Number, int, int32, int64, float64:
		return "a number"
	case []any, []string:
		return "a list"
	}
	return "an object"
}

// cut shortens a value for a message.
func cut(text string) string { return cutAt(text, 60) }

func cutAt(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	return strings.ToValidUTF8(string([]rune(text)[:most]), "\uFFFD") + "…"
}
