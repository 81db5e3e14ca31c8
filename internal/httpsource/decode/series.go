package decode

import (
	"bytes"
	"math/big"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// isSeries reports whether raw is a series of a Prometheus matrix or vector:
// {"metric": {...}, "values": [[time, "text"], ...]} or "value": [time, "text"].
func isSeries(raw jsontext.Value) bool {
	m, ok := membersOf(raw)
	if !ok || m["metric"].Kind() != '{' || len(m) != 2 {
		return false
	}
	if v, ok := m["value"]; ok {
		return isSample(v)
	}
	v, ok := m["values"]
	if !ok {
		return false
	}
	all, ok := elementsOf(v)
	return ok && len(all) > 0 && isSample(all[0])
}

func isSample(v jsontext.Value) bool {
	pair, ok := elementsOf(v)
	return ok && len(pair) == 2 && pair[0].Kind() == '0' && pair[1].Kind() == '"'
}

// samples emits each sample of a series as a row: its labels, then timestamp
// (RFC 3339) and value. The source spells values as text; a finite one becomes
// the number of the same digits, and NaN or an infinity, which JSON numbers do
// not have, becomes null with the text in value_text.
func (s *splitter) samples(raw jsontext.Value) error {
	m, ok := membersOf(raw)
	if !ok {
		return notSeries()
	}
	head, err := labels(m["metric"])
	if err != nil {
		return err
	}
	list := []jsontext.Value{m["value"]}
	if v, ok := m["values"]; ok {
		if list, ok = elementsOf(v); !ok {
			return notSeries()
		}
	}
	for _, sample := range list {
		pair, ok := elementsOf(sample)
		if !ok || len(pair) != 2 || pair[0].Kind() != '0' || pair[1].Kind() != '"' {
			return notSeries()
		}
		at, err := instant(string(pair[0]))
		if err != nil {
			return err
		}
		s.buf = append(append(s.buf[:0], head...), `"timestamp":"`+at+`","value":`...)
		text := strings.Trim(string(pair[1]), `"`)
		if number := jsontext.Value(strings.TrimPrefix(text, "+")); number.Kind() == '0' && number.IsValid() {
			s.buf = append(append(s.buf, number...), '}')
		} else {
			s.buf = append(append(append(s.buf, `null,"value_text":`...), pair[1]...), '}')
		}
		if err := s.out(s.buf); err != nil {
			return err
		}
	}
	return nil
}

func notSeries() error {
	return errs.New(errs.Upstream, "an element is not a series of samples, as the first one is").Named("not-a-series").
		Fix(`set options.shape to "rows" to take the elements as they are`)
}

// labels begins a row with the labels of a series. A label that has the name of
// one of our columns gets the prefix "label_".
func labels(metric jsontext.Value) ([]byte, error) {
	out := []byte{'{'}
	dec := jsontext.NewDecoder(bytes.NewBuffer(metric))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		if key == "timestamp" || key == "value" || key == "value_text" {
			key = "label_" + key
		}
		if out, err = jsontext.AppendQuote(out, key); err != nil {
			return nil, err
		}
		value, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, ':'), value...), ',')
	}
	return out, nil
}

// instant turns seconds since 1970 into RFC 3339 without going through a float.
func instant(seconds string) (string, error) {
	r, ok := new(big.Rat).SetString(seconds)
	// An exponent of millions would make a number of millions of digits.
	if !ok || len(seconds) > 40 || strings.ContainsAny(seconds, "eE") && len(seconds) > 24 {
		return "", notSeries()
	}
	micros := new(big.Int).Quo(new(big.Int).Mul(r.Num(), big.NewInt(1_000_000)), r.Denom())
	if !micros.IsInt64() {
		return "", notSeries()
	}
	return time.UnixMicro(micros.Int64()).UTC().Format("2006-01-02T15:04:05.999999Z07:00"), nil
}

// membersOf splits an object; the values are parts of raw's copy.
func membersOf(raw jsontext.Value) (map[string]jsontext.Value, bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if dec.PeekKind() != '{' {
		return nil, false
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	out := map[string]jsontext.Value{}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, false
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		out[key] = v.Clone()
	}
	return out, true
}

func elementsOf(raw jsontext.Value) ([]jsontext.Value, bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if dec.PeekKind() != '[' {
		return nil, false
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, false
	}
	var out []jsontext.Value
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, false
		}
		out = append(out, v.Clone())
	}
	return out, true
}
