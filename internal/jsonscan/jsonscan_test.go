package jsonscan_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/jsonscan"
)

// strict returns where the string at the beginning of b ends by a reader that we did not
// write; 0 if it is none, or goes on behind b.
func strict(b []byte) int {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	if v, err := d.ReadValue(); err == nil && v.Kind() == '"' {
		return len(v)
	}
	return 0
}

var texts = []string{
	`""`, `"a"`, `"0123456789abcdef"`, `"0123456789abcde\""`, `"é"`, `"日本語 🙂 and more than sixteen bytes"`, `"\u00e9\ud83d\ude42\n"`,
	`"\ud83d"`, `"\ude42\ud83d"`, `"\ud83dx"`, `"\ud83d\n"`, `"\u12"`, `"\u12g4"`, `"\x"`, "\"\x00\"", "\"a\x1fb\"", "\"\x7f\"",
	"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xf4\x90\x80\x80\"", `"` + strings.Repeat("x", 100) + "\\\\" + `"`, `"!#$[]^~"`,
}

func FuzzString(f *testing.F) {
	for _, t := range texts {
		f.Add([]byte(t), []byte(" behind it"))
	}
	f.Fuzz(func(t *testing.T, b, behind []byte) {
		if len(b) == 0 || b[0] != '"' {
			return
		}
		b = append(b, behind...)
		end, escaped := jsonscan.String(b, 0)
		if want := strict(b); want != max(end, 0) {
			t.Fatalf("%q ends at %d, want %d", b, end, want)
		}
		if end < 0 {
			return
		}
		if escaped != bytes.Contains(b[:end], []byte(`\`)) {
			t.Errorf("%q is escaped: %v", b[:end], escaped)
		}
		// Whoever has only a part of it is told that it goes on.
		for i := 1; i < end; i++ {
			if got, _ := jsonscan.String(b[:i:i], 0); got != jsonscan.Short {
				t.Errorf("%q of %q: %d", b[:i], b[:end], got)
			}
		}
	})
}

func TestDigitsAndSpace(t *testing.T) {
	for range 20_000 {
		b := make([]byte, rand.IntN(30))
		for i := range b {
			b[i] = "0123456789/:. \n\x00\xff09090909"[rand.IntN(25)]
		}
		i := rand.IntN(len(b) + 1)
		naive := func(is func(c byte) bool) int {
			for j := i; ; j++ {
				if j == len(b) || !is(b[j]) {
					return j
				}
			}
		}
		if got, want := jsonscan.Digits(b, i), naive(func(c byte) bool { return c >= '0' && c <= '9' }); got != want {
			t.Errorf("the digits of %q from %d end at %d, want %d", b, i, got, want)
		}
		if got, want := jsonscan.Space(b, i), naive(func(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }); got != want {
			t.Errorf("the space of %q from %d ends at %d, want %d", b, i, got, want)
		}
	}
}

func TestALeadIsItsTextAndNothingElse(t *testing.T) {
	for _, text := range []string{`"a":`, `,"0123456789ab":`, `,"0123456789abc": `, `,"a name that is longer than sixteen bytes" : `} {
		for _, behind := range []string{"", "1", `"and more than sixteen bytes behind it"`} {
			var l jsonscan.Lead
			b := []byte("{" + text + behind)
			end := 1 + len(text)
			if !l.Learn(b, 1, end, len(text)) || l.Len() != len(text) || !l.Is(b, 1) {
				t.Fatalf("%s is not learned", b)
			}
			for i := 1; i < len(b); i++ {
				other := bytes.Clone(b)
				other[i] ^= 1
				if got := l.Is(other, 1); got != (i >= end) {
					t.Errorf("%s is the lead %s: %v", other, text, got)
				}
				if cut := b[:i]; l.Is(cut, 1) != (i >= end) {
					t.Errorf("%s is the lead %s, or is not", cut, text)
				}
			}
		}
	}
}

// A name whose lead always changes is not worth remembering, nor is one in a sea of space.
func TestALeadIsNotLearnedForEver(t *testing.T) {
	var l jsonscan.Lead
	learned := 0
	for i := range 20 {
		b := []byte(strings.Repeat(" ", i) + `"a":1`)
		if l.Learn(b, 0, len(b)-1, 3) {
			learned++
		}
	}
	if learned == 0 || learned > 5 {
		t.Errorf("learned %d times", learned)
	}
	var far jsonscan.Lead
	if b := []byte(strings.Repeat(" ", 1000) + `"a":1`); far.Learn(b, 0, len(b)-1, 3) || far.Len() != 0 {
		t.Error("a thousand spaces are learned")
	}
}
