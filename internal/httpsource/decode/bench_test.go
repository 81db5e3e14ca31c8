package decode_test

import (
	"io"
	"testing"

	"millwright/internal/httpsource/decode"
)

// BenchmarkSplit reads bodies of about 10 MB in each format.
func BenchmarkSplit(b *testing.B) {
	for _, c := range []struct {
		rule             string
		head, line, tail string
		path             string
		shape            decode.Shape
	}{
		{"json", `[{"id":0}`, `,{"id":%d,"a":"` + lineText + `","b":"` + lineText + `"}`, "]", "", decode.Rows},
		{"csv", "id,a,b\n", "%d," + lineText + "," + lineText + "\n", "", "", "csv; delimiter=comma; header=present"},
		{"arrays", `[["id","a","b"]`, `,[%d,"` + lineText + `","` + lineText + `"]`, "]", "", "arrays; header=present"},
		{"xml", "<r>", "<i n=\"%d\"><a>" + lineText + "</a><b>" + lineText + "</b></i>", "</r>", "r.i", decode.XML},
	} {
		b.Run(c.rule, func(b *testing.B) {
			path, err := decode.ParsePath(c.path)
			if err != nil {
				b.Fatal(err)
			}
			n := 10 << 20 / len(c.line)
			b.SetBytes(int64(n * len(c.line)))
			for b.Loop() {
				var r io.Reader = &repeated{head: c.head, line: c.line, tail: c.tail, n: n}
				if _, err := decode.Split(r, decode.Plan{Path: path, Shape: c.shape}, limits(), func([]byte) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
