package decode

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Nodes returns what a path selects, before nodes become rows: by the evaluator
// if the path needs it, and by the streaming walk if it does not.
func Nodes(path string, doc jsontext.Value) ([]jsontext.Value, error) {
	p, err := ParsePath(path)
	if err != nil {
		return nil, err
	}
	if p.query != nil {
		root, value, err := plant(doc)
		if err != nil {
			return nil, err
		}
		var out []jsontext.Value
		for _, n := range locate(p.query, root, value) {
			out = append(out, n.raw)
		}
		return out, nil
	}
	values := []jsontext.Value{doc}
	for _, st := range p.steps {
		var next []jsontext.Value
		for _, v := range values {
			if st.kind == byAll {
				if list, ok := elementsOf(v); ok {
					next = append(next, list...)
				} else if v.Kind() == '{' {
					_, list, err := ordered(v)
					if err != nil {
						return nil, err
					}
					next = append(next, list...)
				}
				continue
			}
			picked, ok, err := pick(v, []step{st})
			if err != nil {
				return nil, err
			}
			if ok {
				next = append(next, picked)
			}
		}
		values = next
	}
	return values, nil
}

// Stream returns the rows that Split gives for a path.
func Stream(path, doc string, l Limits) ([]string, error) {
	p, err := ParsePath(path)
	if err != nil {
		return nil, err
	}
	var rows []string
	_, err = Split(strings.NewReader(doc), Plan{Path: p, Shape: Rows}, l, func(raw []byte) error {
		rows = append(rows, string(raw))
		return nil
	})
	return rows, err
}
