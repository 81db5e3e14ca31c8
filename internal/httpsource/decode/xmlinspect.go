package decode

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// maxLists bounds how many parts of a record are named as lists.
const maxLists = 100

// A place is all elements that have the same names on the way to them.
type place struct {
	path    []string
	parent  *place
	kids    map[string]*place
	order   []*place
	total   int64
	most    int64 // below one parent
	current int64 // below the parent that is open
	rich    int64 // of the elements, those with attributes or elements
	keys    map[string]int64
	sampled int64
}

// An xmlInspection counts the elements of a document.
type xmlInspection struct {
	x      *xmlReader
	root   *place
	places int
}

// inspectXML reads a whole document and says which elements are its rows, and
// which parts of them are lists: an element that occurs once in one record and
// twice in the next is a list in both.
func inspectXML(r io.Reader, at Path, l Limits) (Finding, error) {
	names, err := xmlPath(at)
	if err != nil {
		return Finding{}, err
	}
	in := xmlInspection{x: newXMLReader(r, l), root: &place{kids: map[string]*place{}}}
	for {
		token, err := in.x.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Finding{}, err
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := in.element(in.enter(in.root, rawName(start.Name)), start); err != nil {
				return Finding{}, err
			}
		}
	}
	if len(names) > 0 {
		at := in.root
		for _, name := range names {
			if at = at.kids[name]; at == nil {
				break
			}
		}
		return Finding{Path: dotted(names), Shape: at.shape(), Evidence: "set for this connection", Given: true}, nil
	}
	return in.choose(), nil
}

// enter goes to the place of an element, which is nil where there are too many.
func (in *xmlInspection) enter(p *place, name string) *place {
	if p == nil {
		return nil
	}
	k := p.kids[name]
	if k == nil {
		if in.places++; in.places > maxCandidates {
			return nil
		}
		k = &place{path: append(slices.Clone(p.path), name), parent: p, kids: map[string]*place{}, keys: map[string]int64{}}
		p.kids[name] = k
		p.order = append(p.order, k)
	}
	k.total++
	k.current++
	return k
}

// element reads an element to its end.
func (in *xmlInspection) element(p *place, start xml.StartElement) error {
	var touched []*place
	some := len(start.Attr) > 0
	for {
		token, err := in.x.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			some = true
			kid := in.enter(p, rawName(t.Name))
			if kid != nil && kid.current == 1 {
				touched = append(touched, kid)
			}
			if err := in.element(kid, t); err != nil {
				return err
			}
		case xml.EndElement:
			if p != nil {
				p.leave(start, touched, some)
			}
			return nil
		}
	}
}

func (p *place) leave(start xml.StartElement, touched []*place, some bool) {
	if some {
		p.rich++
	}
	for _, kid := range touched {
		kid.most = max(kid.most, kid.current)
		kid.current = 0
	}
	if p.sampled >= sampleSize {
		return
	}
	p.sampled++
	for _, kid := range touched {
		p.keys[kid.path[len(kid.path)-1]]++
	}
	for _, a := range start.Attr {
		p.keys["@"+rawName(a.Name)]++
	}
}

// walk visits a place and all below it.
func (p *place) walk(visit func(*place)) {
	visit(p)
	for _, kid := range p.order {
		kid.walk(visit)
	}
}

// choose picks the elements that are rows: those that are repeated below one
// parent, not below another that is, with as much in common as there may be.
func (in *xmlInspection) choose() Finding {
	var fits []*place
	var named *place
	in.root.walk(func(p *place) {
		for up := p.parent; up != nil; up = up.parent {
			if up.most > 1 {
				return
			}
		}
		switch {
		case p.most > 1 && share(p.keys, p.sampled) >= 0.2 && p.score() > 0.3*float64(p.siblings()):
			fits = append(fits, p)
		case p.total == 1 && p.rich == 1 && len(p.path) > 1 && named == nil && slices.Contains(recordNames(), p.local()):
			named = p
		}
	})
	slices.SortStableFunc(fits, func(a, b *place) int {
		switch x, y := a.score(), b.score(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	switch {
	case len(fits) > 0:
		p := fits[0]
		f := Finding{Path: dotted(p.path), Shape: p.shape(), Evidence: fmt.Sprintf("%d elements %s, which share %.0f%% of their parts", p.total, clip(p.path[len(p.path)-1]), 100*share(p.keys, p.sampled))}
		for _, other := range fits[1:min(len(fits), 6)] {
			f.Others = append(f.Others, fmt.Sprintf("%s (%d)", dotted(other.path), other.total))
		}
		return f
	case named != nil:
		return Finding{Path: dotted(named.path), Shape: named.shape(), Evidence: "one element under a usual name"}
	}
	root := in.root
	if len(root.order) > 0 {
		root = root.order[0]
	}
	return Finding{Path: "$", Shape: root.shape(), Evidence: "no element is repeated: the document is one row"}
}

func recordNames() []string {
	return []string{"item", "entry", "row", "record", "result", "element", "node", "contents", "object", "document", "doc", "response", "url", "sitemap"}
}

// local is the last name without its prefix, in lower case.
func (p *place) local() string {
	name := p.path[len(p.path)-1]
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ToLower(name)
}

// score weighs number, likeness, depth and name, as for arrays in JSON, and
// prefers elements with parts to those of text alone.
func (p *place) score() float64 {
	score := math.Log2(float64(p.total)+1) + 2*share(p.keys, p.sampled) - 0.5*float64(len(p.path)-2)
	if 2*p.rich >= p.total {
		score += math.Log2(float64(len(p.keys)) + 2)
	}
	switch {
	case slices.Contains(recordNames(), p.local()):
		score += 3
	case slices.Contains([]string{"link", "category", "author", "contributor", "meta", "error", "warning", "commonprefixes", "namespace"}, p.local()):
		score -= 3
	}
	return score
}

// siblings is how many elements of text alone stand beside the place.
func (p *place) siblings() int {
	n := 0
	if p.parent == nil {
		return 0
	}
	for _, kid := range p.parent.order {
		if kid != p && kid.rich == 0 && kid.most == 1 {
			n++
		}
	}
	return n
}

// shape names the parts below a place that are lists.
func (p *place) shape() Shape {
	var lists []string
	if p == nil {
		return XML
	}
	p.walk(func(q *place) {
		if q != p && q.most > 1 && len(lists) < maxLists {
			lists = append(lists, strings.Join(q.path[len(p.path):], "/"))
		}
	})
	if lists == nil {
		return XML
	}
	return XML.with("lists", strings.Join(lists, "|"))
}
