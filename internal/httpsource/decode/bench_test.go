package decode_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
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

// BenchmarkSplitKeeping reads nested records of about 540 bytes that differ in the
// length of nearly every value, as a page in memory, as a stream, and indented.
func BenchmarkSplitKeeping(b *testing.B) {
	plain := ordersText(20_000, "")
	path, err := decode.ParsePath("data")
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		rule string
		body []byte
		open func(body []byte) io.Reader
	}{
		{"memory", plain, func(body []byte) io.Reader { return bytes.NewBuffer(body) }},
		{"stream", plain, func(body []byte) io.Reader { return bytes.NewReader(body) }},
		{"spaced", ordersText(20_000, " "), func(body []byte) io.Reader { return bytes.NewBuffer(body) }},
	} {
		b.Run(c.rule, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			none := func([]byte) error { return nil }
			for b.Loop() {
				res, _, err := decode.SplitKeeping(c.open(c.body), decode.Plan{Path: path, Shape: decode.Rows}, limits(), none, none)
				if err != nil || res.Rows != 20_000 {
					b.Fatal(res.Rows, err)
				}
			}
		})
	}
}

// ordersText returns a page of n records; gap stands behind each comma and colon
// between tokens.
func ordersText(n int, gap string) []byte {
	r := rand.New(rand.NewPCG(1, 7))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	b := []byte(`{"page":1,"data":[`)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"id":%d,"uuid":"%08x-%04x-4%03x-a%03x-%012x","status":"%s","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","paid":%t,"total":%d.%02d,`,
			1_000_000_000+i, r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Uint64()>>16, pick("new", "paid", "shipped", "delivered"),
			1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(3) > 0, r.IntN(900), r.IntN(100))
		b = fmt.Appendf(b, `"customer":{"id":%d,"name":"%s %s","email":"someone.%d@example.com","vip":%t,"address":{"street":"%d %s","city":"%s","zip":"%05d"}},"items":[`,
			r.IntN(1e6), pick("Anna", "José", "Zoë", "Noah"), pick("Kowalski", "Müller", "Smith", "García"), r.IntN(1e5), r.IntN(9) == 0,
			1+r.IntN(200), pick("Main Street", "Bahnhofstraße", "Via Roma", "Rue de la Paix"), pick("Zürich", "Berlin", "Paris", "London"), r.IntN(1e5))
		for j := range 1 + r.IntN(2) {
			if j > 0 {
				b = append(b, ',')
			}
			b = fmt.Appendf(b, `{"sku":"SKU-%05d","title":"%s %s","quantity":%d,"unit_price":%d.%02d}`, r.IntN(1e5), pick("Wireless", "Leather", "Steel", "Organic"),
				pick("mouse", "notebook", "cotton shirt", "desk lamp"), 1+r.IntN(5), r.IntN(200), r.IntN(100))
		}
		b = fmt.Appendf(b, `],"tags":["%s","%s"],"note":%s}`, pick("web", "app", "store"), pick("first", "repeat", "gift"),
			pick("null", `"Please leave the parcel with the neighbours"`, `""`, `"Rush order; call before delivery"`))
	}
	b = append(b, "]}"...)
	b = bytes.ReplaceAll(b, []byte(`":`), []byte(`":`+gap))
	return bytes.ReplaceAll(b, []byte(`,"`), []byte(`,`+gap+`"`))
}
