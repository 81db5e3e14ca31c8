package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shortest is the length below which a value is no secret worth hiding: taking
// "ab" out of every text would destroy the text and protect nothing.
const shortest = 3

// delimited is the length below which a value is only hidden where it stands
// alone, so that the password "cat" does not eat "category".
const delimited = 6

// A Redactor replaces known secret values in text by [Hidden], however they are
// encoded there: plain, percent-encoded, escaped for JSON, Go or HTML, in
// base64 (also in the middle of a longer base64 text) and in hex.
// The zero Redactor changes nothing. It is safe for concurrent use.
type Redactor struct {
	values  []string // longest first
	quoted  []string // of each value that JSON escapes: its usual spelling there
	encoded []string // base64 and hex spellings, longest first
}

// NewRedactor returns a redactor of the values. Values of one or two bytes are
// left out: they occur everywhere by chance.
func NewRedactor(values ...String) Redactor {
	var r Redactor
	quoteJSON := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, v := range values {
		if len(v.value) < shortest {
			continue
		}
		r.values = append(r.values, v.value)
		if q := quoteJSON.Replace(v.value); q != v.value {
			r.quoted = append(r.quoted, q)
		}
		if len(v.value) >= delimited {
			r.encoded = append(r.encoded, encodings(v.value)...)
		}
	}
	longestFirst := func(a, b string) int { return len(b) - len(a) }
	slices.SortStableFunc(r.values, longestFirst)
	slices.SortStableFunc(r.quoted, longestFirst)
	slices.SortStableFunc(r.encoded, longestFirst)
	return r
}

// Empty reports whether there is nothing to hide.
func (r Redactor) Empty() bool { return len(r.values) == 0 }

// Redact returns text with every known value replaced by [Hidden].
func (r Redactor) Redact(text string) string {
	if r.Empty() || text == "" {
		return text
	}
	for _, e := range r.encoded {
		text = strings.ReplaceAll(text, e, Hidden)
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		n := r.match(text, i)
		if n == 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString(Hidden)
		i += n
	}
	return out.String()
}

// Found reports whether data holds one of the values of at least min bytes, as
// they are or as JSON escapes them. It is the quick check for bulk data.
func (r Redactor) Found(data []byte, min int) bool {
	for _, spellings := range [][]string{r.values, r.quoted} {
		for _, v := range spellings {
			if len(v) < min {
				break // longest first
			}
			if bytes.Contains(data, []byte(v)) {
				return true
			}
		}
	}
	return false
}

// match returns how many bytes of text at i spell one of the values, or 0.
func (r Redactor) match(text string, i int) int {
	for _, v := range r.values {
		n := spells(text[i:], v)
		if n == 0 {
			continue
		}
		if len(v) < delimited && (wordBefore(text, i) || wordAt(text, i+n)) {
			continue
		}
		return n
	}
	return 0
}

// spells returns the length of the prefix of text that spells value, or 0.
func spells(text, value string) int {
	if text[0] != value[0] && strings.IndexByte(`+%\&`, text[0]) < 0 {
		return 0
	}
	return speller{dead: map[[2]int]bool{}}.spells(text, value, 0, 0)
}

// A speller remembers dead ends, so that a value full of escape characters
// costs no more than the product of the two lengths.
type speller struct{ dead map[[2]int]bool }

// spells matches value[j:] at text[i:] and returns the end of the match in text.
func (s speller) spells(text, value string, i, j int) int {
	for ; j < len(value); i, j = i+1, j+1 {
		if i >= len(text) {
			return 0
		}
		if strings.IndexByte(`+%\&`, text[i]) >= 0 {
			return s.branch(text, value, i, j)
		}
		if text[i] != value[j] {
			return 0
		}
	}
	return i
}

// branch tries each reading of the character at text[i], which may be itself or
// introduce an escape.
func (s speller) branch(text, value string, i, j int) int {
	at := [2]int{i, j}
	if s.dead[at] {
		return 0
	}
	if text[i] == value[j] {
		if end := s.spells(text, value, i+1, j+1); end > 0 {
			return end
		}
	}
	for _, e := range escapes(text[i:]) {
		if strings.HasPrefix(value[j:], e.decoded) {
			if end := s.spells(text, value, i+e.length, j+len(e.decoded)); end > 0 {
				return end
			}
		}
	}
	s.dead[at] = true
	return 0
}

// An escape is a character and the length of its escaped spelling.
type escape struct {
	decoded string
	length  int
}

