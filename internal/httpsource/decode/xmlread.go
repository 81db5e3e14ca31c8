package decode

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"

	"millwright/internal/errs"
)

// An xmlReader gives the elements and texts of one well-formed document. Names
// keep their prefix as written. Nothing is ever fetched for a document, and
// entities that it declares itself are refused: five of them can be gigabytes.
type xmlReader struct {
	dec    *xml.Decoder
	leash  *leash
	limits Limits
	stack  []string
	ended  bool // the root has
}

func newXMLReader(r io.Reader, l Limits) *xmlReader {
	rope := &leash{r: r, limit: l.RecordBytes, option: "record_bytes"}
	x := &xmlReader{dec: xml.NewDecoder(rope), leash: rope, limits: l}
	// The body is UTF-8 by now, whatever its declaration says.
	x.dec.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return x
}

// next returns a StartElement, an EndElement or a CharData, which is valid until
// the next call, and io.EOF behind the document.
func (x *xmlReader) next() (xml.Token, error) {
	for {
		x.leash.mark = x.dec.InputOffset()
		token, err := x.dec.RawToken()
		if err != nil {
			return nil, x.explain(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if x.ended {
				return nil, x.fault("a second root element, " + clip(rawName(t.Name)))
			}
			if len(x.stack) >= x.limits.Depth {
				return nil, errs.New(errs.TooLarge, "the elements are nested more than %d deep", x.limits.Depth).Named("xml-too-deep").
					Fix("check that the address returns data")
			}
			if t.Attr, err = x.attributes(t.Attr); err != nil {
				return nil, err
			}
			x.stack = append(x.stack, rawName(t.Name))
			return t, nil
		case xml.EndElement:
			if len(x.stack) == 0 || x.stack[len(x.stack)-1] != rawName(t.Name) {
				return nil, x.fault("an end of " + clip(rawName(t.Name)) + " that is not open")
			}
			x.stack = x.stack[:len(x.stack)-1]
			x.ended = len(x.stack) == 0
			return t, nil
		case xml.CharData:
			if len(x.stack) > 0 {
				return t, nil
			}
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, x.fault("text outside of the root element")
			}
		case xml.Directive:
			if bytes.Contains(t, []byte("<!ENTITY")) {
				return nil, errs.New(errs.Upstream, "the XML declares entities of its own, which are not followed").Named("xml-entities").
					Fix("ask the source for JSON or for XML without a document type")
			}
		}
	}
}

// attributes leaves out what declares namespaces.
func (x *xmlReader) attributes(all []xml.Attr) ([]xml.Attr, error) {
	if len(all) > x.limits.Keys {
		return nil, tooManyKeys(x.limits.Keys)
	}
	seen := map[xml.Name]bool{}
	for _, a := range all {
		if seen[a.Name] {
			return nil, x.fault("the attribute " + clip(rawName(a.Name)) + " twice in one element")
		}
		seen[a.Name] = true
	}
	return slices.DeleteFunc(all, func(a xml.Attr) bool {
		return a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
	}), nil
}

func (x *xmlReader) explain(err error) error {
	if _, ok := errs.Find(err); ok {
		return err
	}
	var syntax *xml.SyntaxError
	switch {
	case err == io.EOF && x.ended:
		return io.EOF
	case err == io.EOF && len(x.stack) == 0:
		return empty()
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return errs.New(errs.Upstream, "the body ends in the middle of its XML (byte %d)", x.dec.InputOffset()).Named("body-truncated").
			Fix("try again; if it stays so, the source or a proxy before it cuts its answers")
	case errors.As(err, &syntax):
		return x.fault(clip(syntax.Msg))
	}
	return errs.New(errs.Upstream, "the XML cannot be read at byte %d: %s", x.dec.InputOffset(), clip(err.Error())).Named("xml-invalid").
		Fix("check that the address returns XML").Because(err)
}

func (x *xmlReader) fault(what string) error {
	line, _ := x.dec.InputPos()
	return errs.New(errs.Upstream, "the body is not valid XML: %s at line %d (byte %d)", what, line, x.dec.InputOffset()).Named("xml-invalid").
		Fix("check that the address returns XML", "try again; if it stays so, report it to the source")
}

// rawName is a name with its prefix, as it is written.
func rawName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// xmlPath returns the names of a path to an element, from the root on.
func xmlPath(p Path) ([]string, error) {
	names := make([]string, len(p.steps))
	plain := p.query == nil
	for i, st := range p.steps {
		plain = plain && st.kind == byName
		names[i] = st.name
	}
	if !plain {
		return nil, errs.New(errs.Invalid, "the body is XML, in which the path %s cannot be followed", clip(p.String())).Named("path-not-for-xml").At("/responsePathExtractor").
			Fix("write the names of elements from the root on, joined by dots, such as catalog.book")
	}
	return names, nil
}
