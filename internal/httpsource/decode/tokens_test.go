package decode

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
)

// tokensOf reads doc in chunks of that many bytes; 0 means that it is in memory.
func tokensOf(doc []byte, chunk int) *tokens {
	var r io.Reader = bytes.NewBuffer(bytes.Clone(doc))
	switch {
	case chunk == 1:
		r = iotest.OneByteReader(bytes.NewReader(doc))
	case chunk > 1:
		r = &chunked{bytes.NewReader(doc), chunk}
	}
	return newTokens(&leash{r: r, limit: 64 << 20})
}

type chunked struct {
	r io.Reader
	n int
}

func (c *chunked) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

// differ reads doc with both readers in the same steps, which seed chooses, and
// says where they differ.
func differ(doc []byte, seed uint64, chunk int) string {
	theirs, ours := jsontext.NewDecoder(bytes.NewBuffer(bytes.Clone(doc))), tokensOf(doc, chunk)
	step := rand.New(rand.NewPCG(seed, 1))
	for n := 0; ; n++ {
		if step.IntN(4) > 0 {
			if want, got := theirs.PeekKind(), ours.PeekKind(); want != got {
				return fmt.Sprintf("step %d: kind %q, want %q", n, got, want)
			}
		}
		var want, got string
		var werr, gerr error
		if value := step.IntN(int(seed%5)+2) == 0; value {
			var w, g jsontext.Value
			w, werr = theirs.ReadValue()
			g, gerr = ours.ReadValue()
			want, got = string(w), string(g)
			if depth, keys := widest(g); gerr == nil && (ours.deep() > 0 && depth != ours.deep() || keys != ours.scan.keys) {
				return fmt.Sprintf("step %d: %d deep with %d keys, want %d, %d", n, ours.deep(), ours.scan.keys, depth, keys)
			}
		} else {
			var w jsontext.Token
			var g piece
			w, werr = theirs.ReadToken()
			if werr == nil {
				want = w.String()
			}
			if g, gerr = ours.ReadToken(); gerr == nil {
				got = g.String()
				if g.raw == nil {
					got = string(rune(g.kind))
				}
			}
		}
		switch {
		case werr == io.EOF || gerr == io.EOF:
			if werr != gerr {
				return fmt.Sprintf("step %d: %v, want %v", n, gerr, werr)
			}
			return ""
		case werr != nil || gerr != nil:
			if werr == nil || gerr == nil || explain(werr).Error() != explain(gerr).Error() {
				return fmt.Sprintf("step %d: %v\nwant    %v", n, gerr, werr)
			}
			return ""
		case want != got || theirs.InputOffset() != ours.InputOffset() || theirs.StackDepth() != ours.StackDepth():
			return fmt.Sprintf("step %d: %q at %d, %d deep, want %q at %d, %d deep", n, got, ours.InputOffset(), ours.StackDepth(), want, theirs.InputOffset(), theirs.StackDepth())
		}
	}
}

// widest measures a value in the plainest way: how deep it nests, and how many keys
// its largest object has.
func widest(raw []byte) (deepest, most int) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		if _, err := dec.ReadToken(); err != nil {
			return deepest, most
		}
		deepest = max(deepest, dec.StackDepth())
		if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' {
			most = max(most, int(n+1)/2)
		}
	}
}

// badEnds are documents whose fault is at every kind of place.
func badEnds() []string {
	deep := strings.Repeat(`{"a":[`, 5000)
	return []string{
		"", " ", "{", "[", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `[1,]`, `[1 2]`, `[1,,2]`, `{,}`, `{"a" 1}`, `{"a":1 "b":2}`, `{1:2}`, `{"a":1,"a":2}`,
		`{"a":1,"b":{"c":1,"\u0063":2}}`, `[{"a":1},{"a":1,"b":2},{"b":1,"a":2},{"b":1,"b":2}]`, `{"é":1,"\u00e9":2}`, `[01]`, `[-]`, `[1.]`, `[1e]`, `[1.5e+]`, `[tru]`, `[truee]`, `nul`,
		`["\x"]`, `["\u12"]`, `["\ud800"]`, `["\ud800\u0041"]`, `["\udc00"]`, `["\udc00\udc00"]`, `[{"a":1,"b":2},{"b":1,"a":2,"b":3}]`, `["\ud83d\ude00"]`, "[\"\x01\"]", "[\"\xff\"]", "[\"\xe2\x82\"]", "[\"\xed\xa0\x80\"]", `["abc`, `["abc\`,
		`]`, `}`, `[}`, `{]`, `[[1]}`, `{"a":[1}`, `1 2 3`, `{}{}`, `{}[]`, "\ufeff{}", "// x", `[1]x`, `"a""b"`, `-0`, `-0.0e-0`, `1.5`, "[\t1 ,\r\n2 ]", `{"a":{"b":{"c":[1,2,{"d":}]}}}`,
		`[[[[1,2],3],4],5,}`, strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001), deep, deep + "1", deep + deep + "1",
		`{"` + strings.Repeat("k", 70_000) + `":1}`, `[` + strings.Repeat(`{"k":"v"},`, 9000) + `{"k":"v","k":1}]`, `["` + strings.Repeat("é", 40_000) + "\xff\"]",
	}
}