// escapes returns the readings of the escape at the start of text.
func escapes(text string) []escape {
	switch text[0] {
	case '+':
		return []escape{{" ", 1}}
	case '%':
		return percentEscapes(text)
	case '\\':
		return backslashEscapes(text)
	}
	for _, e := range [][2]string{
		{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", `"`}, {"&apos;", "'"},
		{"&#34;", `"`}, {"&#39;", "'"}, {"&#x27;", "'"}, {"&#43;", "+"},
	} {
		if strings.HasPrefix(text, e[0]) {
			return []escape{{e[1], len(e[0])}}
		}
	}
	return nil
}

// percentEscapes reads %XX, and %25XX, which is what encoding twice leaves.
func percentEscapes(text string) []escape {
	var out []escape
	if len(text) >= 3 {
		if b, err := hex.DecodeString(text[1:3]); err == nil {
			out = append(out, escape{string(b), 3})
		}
	}
	if len(text) >= 5 && text[1:3] == "25" {
		if b, err := hex.DecodeString(text[3:5]); err == nil {
			out = append(out, escape{string(b), 5})
		}
	}
	if len(text) >= 3 && text[1:3] == "2B" || len(text) >= 3 && text[1:3] == "2b" {
		out = append(out, escape{" ", 3}) // a "+" for a space, encoded again
	}
	return out
}

// backslashEscapes reads the escapes of JSON and of Go, and those of JSON in a
// string of JSON.
func backslashEscapes(text string) []escape {
	out := backslashEscape(text)
	if !strings.HasPrefix(text, `\\`) {
		return out
	}
	switch rest := text[2:]; {
	case strings.HasPrefix(rest, `\"`), strings.HasPrefix(rest, `\\`):
		out = append(out, escape{rest[1:2], 4})
	case rest != "":
		for _, e := range backslashEscape(`\` + rest[:min(len(rest), 5)]) {
			out = append(out, escape{e.decoded, e.length + 1})
		}
	}
	return out
}

func backslashEscape(text string) []escape {
	if len(text) < 2 {
		return nil
	}
	const letters, meanings = `"\/'nrtbf`, "\"\\/'\n\r\t\b\f"
	if k := strings.IndexByte(letters, text[1]); k >= 0 {
		return []escape{{meanings[k : k+1], 2}}
	}
	digits := map[byte]int{'x': 2, 'u': 4}[text[1]]
	if digits == 0 || len(text) < 2+digits {
		return nil
	}
	n, err := strconv.ParseUint(text[2:2+digits], 16, 16)
	switch {
	case err != nil:
		return nil
	case digits == 2:
		return []escape{{string([]byte{byte(n)}), 4}}
	}
	return []escape{{string(rune(n)), 6}}
}

// encodings returns the base64 and hex spellings of value. Base64 of a longer
// text that holds value depends on where value falls in the groups of three, so
// each of the three alignments is listed without the characters that its
// neighbours share.
func encodings(value string) []string {
	out := []string{hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value)))}
	for shift := range 3 {
		padded := append(make([]byte, shift), value...)
		whole := len(padded) / 3 * 3
		first := (shift*8 + 5) / 6 // characters that hold bits of what stands before
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(padded[:whole])
			// Fewer characters would hit ordinary words.
			if first < len(text) && len(text)-first >= 8 {
				out = append(out, text[first:])
			}
		}
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		out = append(out, enc.EncodeToString([]byte(value)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func wordBefore(text string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:i])
	return i > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func wordAt(text string, i int) bool {
	if i >= len(text) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(text[i:])
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// LooksSecret reports whether a header, parameter or field of that name usually
// holds a secret: "Authorization", "X-API-Key", "access_token", "client_secret",
// "sig". It errs on the side of hiding ("sort_key" counts, "keyword" and
// "author" do not).
func LooksSecret(name string) bool {
	for _, w := range words(name) {
		switch w {
		case "auth", "authn", "authz", "sig", "sid", "jwt", "pwd", "pass", "pin", "otp", "hmac", "keys", "creds", "cred", "session", "sessionid", "code_verifier":
			return true
		}
		if strings.HasSuffix(w, "key") {
			return true
		}
	}
	lower := strings.ToLower(name)
	for _, part := range []string{
		"authoriz", "authentic", "oauth", "cookie", "token", "secret", "passw", "passphrase", "credential", "signature", "apikey", "api-key", "api_key", "bearer", "private",
	} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	return false
}

// words splits a name at punctuation and at camelCase humps, in lower case.
func words(name string) []string {
	var out []string
	var word []rune
	runes := []rune(name)
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = nil
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0 && unicode.IsLower(runes[i-1]):
			flush()
		case unicode.IsUpper(r) && i+1 < len(runes) && i > 0 && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			flush()
		}
		word = append(word, r)
	}
	flush()
	return out
}
