package decode

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A candidate is an array that could be the records.
type candidate struct {
	names    []string
	count    int64
	objects  int64
	keys     map[string]int64 // in the first objects
	sampled  int64
	siblings int  // scalars beside it
	alone    bool // nothing is beside it
	look     look
}

// sampleSize is how many elements of an array are compared with each other.
const sampleSize = 50

// maxCandidates bounds what an inspection remembers: documents with more places
// for rows than this have no place that could be told from the others.
const maxCandidates = 2000

// An inspection is what a look at a whole document gives.
type inspection struct {
	*splitter
	arrays   []*candidate
	columns  []*columnSet
	maps     []*keySet
	frames   []Finding
	single   Finding // a JSON:API resource under data
	message  string  // of the first of the answer's errors
	contents bool    // there is a member data that is not null
}

// A columnSet is an object that could be columns.
type columnSet struct {
	names   []string
	lengths []int64
	members []string
}

// Inspect reads a whole body and says where its rows are. It holds no more than
// one element. For XML, a path that is not the zero Path is taken as given.
func Inspect(r io.Reader, at Path, l Limits) (Finding, error) {
	br := bufio.NewReaderSize(r, 32<<10)
	head, _ := br.Peek(1024) // an error comes back with the first Read
	if bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("<")) {
		return inspectXML(br, at, l)
	}
	in := inspection{splitter: newSplitter(br, Plan{}, l, nil)}
	f, err := in.document()
	if err != nil {
		return Finding{}, explain(err)
	}
	return f, nil
}

func (in *inspection) document() (Finding, error) {
	kind := in.dec.PeekKind()
	switch kind {
	case jsontext.KindInvalid:
		_, err := in.dec.ReadToken()
		if err == io.EOF {
			err = empty()
		}
		return Finding{}, err
	case '{':
	default:
		if err := in.skip(); err != nil {
			return Finding{}, err
		}
		return Finding{Path: "$", Shape: Rows, Evidence: "the answer is " + strings.TrimPrefix(describe(kind), "it is ")}, nil
	}
	if _, err := in.object(nil); err != nil {
		return Finding{}, err
	}
	// Another document behind the first: the rest is read when it is split.
	if in.dec.PeekKind() == '{' {
		return Finding{Path: "$", Shape: Lines, Evidence: "the answer is one JSON object after the other"}, nil
	}
	f := in.choose()
	if in.message != "" && !in.contents && (f.Path == "errors" || f.Path == "$") {
		return Finding{}, refused(in.message)
	}
	return f, nil
}

// An outline is what an object shows to the one around it.
type outline struct {
	keys []string // the first of them
}

// object looks at the members of an object.
func (in *inspection) object(names []string) (outline, error) {
	set := &columnSet{names: names}
	ids := &keySet{names: names, keys: map[string]int64{}}
	var own outline
	scalars, before := 0, len(in.arrays)
	forms := map[string]jsontext.Kind{}
	err := in.members(func(name string) error {
		path := append(slices.Clone(names), name)
		kind := in.dec.PeekKind()
		ids.count(name, kind)
		if len(own.keys) < sampleSize {
			own.keys = append(own.keys, name)
			forms[name] = kind
		}
		if len(names) == 0 && name == "data" {
			in.contents = kind != 'n'
		}
		switch {
		case kind == '[':
			return in.array(path, set)
		case kind == '{' && len(path) < maxFieldDepth:
			inner, err := in.object(path)
			if ids.sampled < sampleSize {
				ids.sampled++
				for _, k := range inner.keys {
					ids.keys[k]++
				}
			}
			return err
		case kind != '{':
			scalars++
		}
		return in.skip()
	})
	for _, c := range in.arrays[before:] {
		if len(c.names) == len(names)+1 {
			c.siblings, c.alone = scalars, len(own.keys) == 1
		}
	}
	if len(set.lengths) > 1 && len(in.columns) < maxCandidates {
		in.columns = append(in.columns, set)
	}
	if ids.isMap() && len(in.maps) < maxCandidates {
		in.maps = append(in.maps, ids)
	}
	in.frame(names, in.arrays[before:])
	if len(names) == 1 && names[0] == "data" && forms["type"] == '"' && forms["id"] == '"' && forms["attributes"] == '{' {
		in.single = Finding{Path: "data", Shape: JSONAPI, Evidence: "one JSON:API resource; its attributes become columns"}
	}
	return own, err
}

// array looks at the elements of an array.
func (in *inspection) array(path []string, set *columnSet) error {
	c := &candidate{names: path, keys: map[string]int64{}}
	nested := false
	err := in.elements(func(i int64) error {
		c.count++
		kind := in.dec.PeekKind()
		nested = nested || kind == '{' || kind == '['
		if kind == '{' {
			c.objects++
		}
		if c.sampled >= sampleSize || i >= 2*sampleSize {
			return in.skip()
		}
		raw, err := in.value()
		if err != nil {
			return err
		}
		c.look.add(raw)
		if kind != '{' {
			return nil
		}
		m, _ := membersOf(raw)
		for k := range m {
			c.keys[k]++
		}
		c.sampled++
		if i == 0 && len(path) == 1 && path[0] == "errors" && m["message"].Kind() == '"' {
			in.message = text(m["message"])
		}
		return nil
	})
	if len(in.arrays) < maxCandidates {
		in.arrays = append(in.arrays, c)
	}
	if !nested {
		set.lengths = append(set.lengths, c.count)
		set.members = append(set.members, path[len(path)-1])
	}
	return err
}

// frame notes an object that has names of columns beside rows of as many values.
func (in *inspection) frame(names []string, arrays []*candidate) {
	if len(in.frames) >= maxCandidates {
		return
	}
	var heads, rows *candidate
	for _, c := range arrays {
		if len(c.names) != len(names)+1 {
			continue
		}
		name := c.names[len(names)]
		if heads == nil && isMember(nameMembers(), name) && c.count > 0 && int64(c.look.strings+c.look.named) == min(c.count, int64(c.look.n)) {
			heads = c
		} else if rows == nil && isMember(rowMembers(), name) {
			rows = c
		}
	}
	if heads == nil || rows == nil || rows.count > 0 && (rows.look.arrays < rows.look.n || int64(rows.look.width) != heads.count) {
		return
	}
	in.frames = append(in.frames, Finding{Path: dotted(names), Shape: ColumnsRows, Evidence: itoa(heads.count) + " names in " +
		dotted(heads.names) + " and " + itoa(rows.count) + " rows of as many values in " + dotted(rows.names)})
}
