package httpsource

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/secret"
)

// A Mode says what becomes of the rows that are there when a run brings more.
type Mode string

// The modes of a run.
const (
	Replace Mode = "replace" // they give way
	Append  Mode = "append"  // they stay
	Merge   Mode = "merge"   // they stay, unless a newer row has the same key
)

// A RunSetting says what runs of a request do with what they fetch. This package
// checks it and keeps it with the request; whoever lands the records obeys it.
type RunSetting struct {
	Mode   Mode     // empty means Replace
	Key    []string // of Merge: the fields that name a row
	Cursor Cursor   // zero: every run asks for everything
}

// A Cursor asks only for what is new since the run before: it remembers the
// greatest value of a field and sends it in a parameter.
type Cursor struct {
	Field     string         // of the record; dotted when nested
	Param     string         // where the value goes; in a body a dotted path or a JSON pointer
	In        string         // query, header or body; empty means query
	Start     jsontext.Value // a string or number to send at first; nil sends nothing
	Lookback  string         // how far before the value to ask: "24h", "7d" or "100"; empty means 0
	Exclusive bool           // the source leaves out the value itself, so that nothing comes twice
}

// IsZero reports whether there is no cursor.
func (c Cursor) IsZero() bool { return c.Field == "" }

// IsZero reports whether nothing was set.
func (r RunSetting) IsZero() bool { return r.Mode == "" && len(r.Key) == 0 && r.Cursor.IsZero() }

// ParseRun reads {mode, key, cursor}, each of which may be missing. Errors are
// errs.Invalid and point into the text, below pointer. It does not look at
// whether the parts go together; see [RunSetting.Check].
func ParseRun(text []byte, pointer string) (r RunSetting, err error) {
	o, err := readObject(text, pointer)
	if err != nil {
		return RunSetting{}, err
	}
	if err := o.only("mode", "key", "cursor"); err != nil {
		return RunSetting{}, err
	}
	mode, err := o.text("mode")
	if err != nil {
		return RunSetting{}, err
	}
	r.Mode = Mode(strings.ToLower(mode))
	if mode != "" && !slices.Contains([]Mode{Replace, Append, Merge}, r.Mode) {
		return RunSetting{}, wrong(o.at("mode"), "is %q", clip(mode, 40)).Named("mode-unknown").Fix("use replace, append or merge")
	}
	if r.Key, err = parseRunKey(o); err != nil {
		return RunSetting{}, err
	}
	if m, ok := o.get("cursor"); ok {
		r.Cursor, err = parseCursor(m)
	}
	return r, err
}

// parseRunKey reads a field, or a list of fields that are a key together.
func parseRunKey(o object) ([]string, error) {
	m, ok := o.get("key")
	if !ok {
		return nil, nil
	}
	members := []member{m}
	if m.value.Kind() == '[' {
		var err error
		if members, err = readArray(m); err != nil {
			return nil, err
		}
	}
	var key []string
	for _, k := range members {
		if k.value.Kind() != '"' {
			return nil, wrong(k.pointer, "must be the name of a field").Named("wrong-type").Fix(`write "key": ["id"]`)
		}
		name, err := k.scalar()
		if err != nil {
			return nil, err
		}
		if slices.Contains(key, name) {
			return nil, wrong(k.pointer, "names %q twice", clip(name, 60)).Named("merge-key-invalid").Fix("name each field once")
		}
		key = append(key, name)
	}
	return key, nil
}

func parseCursor(m member) (c Cursor, err error) {
	f, err := readObject(m.value, m.pointer)
	if err != nil {
		return Cursor{}, err
	}
	if err := f.only("field", "param", "in", "start", "lookback", "inclusive"); err != nil {
		return Cursor{}, err
	}
	for _, part := range []struct {
		to   *string
		name string
	}{{&c.Field, "field"}, {&c.Param, "param"}, {&c.In, "in"}, {&c.Lookback, "lookback"}} {
		if *part.to, err = f.text(part.name); err != nil {
			return Cursor{}, err
		}
	}
	for _, name := range []string{"field", "param"} {
		if text, _ := f.text(name); text == "" {
			return Cursor{}, wrong(f.at(name), "is missing").Named("cursor-invalid").
				Fix(`write {"field":"updated_at","param":"since"}: the value of field in the newest record is sent as param`)
		}
	}
	if !slices.Contains([]string{"", "query", "header", "body"}, c.In) {
		return Cursor{}, wrong(f.at("in"), "is %q", clip(c.In, 40)).Named("cursor-invalid").Fix("use one of: query, header, body")
	}
	if s, ok := f.get("start"); ok {
		if k := s.value.Kind(); k != '"' && k != '0' {
			return Cursor{}, wrong(s.pointer, "must be a string or a number").Named("cursor-invalid").Fix("write it as the source does")
		}
		c.Start = s.value
	}
	if _, _, ok := c.Window(); !ok {
		return Cursor{}, wrong(f.at("lookback"), "is %q", clip(c.Lookback, 40)).Named("cursor-invalid").
			Fix(`write a time such as "24h" or "7d", or for a number how much to subtract, such as "100"`)
	}
	if _, ok := f.get("inclusive"); ok {
		inclusive, err := f.boolean("inclusive")
		if err != nil {
			return Cursor{}, err
		}
		c.Exclusive = !inclusive
	}
	return c, nil
}

// maxWindow keeps a lookback where the arithmetic of times holds.
const maxWindow = 100 * 365 * 24 * time.Hour

