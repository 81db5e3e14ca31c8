package httpsource

import (
	"net/textproto"
	"strings"
	"unicode"

	"golang.org/x/net/http/httpguts"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
	"millwright/internal/secret"
)

func parseHeaders(s *Spec, o object) error {
	m, ok := o.get("headers")
	if !ok {
		return nil
	}
	headers, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, h := range headers.members {
		value, err := h.secret()
		if err != nil {
			return err
		}
		name := unmangle(strings.TrimSpace(h.name))
		if value.Name() == "" {
			value = secret.New(strings.TrimSpace(value.Reveal()))
		}
		if err := checkHeader(h.pointer, h.pointer, name, value.Reveal()); err != nil {
			return err
		}
		if canon := textproto.CanonicalMIMEHeaderKey(name); seen[canon] {
			return wrong(h.pointer, "is given twice").Named("header-invalid").Fix("keep one of the two spellings")
		} else {
			seen[canon] = true
		}
		s.Headers = append(s.Headers, Pair{name, value})
	}
	return nil
}

// unmangle undoes what a client's case conversion does to header names: "Accept"
// arrives as "_accept" and "XToken" as "_x_token".
func unmangle(name string) string {
	if !strings.HasPrefix(name, "_") {
		return name
	}
	var b strings.Builder
	up := false
	for _, r := range name {
		if r == '_' {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		up = false
		b.WriteRune(r)
	}
	return b.String()
}

// checkHeader reports a header that cannot be sent. Its message never shows the
// value.
func checkHeader(nameAt, valueAt, name, value string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return wrong(nameAt, "is not a name that a header can have").Named("header-invalid").
			Fix("use letters, digits and hyphens in header names")
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return wrong(valueAt, "holds a line break or another control character").Named("header-invalid").
			Fix("remove line breaks from the value")
	}
	return nil
}

func parseParameters(s *Spec, o object) error {
	m, ok := o.get("parameters")
	if !ok {
		return nil
	}
	params, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	for _, p := range params.members {
		list, err := parseParam(p)
		if err != nil {
			return err
		}
		s.Parameters = append(s.Parameters, list...)
	}
	return nil
}

// parseParam reads "name": "value", "name": ["a", "b"] (sent twice) and
// "name": {"value": ..., "required": true}; each value may be {"secret": NAME}.
func parseParam(p member) ([]Param, error) {
	value, required := p, false
	if _, refers := reference(p); p.value.Kind() == '{' && !refers {
		o, err := readObject(p.value, p.pointer)
		if err != nil {
			return nil, err
		}
		value = member{p.name, p.pointer, jsontext.Value("null")}
		if m, ok := o.get("value", "default"); ok {
			value = member{p.name, m.pointer, m.value}
		}
		if required, err = o.boolean("required"); err != nil {
			return nil, err
		}
	}
	if strings.TrimSpace(p.name) == "" {
		return nil, wrong(p.pointer, "has no name").Named("parameter-invalid").Fix("name the parameter")
	}
	values := []member{value}
	if value.value.Kind() == '[' {
		var err error
		if values, err = readArray(value); err != nil {
			return nil, err
		}
	}
	var out []Param
	empty := true
	for _, v := range values {
		text, err := v.secret()
		if err != nil {
			return nil, err
		}
		empty = empty && text.Empty()
		out = append(out, Param{p.name, text, required})
	}
	if required && empty {
		return nil, requiredEmpty(p.pointer, p.name)
	}
	return out, nil
}

func requiredEmpty(pointer, name string) error {
	return wrong(pointer, "is required and has no value").Named("parameter-required").
		Fix("give " + clip(name, 60) + " a value, or mark it as not required")
}

func parseGroups(s *Spec, o object) error {
	m, ok := o.get("parameter_groups")
	if !ok {
		return nil
	}
	groups, err := readArray(m)
	if err != nil {
		return err
	}
	for _, gm := range groups {
		group, err := parseGroup(gm)
		if err != nil {
			return err
		}
		s.ParameterGroups = append(s.ParameterGroups, group)
	}
	return nil
}

func parseGroup(gm member) (Group, error) {
	var g Group
	o, err := readObject(gm.value, gm.pointer)
	if err != nil {
		return g, err
	}
	if g.Required, err = o.boolean("required"); err != nil {
		return g, err
	}
	var entries []member
	if m, ok := o.get("parameters"); ok {
		entries = []member{m} // one map of all alternatives is accepted too
		if m.value.Kind() == '[' {
			entries, err = readArray(m)
		}
		if err != nil {
			return g, err
		}
	}
	filled := false
	for _, e := range entries {
		params, err := parseGroupEntry(e)
		if err != nil {
			return g, err
		}
		for _, p := range params {
			filled = filled || !p.Value.Empty()
		}
		g.Parameters = append(g.Parameters, params...)
	}
	if g.Required && !filled {
		return g, wrong(gm.pointer, "is required and none of its parameters has a value").
			Named("parameter-required").Fix("give one of its parameters a value")
	}
	return g, nil
}

