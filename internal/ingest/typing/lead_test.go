package typing

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"millwright/internal/jsonscan"
)

// forget makes an observer look up every key again.
func (n *node) forget() {
	n.first, n.then, n.lead = nil, nil, jsonscan.Lead{}
	for _, below := range append([]*node{n.entry, n.item}, n.fields...) {
		if below != nil {
			below.forget()
		}
	}
}

// unlike observes records in the order of the bits of order, and says where what is
// remembered of them makes a difference to what is known or refused.
func unlike(l Limits, a, b string, order uint64) string {
	with, without := NewObserver(l), NewObserver(l)
	for i := range 8 {
		record := []byte(a)
		if order>>i&1 != 0 {
			record = []byte(b)
		}
		without.root.forget()
		got, want := with.Observe(record), without.Observe(record)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("record %d, %s: %v, want %v", i, record, got, want)
		}
		if want != nil {
			return ""
		}
	}
	got, gerr := with.State()
	want, werr := without.State()
	if gerr != nil || werr != nil || !bytes.Equal(got, want) {
		return fmt.Sprintf("%v, %v\n     %s\nwant %s", gerr, werr, got, want)
	}
	return ""
}

// alike are pairs of records that are alike but for one thing that must not be taken
// for what is remembered.
func alike() [][2]string {
	of := `{"id":1,"a long name of more than sixteen bytes":"x","o":{"k":true,"l":null},"z":[{"k":0.5},{"k":false}]}`
	var out [][2]string
	for _, c := range [][2]string{
		{`,"o"`, `"o"`}, {`,"o"`, `,,"o"`}, {`{"id"`, `{,"id"`}, {`"id"`, `"i\u0064"`}, {`:1`, `: 1`}, {`:1`, `:,`}, {`:1`, `:`}, {`:1`, "1"}, {`:1`, ":\x00"}, {`{"id":1,`, `{`}, {`{"id":1,`, `{,`},
		{`sixteen bytes":`, `sixteen bytes"x`}, {`"o":{"k":true,"l":null},`, ``}, {`"z"`, `"id"`}, {`"z":`, `"id"`}, {`"z"`, `"o"`}, {`"l"`, `"k"`}, {`sixteen bytes`, `sixteen bytez`}, {`:null}`, `:null,}`},
		{`"x"`, `"x`}, {`true`, `tru`}, {`null`, `nulL`}, {`0.5`, `0.50`}, {`0.5`, `0.0`}, {`0.5`, `1.25`}, {`0.5`, `00.5`}, {`0.5`, `0.5.5`}, {`0.5`, `-0.5`}, {`0.5`, `5.`}, {`0.5`, `.5`}, {`0.5`, `1.e5`},
		{`"x"`, `"2024-01-31"`}, {`"x"`, "\"é\xc3\""}, {`"x"`, "\"\xc0\xaf\""}, {`"x"`, `"0123456789abcde\u00e9"`}, {`"x"`, "\"0123456789abcdef\x1f\""}, {`"z"`, "\t\"z\"\r\n "}, {`"id":1`, `"new":1,"id":1`},
		{`{"k":true`, `{"l":1,"k":true`}, {`{"k":0.5}`, `{"k":0.5,"k":1}`}, {`{"k":0.5}`, `{}`}, {`"o":{`, "\"o\":  \n" + strings.Repeat(" ", 100) + "{"}, {`]}`, `]},`}, {`]}`, `]`}, {`]}`, `],"p":1}`},
		{`{"k":true,"l":null}`, `7`}, {`"l":null`, `"l":null,"m":{"n":1}`},
	} {
		out = append(out, [2]string{of, strings.Replace(of, c[0], c[1], 1)})
	}
	return out
}

// narrow are limits at which objects become maps, or are not looked into any more,
// while they are read.
func narrow() []Limits {
	return []Limits{{}, {Fields: 2}, {Nodes: 3, Columns: 10}, {TypeDepth: 1}, {KeyBytes: 45}, {Columns: 3}}
}

func TestWhatIsRememberedIsNotTakenForWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, pair := range alike() {
		for _, l := range narrow() {
			for order := range uint64(64) {
				if why := unlike(l, pair[0], pair[1], order); why != "" {
					t.Fatalf("%s beside %s in the order %b: %s", pair[1], pair[0], order, why)
				}
			}
		}
	}
}

// FuzzRemembered looks for records of which what is remembered is taken for something
// else.
func FuzzRemembered(f *testing.F) {
	for i, pair := range alike() {
		f.Add(pair[0], pair[1], uint64(i))
	}
	f.Fuzz(func(t *testing.T, a, b string, order uint64) {
		if why := unlike(narrow()[order>>8%6], a, b, order); why != "" {
			t.Error(why)
		}
	})
}

// TestShortNumbersAreThoseThatAreReadSlowly reads all spellings of a few digits, signs
// and points in both ways, with every byte behind them that can be there.
func TestShortNumbersAreThoseThatAreReadSlowly(t *testing.T) {
	t.Parallel()
	const of = "019.-e:,"
	for n := range 1 << (3 * 7) {
		b := [8]byte{7: '1'} // with that, a number goes on behind what is looked at
		for i := range 7 {
			b[i] = of[n>>(3*i)&7]
		}
		end, whole, frac := scanShort(b[:])
		if end == 0 {
			continue
		}
		wantEnd, spelling, wantWhole, wantFrac := scanNumber(b[:], 0)
		if end != wantEnd || whole != wantWhole || frac != wantFrac || (spelling == shortFrac) != (frac > 0) || spelling == long {
			t.Fatalf("%s: %d, %d, %d; want %d, %d, %d as %d", b, end, whole, frac, wantEnd, wantWhole, wantFrac, spelling)
		}
		var got, want node
		NewObserver(Limits{}).number(b[:], 0, &got)
		want.longNumber(b[:end])
		if got.num != want.num || got.counts != want.counts {
			t.Fatalf("%s: %+v %+v, want %+v %+v", b[:end], got.num, got.counts, want.num, want.counts)
		}
	}
}
