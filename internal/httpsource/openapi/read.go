package openapi

import (
	"bytes"
	"errors"
	"io"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"millwright/internal/errs"
)

// read decodes a document. One that begins with a brace is JSON.
func read(document []byte) (*node, error) {
	document = bytes.TrimPrefix(document, []byte("\uFEFF"))
	text := bytes.TrimSpace(document)
	switch {
	case len(text) == 0:
		return nil, wrong("openapi-empty", "there is no document").Fix("paste an OpenAPI document")
	case len(document) > maxBytes:
		return nil, tooLarge("openapi-too-large", "the document is larger than %d MiB", maxBytes>>20)
	}
	var root *node
	var err error
	if text[0] == '{' {
		root, err = readJSON(document)
	} else {
		root, err = readYAML(document)
	}
	if err == nil && root.kind != object {
		err = wrong("openapi-syntax", "the document is not an object").Fix("paste a whole OpenAPI document")
	}
	return root, err
}

func lineAt(document []byte, offset int64) int {
	return 1 + bytes.Count(document[:min(int(offset), len(document))], []byte("\n"))
}

// A jsonReader builds nodes from tokens.
type jsonReader struct {
	dec   *jsontext.Decoder
	nodes int
}

func readJSON(document []byte) (*node, error) {
	r := &jsonReader{dec: jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	root, err := r.value(0)
	if err == nil {
		if _, more := r.dec.ReadToken(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the document")
		}
	}
	if _, named := errs.Find(err); err != nil && !named {
		offset := r.dec.InputOffset()
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			offset = syntax.ByteOffset
		}
		err = wrong("openapi-syntax", "the document is not valid JSON (line %d)", lineAt(document, offset)).Fix("correct the JSON there")
	}
	return root, err
}

func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, tooLarge("openapi-too-deep", "the document is nested more than %d levels deep", maxDepth)
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, tooLarge("openapi-too-large", "the document holds more than %d values", maxNodes)
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return &node{}, nil
	case '"':
		return &node{kind: scalar, text: token.String(), plain: true}, nil
	case '[':
		n := &node{kind: list}
		for r.dec.PeekKind() != ']' {
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err := r.dec.ReadToken()
		return n, err
	case '{':
		n := &node{kind: object}
		for r.dec.PeekKind() != '}' {
			name, err := r.dec.ReadToken()
			if err != nil {
				return nil, err
			}
			key := name.String()
			item, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.set(key, item)
		}
		_, err := r.dec.ReadToken()
		return n, err
	}
	return &node{kind: scalar, text: token.String()}, nil
}

// readYAML reads the first document of a YAML stream. The library builds its own
// tree first, so what could make that large is counted before.
func readYAML(document []byte) (*node, error) {
	if marks(document) > maxMarks {
		return nil, tooLarge("openapi-too-large", "the YAML document holds more than %d signs that may begin a value", maxMarks).Fix("send it as JSON")
	}
	var top yaml.Node
	if err := yaml.Unmarshal(document, &top); err != nil {
		where := ""
		if m := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error()); m != nil {
			where = " (line " + m[1] + ")"
		}
		// The library's text can repeat the document.
		return nil, wrong("openapi-syntax", "the document is not valid YAML%s", where).Fix("correct the YAML there").Because(err)
	}
	if top.Kind != yaml.DocumentNode || len(top.Content) == 0 {
		return nil, wrong("openapi-empty", "there is no document").Fix("paste an OpenAPI document")
	}
	return (&yamlReader{done: map[*yaml.Node]*node{}, open: map[*yaml.Node]bool{}}).value(top.Content[0], 0)
}

// marks counts the signs that may begin a value: , : [ { and, before a blank, - ?
func marks(document []byte) int {
	n := 0
	for i, c := range document {
		switch c {
		case ',', ':', '[', '{':
			n++
		case '-', '?':
			if i+1 < len(document) && (document[i+1] == ' ' || document[i+1] == '\n' || document[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

// A yamlReader turns the library's tree into ours. An anchor becomes one node,
// however often it is used.
type yamlReader struct {
	done   map[*yaml.Node]*node // anchors
	open   map[*yaml.Node]bool  // anchors whose value is being read
	nodes  int
	merged int
}

func (r *yamlReader) value(y *yaml.Node, depth int) (*node, error) {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	if n, ok := r.done[y]; ok {
		return n, nil
	}
	switch r.nodes++; {
	case r.open[y]:
		return nil, wrong("openapi-alias-circle", "an anchor holds itself (line %d)", y.Line).Fix("use $ref for a recursive schema")
	case depth > maxDepth:
		return nil, tooLarge("openapi-too-deep", "the document is nested more than %d levels deep (line %d)", maxDepth, y.Line)
	case r.nodes > maxNodes:
		return nil, tooLarge("openapi-too-large", "the document holds more than %d values", maxNodes)
	}
	if y.Anchor == "" {
		return r.build(y, depth)
	}
	r.open[y] = true
	n, err := r.build(y, depth)
	delete(r.open, y)
	r.done[y] = n
	return n, err
}

func (r *yamlReader) build(y *yaml.Node, depth int) (*node, error) {
	switch y.Kind {
	case yaml.ScalarNode:
		switch tag := y.ShortTag(); tag {
		case "!!null":
			return &node{}, nil
		default:
			return &node{kind: scalar, text: y.Value, plain: tag != "!!int" && tag != "!!float" && tag != "!!bool"}, nil
		}
	case yaml.SequenceNode:
		n := &node{kind: list}
		for _, c := range y.Content {
			item, err := r.value(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case yaml.MappingNode:
		return r.mapping(y, depth)
	}
	return &node{}, nil
}

// mapping reads members. Those of the object itself win over merged ones (<<).
func (r *yamlReader) mapping(y *yaml.Node, depth int) (*node, error) {
	n := &node{kind: object}
	own := map[string]bool{}
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		item, err := r.value(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key.ShortTag() != "!!merge" {
			own[key.Value] = true
			n.set(key.Value, item)
			continue
		}
		from := []*node{item}
		if item.kind == list {
			from = item.items
		}
		for _, f := range from {
			if err := r.merge(n, f, own); err != nil {
				return nil, err
			}
		}
	}
	return n, nil
}

func (r *yamlReader) merge(n, from *node, own map[string]bool) error {
	if from.kind != object {
		return nil
	}
	if r.merged += len(from.names); r.merged > maxMerged {
		return tooLarge("openapi-too-large", "the YAML document merges more than %d members (<<)", maxMerged)
	}
	for i, name := range from.names {
		if !own[name] {
			own[name] = true // the first of several merged objects wins
			n.set(name, from.items[i])
		}
	}
	return nil
}