// Window returns Lookback as a time, or as a decimal number, whichever it is:
// both are zero if there is none. It reports false if it is neither.
func (c Cursor) Window() (d time.Duration, number string, ok bool) {
	text := c.Lookback
	if text == "" || text == "0" {
		return 0, "", true
	}
	if v := jsontext.Value(text); v.Kind() == '0' && v.IsValid() && text[0] != '-' && len(text) < 40 {
		return 0, text, true
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseInt(days, 10, 32)
		return time.Duration(n) * 24 * time.Hour, "", err == nil && n >= 0 && n <= int64(maxWindow/(24*time.Hour))
	}
	d, err := time.ParseDuration(text)
	return d, "", err == nil && d >= 0 && d <= maxWindow
}

// Check refuses settings that do not go together. Errors point below pointer.
func (r RunSetting) Check(pointer string) error {
	switch {
	case r.Mode == Merge && len(r.Key) == 0:
		return wrong(pointer+"/key", "is missing: a merge needs to know which rows are the same").Named("merge-key-needed").
			Fix(`name the field, or the fields together, that name a row: "key": ["id"]`)
	case r.Mode != Merge && len(r.Key) > 0:
		return wrong(pointer+"/key", "is of no use to a run that does not merge").Named("run-invalid").Fix(`set mode to "merge", or leave key out`)
	case !r.Cursor.IsZero() && (r.Mode == "" || r.Mode == Replace):
		return wrong(pointer+"/cursor", "asks only for what is new, and a run that replaces would throw away the rest").Named("run-invalid").
			Fix(`set mode to "append" or "merge"`, "or leave cursor out")
	}
	return nil
}

// JSON returns the setting as ParseRun reads it.
func (r RunSetting) JSON() []byte {
	var buf bytes.Buffer
	r.write().encode(jsontext.NewEncoder(&buf))
	return bytes.TrimSpace(buf.Bytes())
}

func (r RunSetting) write() ordered {
	out := ordered{}
	if r.Mode != "" {
		out = append(out, field{"mode", string(r.Mode)})
	}
	if len(r.Key) > 0 {
		key := []any{}
		for _, k := range r.Key {
			key = append(key, k)
		}
		out = append(out, field{"key", key})
	}
	c := r.Cursor
	if c.IsZero() {
		return out
	}
	f := ordered{{"field", c.Field}, {"param", c.Param}}
	for _, part := range []field{{"in", c.In}, {"lookback", c.Lookback}} {
		if part.value != "" {
			f = append(f, part)
		}
	}
	if c.Start != nil {
		f = append(f, field{"start", c.Start})
	}
	if c.Exclusive {
		f = append(f, field{"inclusive", false})
	}
	return append(out, field{"cursor", f})
}

// parseRun reads options.run.
func parseRun(opt *SpecOptions, o object) error {
	m, ok := o.get("run")
	if !ok {
		return nil
	}
	r, err := ParseRun(m.value, m.pointer)
	if err == nil {
		err = r.Check(m.pointer)
	}
	opt.Run = r
	return err
}

// WithCursor returns the request with the value, a JSON string or number, where
// the cursor says. It fails with errs.Invalid if the body cannot take it.
func (s Spec) WithCursor(c Cursor, value jsontext.Value) (Spec, error) {
	text, err := member{value: value}.scalar()
	if err != nil {
		return s, err
	}
	v := secret.New(text)
	switch c.In {
	case "header":
		s.Headers = withPair(s.Headers, c.Param, v, strings.EqualFold)
		return s, nil
	case "body":
		return s.withBody(c.Param, value, v)
	}
	for i, p := range s.Parameters {
		if p.Name == c.Param {
			s.Parameters = slices.Clone(s.Parameters)
			s.Parameters[i].Value = v
			return s, nil
		}
	}
	if u, err := url.Parse(s.URL.Reveal()); err == nil && u.Query().Has(c.Param) {
		u.RawQuery = setQuery(u.RawQuery, c.Param, text)
		s.URL = secret.New(u.String())
		return s, nil
	}
	s.Parameters = append(slices.Clip(s.Parameters), Param{Name: c.Param, Value: v, Required: true})
	return s, nil
}

// withPair returns list with the value of that name.
func withPair(list []Pair, name string, v secret.String, same func(a, b string) bool) []Pair {
	list = slices.Clone(list)
	for i, p := range list {
		if same(p.Name, name) {
			list[i].Value = v
			return list
		}
	}
	return append(list, Pair{Name: name, Value: v})
}

func (s Spec) withBody(param string, value jsontext.Value, v secret.String) (Spec, error) {
	if s.Body.Type == FormData || s.Body.Type == FormURL {
		s.Body.Parameters = withPair(s.Body.Parameters, param, v, func(a, b string) bool { return a == b })
		return s, nil
	}
	path := strings.Split(param, ".")
	if strings.HasPrefix(param, "/") {
		path = strings.Split(param[1:], "/")
		for i, p := range path {
			path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(p)
		}
	}
	body, err := setMember([]byte(s.Body.Content.Reveal()), path, value)
	if err != nil || s.Body.Type != RawBody {
		return s, wrong("/options/run/cursor/param", "cannot be put into the body: there %q is no member of a JSON object", clip(param, 60)).
			Named("cursor-invalid").Fix("send a JSON object as the body", `or set in to "query" or "header"`)
	}
	s.Body.Content = secret.New(string(body))
	return s, nil
}
