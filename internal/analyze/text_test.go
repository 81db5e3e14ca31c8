package analyze

import (
	"testing"
	"time"
)

func TestNumbersInText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"12": true, "-1,234.5": true, "$1.50": true, "12%": true, "1e-9": true, " 7 ": true, "€1,000": true, ".5": true, "-$3": true, "1,234,567": true,
		"": false, "-": false, "1,23": false, "1234,567": false, "12-34": false, "1.2.3": false, "abc": false, "1e": false, "$": false, "1 2": false, ",123": false, "Infinity": false, "NaN": false, "0x1f": false,
	} {
		if _, got := parseNumber(text); got != want {
			t.Errorf("parseNumber(%q) = %v, want %v", text, got, want)
		}
	}
}

func sampleOf(values ...string) shapes {
	s := shapes{formats: formats()}
	g := newGazetteer()
	for _, v := range values {
		s.add(v, 1, g)
	}
	return s
}

func TestDateFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule      string
		values    []string
		want      string
		ambiguous string
	}{
		{"a part above 12 in second place is a day", []string{"01/02/2024", "03/14/2024"}, "M/D/YYYY", ""},
		{"a part above 12 in first place is a day", []string{"01/02/2024", "14/03/2024"}, "D/M/YYYY", ""},
		{"no part above 12 tells nothing", []string{"01/02/2024", "03/04/2024"}, "", "M/D/YYYY or D/M/YYYY"},
		{"both orders are no format", []string{"14/03/2024", "03/14/2024"}, "", ""},
		{"German", []string{"14.03.2024", "1.2.2024"}, "D.M.YYYY", ""},
		{"month names", []string{"Jan 1 2000", "Dec 31 2001"}, "Mon D YYYY", ""},
		{"long month names with a comma", []string{"January 1, 2000", "May 3, 2001"}, "Mon D YYYY", ""},
		{"slashes, year first, with time", []string{"2001/01/14 21:55", "2001/12/31 00:00"}, "YYYY/MM/DD", ""},
		{"ISO", []string{"2001-01-14", "2001-02-28"}, "YYYY-MM-DD", ""},
		{"ISO with and without time", []string{"2001-01-14", "2001-02-28T10:00:00Z", "2001-02-28 10:00:00.25+02:00"}, "ISO 8601 date and time", ""},
		{"a day that does not exist", []string{"2001-02-30", "2001-02-29"}, "", ""},
		{"mail", []string{"Mon, 02 Jan 2006 15:04:05 GMT"}, "RFC 1123", ""},
		{"US with am and pm", []string{"1/30/2024 5:06 PM", "12/1/2024 11:59 AM"}, "M/D/YYYY", ""},
		{"a bare number is no date", []string{"20240131", "20240201"}, "", ""},
		{"a version is no date", []string{"1.2.3", "1.10.0"}, "", ""},
		{"a phone number is no date", []string{"555-12-34", "555-99-11"}, "", ""},
	} {
		f, _, ambiguous, _ := sampleOf(c.values...).dateFormat(false)
		if f.name != c.want || ambiguous != c.ambiguous {
			t.Errorf("%s: %q (ambiguous %q), want %q (%q)", c.rule, f.name, ambiguous, c.want, c.ambiguous)
		}
	}
	if f, _, _, _ := sampleOf("20240131").dateFormat(true); f.name != "YYYYMMDD" {
		t.Errorf("with a name that says a date, a bare number is %q, want YYYYMMDD", f.name)
	}
}

func TestGazetteerKnowsCodesOnlyInCapitals(t *testing.T) {
	t.Parallel()
	g := newGazetteer()
	for v, want := range map[string]bool{"DE": true, "DEU": true, "de": false, "germany": true, "Côte d'Ivoire": true, "United States": true, "XX": false, "Korea, Rep.": true, "Atlantis": false, "": false} {
		if code, name := g.country(v); (code || name) != want {
			t.Errorf("country(%q) = %v, want %v", v, !want, want)
		}
	}
	if len(g.states) != 2*56 {
		t.Errorf("%d spellings of states, want 112", len(g.states))
	}
}

func TestMonthAndWeekdayNames(t *testing.T) {
	t.Parallel()
	for m := time.January; m <= time.December; m++ {
		if got := monthNumber(lower(m.String())); got != int(m) {
			t.Errorf("%s is month %d", m, got)
		}
	}
	for name, want := range map[string]int{"sept": 0, "anf": 0, "ju": 0, "": 0, "janitor": 0} {
		if got := monthNumber(name); got != want {
			t.Errorf("%q is month %d, want %d", name, got, want)
		}
	}
	if !weekday("wednesday") || !weekday("sun") || weekday("sunny") || weekday("un") {
		t.Error("weekday names are confused")
	}
}

func lower(s string) string { return string(s[0]|0x20) + s[1:] }

func FuzzShapesTakeAnyText(f *testing.F) {
	for _, s := range []string{"", "a@b.cd", "https://x.example", "2024-01-01T00:00:00Z", "$1,234.50", "1/2/2024 5:06 PM", "{\"a\":", "\xff\xfe", "Mon, 02 Jan 2006 15:04:05 +0000", "%", "+-", "1e", "#fff", "::1"} {
		f.Add(s)
	}
	g := newGazetteer()
	f.Fuzz(func(t *testing.T, text string) {
		s := shapes{formats: formats()}
		s.add(text, 3, g)
		for _, n := range append([]int64{s.email, s.url, s.number, s.digits, s.country, s.json, s.whole, s.plain}, s.dates...) {
			if n != 0 && n != 3 {
				t.Errorf("%q counts %d times", text, n)
			}
		}
		if s.whole > s.number || s.plain > s.number || s.image > s.url {
			t.Errorf("%q: a part is more than the whole: %+v", text, s)
		}
	})
}