// parseGroupEntry reads {"key": name, "value": ...} and {name: value}.
func parseGroupEntry(e member) ([]Param, error) {
	o, err := readObject(e.value, e.pointer)
	if err != nil {
		return nil, err
	}
	_, hasValue := o.get("value")
	if name, ok := o.get("key", "name"); ok && (hasValue || len(o.members) == 1 && name.name == "key") {
		text, err := name.scalar()
		if err != nil {
			return nil, err
		}
		p := member{text, e.pointer, jsontext.Value(`""`)}
		if v, ok := o.get("value"); ok {
			p.value, p.pointer = v.value, v.pointer
		}
		return parseParam(p)
	}
	var out []Param
	for _, m := range o.members {
		params, err := parseParam(m)
		if err != nil {
			return nil, err
		}
		out = append(out, params...)
	}
	return out, nil
}

// boolean reads an optional boolean, also when it is spelled as a string.
func (o object) boolean(name string) (bool, error) {
	m, ok := o.get(name)
	if !ok {
		return false, nil
	}
	text, err := m.scalar()
	if err != nil {
		return false, err
	}
	switch strings.ToLower(text) {
	case "true", "1", "yes":
		return true, nil
	case "false", "0", "no", "":
		return false, nil
	}
	return false, wrong(m.pointer, "must be true or false").Named("wrong-type")
}

func parseBody(s *Spec, o object) error {
	m, ok := o.get("body")
	if !ok {
		return nil
	}
	// Some clients send an unused body as "".
	if isBlank(m.value) {
		return nil
	}
	b, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	if s.Body.Type, err = bodyType(b); err != nil {
		return err
	}
	switch s.Body.Type {
	case RawBody:
		err = parseRaw(s, b)
	case FormData, FormURL:
		err = parseForm(s, b)
	}
	if err != nil || s.Body.Empty() {
		return err
	}
	if s.Method != "POST" && s.Method != "PUT" && s.Method != "PATCH" {
		return wrong(m.pointer, "cannot be sent with %s", s.Method).Named("body-not-allowed").
			Fix("remove the body, or use POST, PUT or PATCH")
	}
	return nil
}

func bodyType(b object) (BodyType, error) {
	text, err := b.text("type")
	if err != nil {
		return "", err
	}
	switch t := strings.ToLower(strings.TrimSpace(text)); t {
	case "none":
		return NoBody, nil
	case "raw", "json", "text":
		return RawBody, nil
	case "form-data", "formdata", "form_data", "multipart", "multipart/form-data":
		return FormData, nil
	case "x-www-form-urlencoded", "urlencoded", "form", "application/x-www-form-urlencoded", "x_www_form_urlencoded":
		return FormURL, nil
	case "":
		if _, ok := b.get("content"); ok {
			return RawBody, nil
		}
		if _, ok := b.get("parameters"); ok {
			return FormURL, nil
		}
		return NoBody, nil
	}
	return "", errs.New(errs.Invalid, "body type %q is not known", clip(text, 40)).At(b.at("type")).
		Named("body-type-unknown").Fix("use one of: raw, form-data, x-www-form-urlencoded, none")
}

func parseRaw(s *Spec, b object) error {
	contentType, err := b.text("content_type")
	if err != nil {
		return err
	}
	m, ok := b.get("content")
	if !ok {
		s.Body.Type = NoBody
		return nil
	}
	// JSON that was not put into a string is sent as it stands.
	text := string(m.value)
	if m.value.Kind() == '"' {
		if text, err = m.scalar(); err != nil {
			return err
		}
	}
	if text == "" {
		s.Body.Type = NoBody
		return nil
	}
	switch contentType = strings.TrimSpace(contentType); strings.ToLower(contentType) {
	case "json":
		contentType = "application/json"
	case "xml":
		contentType = "application/xml"
	case "text":
		contentType = "text/plain"
	case "":
		contentType = "text/plain; charset=utf-8"
		if jsontext.Value(text).IsValid() {
			contentType = "application/json"
		}
	}
	s.Body.ContentType, s.Body.Content = contentType, secret.New(text)
	return checkHeader(b.at("contentType"), b.at("contentType"), "Content-Type", contentType)
}

func parseForm(s *Spec, b object) error {
	m, ok := b.get("parameters")
	if !ok {
		s.Body.Type = NoBody
		return nil
	}
	fields, err := readObject(m.value, m.pointer)
	if err != nil {
		return err
	}
	for _, f := range fields.members {
		params, err := parseParam(f)
		if err != nil {
			return err
		}
		for _, p := range params {
			s.Body.Parameters = append(s.Body.Parameters, Pair{p.Name, p.Value})
		}
	}
	if len(s.Body.Parameters) == 0 {
		s.Body.Type = NoBody
	}
	return nil
}