func TestTokensAreThoseOfJSONText(t *testing.T) {
	t.Parallel()
	docs := badEnds()
	files, _ := filepath.Glob(filepath.Join("..", "..", "..", "..", "shared", "vectors", "JSONTestSuite", "test_*", "*.json"))
	if len(files) == 0 {
		t.Log("the shared vectors are not here; the documents of our own are")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(b))
	}
	for _, doc := range docs {
		for seed := range uint64(12) {
			if seed > 3 && len(doc) > 20_000 {
				continue
			}
			for _, chunk := range []int{0, 1, 7, 5000} {
				if chunk == 1 && len(doc) > 20_000 {
					continue
				}
				if why := differ([]byte(doc), seed, chunk); why != "" {
					t.Errorf("%q in chunks of %d: %s", clip(doc), chunk, why)
				}
			}
		}
	}
}

// TestTokensOfBrokenRecords breaks records as sources write them at each place.
func TestTokensOfBrokenRecords(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"total":2,"data":[{"id":1,"n":-1.5e3,"s":"a\"b\u00e9é","o":{"x":[],"y":{}},"z":null},{"id":2,"s":"","extra":true,"o":{"y":{"k":[1,{"id":2}]},"x":[false]}}]}`)
	for i := range doc {
		for _, c := range []byte(" \"\\{}[],:0.e-x\x00\x80\xc3") {
			broken := bytes.Clone(doc)
			broken[i] = c
			for seed := range uint64(4) {
				if why := differ(broken, seed, int(seed)*3); why != "" {
					t.Errorf("%s: %s", broken, why)
				}
			}
		}
		if why := differ(doc[:i], uint64(i), i%5); why != "" {
			t.Errorf("%s: %s", doc[:i], why)
		}
	}
}

// FuzzTokens holds the reader of JSON against jsontext: the same tokens and values,
// and the same errors at the same places.
func FuzzTokens(f *testing.F) {
	for i, doc := range badEnds() {
		if len(doc) < 1000 {
			f.Add([]byte(doc), uint64(i), i%9)
		}
	}
	f.Add([]byte(`[{"a":1,"b":[{"c":"é\u0000"}]},{"b":2,"a":{}},{"z":1,"a":1}]`), uint64(3), 4)
	f.Fuzz(func(t *testing.T, doc []byte, seed uint64, chunk int) {
		if why := differ(doc, seed, min(max(chunk, 0), 1<<16)); why != "" {
			t.Error(why)
		}
	})
}

// records strings two records together in the order of the bits of order, so that what
// is remembered of one meets the other.
func records(a, b string, order uint64) []byte {
	doc := []byte{'['}
	for i := range 8 {
		if i > 0 {
			doc = append(doc, ',')
		}
		if order>>i&1 == 0 {
			doc = append(doc, a...)
		} else {
			doc = append(doc, b...)
		}
	}
	return append(doc, ']')
}

// alike are pairs of records that are alike but for one thing that must not be taken
// for what is remembered.
func alike() [][2]string {
	of := `{"id":1,"a long name of more than sixteen bytes":"x","o":{"k":true,"l":null},"z":[{"k":0.5},{"k":false}]}`
	var out [][2]string
	for _, c := range [][2]string{
		{`,"o"`, `"o"`}, {`,"o"`, `,,"o"`}, {`{"id"`, `{,"id"`}, {`"id"`, `"i\u0064"`}, {`:1`, `: 1`}, {`:1`, `:,`}, {`:1`, `:`}, {`{"id":1,`, `{`}, {`{"id":1,`, `{,`}, {`sixteen bytes":`, `sixteen bytes"x`}, {`"o":{"k":true,"l":null},`, ``},
		{`"z"`, `"id"`}, {`"z"`, `"a long name of more than sixteen bytes"`}, {`"z"`, `"o"`}, {`"l"`, `"k"`}, {`sixteen bytes`, `sixteen bytez`}, {`:null}`, `:null,}`}, {`"x"`, `"x`}, {`true`, `tru`},
		{`null`, `nulL`}, {`0.5`, `0.5.5`}, {`0.5`, `00.5`}, {`0.5`, `.5`}, {`0.5`, `-12345678.87654321e-10`}, {`0.5`, `123456789012`}, {`0.5`, `1.234567890`}, {`0.5`, `-1.e5`}, {`"x"`, `"\"\u00e9"`}, {`"x"`, `"0123456789abcde"`}, {`"x"`, `"0123456789abcdef"`},
		{`"x"`, "\"0123456789abcdefé\""}, {`"x"`, "\"0123456789abcdef\x1f\""}, {`"x"`, "\"é\xc3\""}, {`"x"`, "\"\xc0\xaf\""}, {`"x"`, "\"日本語\""}, {`"z"`, "\t\"z\"\r\n "}, {`"id":1`, `"new":1,"id":1`}, {`"id":1`, `"o":1`},
		{`{"k":true`, `{"l":1,"k":true`}, {`{"k":0.5}`, `{"k":0.5,"k":1}`}, {`{"k":0.5}`, `{}`}, {`"o":{`, "\"o\":  \n" + strings.Repeat(" ", 100) + "{"}, {`,"z"`, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		out = append(out, [2]string{of, strings.Replace(of, c[0], c[1], 1)})
	}
	return out
}

func TestWhatIsRememberedIsNotTakenForWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, pair := range alike() {
		for order := range uint64(64) {
			for _, chunk := range []int{0, 1, 50} {
				if chunk > 0 && order%16 != 2 {
					continue
				}
				if why := differ(records(pair[0], pair[1], order), order%5, chunk); why != "" {
					t.Fatalf("%s beside %s in the order %b: %s", pair[1], pair[0], order, why)
				}
			}
		}
	}
}

// FuzzRecords is FuzzTokens for records of which much is remembered.
func FuzzRecords(f *testing.F) {
	for i, pair := range alike() {
		f.Add(pair[0], pair[1], uint64(i), i%5)
	}
	f.Fuzz(func(t *testing.T, a, b string, order uint64, chunk int) {
		if why := differ(records(a, b, order), order%5, min(max(chunk, 0), 1<<16)); why != "" {
			t.Error(why)
		}
	})
}

// TestNamesAreCheckedInLinearTime gives objects of very many names in an order and
// with spellings that no pattern foresees.
func TestNamesAreCheckedInLinearTime(t *testing.T) {
	t.Parallel()
	var doc bytes.Buffer
	doc.WriteByte('[')
	for row := range 3 {
		if row > 0 {
			doc.WriteByte(',')
		}
		doc.WriteByte('{')
		for i := range 100_000 {
			fmt.Fprintf(&doc, `"k%d_%d":{"\u006b%d":%d},`, row, i, i, i)
		}
		fmt.Fprintf(&doc, `"last":1}`)
	}
	doc.WriteByte(']')
	ours := newTokens(&leash{r: &doc, limit: 64 << 20})
	raw, err := ours.ReadValue()
	if err != nil || ours.scan.keys != 100_001 {
		t.Fatalf("%d bytes, %d keys, %v", len(raw), ours.scan.keys, err)
	}
	if ours.scan.places > maxPatterned {
		t.Errorf("%d names are remembered", ours.scan.places)
	}
	twice := bytes.Replace(raw, []byte(`"last"`), []byte(`"k2_99"`), -1)
	if why := differ(twice, 0, 0); why != "" {
		t.Error(why)
	}
}

func TestALongValueInMemoryIsRefusedToo(t *testing.T) {
	t.Parallel()
	doc := []byte(`[{"a":"` + strings.Repeat("x", slack+2000) + `"}]`)
	for _, c := range []struct {
		limit int64
		want  bool
	}{{1000, false}, {3000, true}} {
		dec := newTokens(&leash{r: bytes.NewBuffer(doc), limit: c.limit})
		if _, err := dec.ReadToken(); err != nil {
			t.Fatal(err)
		}
		_, err := dec.ReadValue()
		if (err == nil) != c.want || err != nil && !strings.Contains(err.Error(), "longer than 1000 bytes") {
			t.Errorf("limit %d: %v", c.limit, err)
		}
	}
}
