package decode_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"millwright/internal/httpsource/decode"
)

// kept splits a body with a keeper and puts it together again. Reading it in small
// pieces moves the reader's buffer often.
func kept(t *testing.T, body, path string, shape decode.Shape, chunk int) (rebuilt string, whole bool, err error) {
	t.Helper()
	p, err := decode.ParsePath(path)
	if err != nil {
		return "", false, err
	}
	var r io.Reader = bytes.NewBufferString(body)
	if chunk > 0 {
		r = &pieces{strings.NewReader(body), chunk}
	}
	var rest bytes.Buffer
	var rows [][]byte
	_, whole, err = decode.SplitKeeping(r, decode.Plan{Path: p, Shape: shape}, limits(), func(raw []byte) error {
		rows = append(rows, bytes.Clone(raw))
		return nil
	}, func(p []byte) error { rest.Write(p); return nil })
	if err != nil || whole {
		return rest.String(), whole, err
	}
	var out strings.Builder
	for _, c := range rest.Bytes() {
		switch {
		case c != decode.RecordHere && c != decode.RecordMade:
			out.WriteByte(c)
		case len(rows) == 0:
			t.Fatalf("more marks than rows in what is kept of %.200q", body)
		default:
			if c == decode.RecordHere {
				out.Write(rows[0])
			}
			rows = rows[1:]
		}
	}
	if len(rows) > 0 {
		t.Errorf("%d rows without a mark in what is kept of %.200q", len(rows), body)
	}
	return out.String(), whole, nil
}

type pieces struct {
	r io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// same reports whether what was kept is the body, but for white space behind it.
func same(body, rebuilt string) bool {
	return strings.HasPrefix(body, rebuilt) && strings.Trim(body[len(rebuilt):], " \t\r\n") == ""
}

func TestWhatIsKeptIsTheBody(t *testing.T) {
	t.Parallel()
	for _, c := range shapeCases() {
		for _, shape := range []decode.Shape{c.shape, ""} {
			if shape == "" && (c.shape.Base() == decode.CSV || c.shape.Base() == decode.XML) {
				continue
			}
			for _, chunk := range []int{0, 1, 3, 100} {
				got, whole, err := kept(t, c.body, c.path, shape, chunk)
				if err == nil && !same(c.body, got) {
					t.Errorf("%s as %q in pieces of %d: %.300q is kept of %.300q, whole %t", c.rule, shape, chunk, got, c.body, whole)
				}
			}
		}
	}
}

func TestRecordsAreNotKeptTwice(t *testing.T) {
	t.Parallel()
	body := `{"items":[` + strings.Repeat(`{"id":1,"text":"`+strings.Repeat("x", 500)+`"},`, 1000) + `{"id":2}]}`
	for _, chunk := range []int{0, 4096} {
		var rest bytes.Buffer
		p, _ := decode.ParsePath("items")
		_, whole, err := decode.SplitKeeping(&pieces{strings.NewReader(body), max(chunk, 1<<20)}, decode.Plan{Path: p, Shape: decode.Rows}, limits(),
			func([]byte) error { return nil }, func(p []byte) error { rest.Write(p); return nil })
		if want := `{"items":[` + strings.Repeat("\x1e,", 1000) + "\x1e]}"; err != nil || whole || rest.String() != want {
			t.Errorf("%d bytes are kept, want %d; %v", rest.Len(), len(want), err)
		}
	}
}

func TestAnErrorOfTheKeeperEndsTheSplit(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	for _, shape := range []decode.Shape{decode.Rows, decode.Map, "csv; delimiter=comma; header=present"} {
		_, _, err := decode.SplitKeeping(strings.NewReader(`{"a":{"b":1}}`+"\n"), decode.Plan{Shape: shape}, limits(), func([]byte) error { return nil }, func([]byte) error { return full })
		if !errors.Is(err, full) {
			t.Errorf("%s: %v", shape, err)
		}
	}
}

// FuzzKeeping puts any body together again that can be split, whatever the path and
// the shape: it is the same, byte by byte.
func FuzzKeeping(f *testing.F) {
	for i, c := range shapeCases() {
		f.Add(c.body, c.path, string(c.shape), i%7)
	}
	f.Add(`{"a":[{"b":1},2,{"b":[{"c":"\u001e"}]}]}`, "$.a[*].b", "", 3)
	f.Fuzz(func(t *testing.T, body, path, shape string, chunk int) {
		s, err := decode.ParseShape(shape)
		if err != nil {
			return
		}
		got, _, err := kept(t, body, path, s, min(max(chunk, 0), 1<<16))
		if err == nil && !same(body, got) {
			t.Errorf("%q is kept of %q", got, body)
		}
	})
}
