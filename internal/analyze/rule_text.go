package analyze

import (
	"fmt"

	"millwright/internal/table"
)

func flag(s subject) (string, bool) {
	switch {
	case s.typ.Kind == table.Boolean:
		return fmt.Sprintf("true and false; the more frequent in %s of the rows", percent(s.col.ModeShare)), true
	case s.isInt() && s.col.Distinct == 2 && s.within(0, 1):
		return fmt.Sprintf("only 0 and 1; the more frequent in %s of the rows", percent(s.col.ModeShare)), true
	case !s.isText():
		return "", false
	case s.shapes.all && s.shapes.share(s.shapes.boolean) == 1:
		return fmt.Sprintf("only words for yes and no: %s", firstValues(s.leaf)), true
	case s.col.Distinct == 2 && s.col.NonNull() > 2 && s.col.AvgLen <= 100 && !s.address():
		return fmt.Sprintf("two values: %s", firstValues(s.leaf)), true
	}
	return "", false
}

// address reports whether texts lead somewhere or stand for something: two of them are
// two places, not yes and no.
func (s subject) address() bool {
	for _, n := range []int64{s.shapes.url, s.shapes.image, s.shapes.email, s.shapes.uuid, s.shapes.hash} {
		if s.shapes.share(n) >= .95 {
			return true
		}
	}
	return false
}

func firstValues(l *leaf) string {
	text := ""
	for i, v := range l.col.Top[:min(4, len(l.col.Top))] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q in %s rows", v.Value, count(v.Count))
	}
	return text
}

// pattern is the rule that 95% of the sampled rows have one shape.
func pattern(s subject, rows int64, what string) (string, bool) {
	share := s.shapes.share(rows)
	if !s.isText() || share < .95 {
		return "", false
	}
	return fmt.Sprintf("%s of %s match %s pattern", percent(share), sampled(s.shapes), what), true
}

func email(s subject) (string, bool)    { return pattern(s, s.shapes.email, "an e-mail") }
func imageURL(s subject) (string, bool) { return pattern(s, s.shapes.image, "an image URL") }
func urlText(s subject) (string, bool)  { return pattern(s, s.shapes.url, "a URL") }
func uuid(s subject) (string, bool)     { return pattern(s, s.shapes.uuid, "a UUID") }
func ip(s subject) (string, bool)       { return pattern(s, s.shapes.ip, "an IP address") }
func hash(s subject) (string, bool)     { return pattern(s, s.shapes.hash, "a digest") }
func color(s subject) (string, bool)    { return pattern(s, s.shapes.color, "a colour") }

func jsonText(s subject) (string, bool) {
	if s.typ.Kind == table.JSON {
		return fmt.Sprintf("%s of %s values are objects or arrays of differing shapes", count(s.composite), count(s.col.NonNull())), true
	}
	return pattern(s, s.shapes.json, "a JSON object or array")
}

func freeText(s subject) (string, bool) {
	switch {
	case !s.isText():
		return "", false
	case s.col.AvgLen > 100:
		return fmt.Sprintf("%.0f characters on average", s.col.AvgLen), true
	case namesTitle(s):
		return "", false
	case s.col.AvgLen > 50 && s.distinctShare() > .5:
		return fmt.Sprintf("%.0f characters on average, %s of the values distinct", s.col.AvgLen, percent(s.distinctShare())), true
	case s.col.AvgWords > 8:
		return fmt.Sprintf("%.1f words on average", s.col.AvgWords), true
	}
	return "", false
}

// namesTitle reports whether a column's name says that its texts, though long,
// are what things are called: the titles of issues, the headlines of news.
func namesTitle(s subject) bool {
	return s.lastIs(labelWords()...) && s.distinctShare() >= .5
}

// labelWords are the tokens of what people call a thing.
func labelWords() []string {
	return []string{"name", "title", "label", "headline", "subject", "names", "login", "username", "fullname"}
}

func label(s subject) (string, bool) {
	share := s.distinctShare()
	if !s.isText() {
		return "", false
	}
	why := fmt.Sprintf("%s of %s values distinct", percent(share), count(s.col.NonNull()))
	word, named := anyOf(s.own, labelWords()...)
	switch {
	case share >= .8 && s.col.Distinct > 50, share >= .95:
		return why, true
	case named && share >= .5 && s.col.Distinct > 50:
		return fmt.Sprintf("the name says %q, %s", word, why), true
	}
	return "", false
}

func category(s subject) (string, bool) {
	if !s.isText() || s.col.Distinct > 100 {
		return "", false
	}
	size := "large"
	switch {
	case s.col.Distinct <= 5:
		size = "small"
	case s.col.Distinct <= 20:
		size = "medium"
	}
	return fmt.Sprintf("%s distinct values in %s rows: a %s category", count(s.col.Distinct), count(s.col.NonNull()), size), true
}

func highCard(s subject) (string, bool) {
	if !s.isText() {
		return "", false
	}
	why := fmt.Sprintf("%s distinct values in %s rows: top values only", count(s.col.Distinct), count(s.col.NonNull()))
	if s.col.Distinct > 1000 {
		why = fmt.Sprintf("%s distinct values in %s rows: search, and top values", count(s.col.Distinct), count(s.col.NonNull()))
	}
	return why, true
}
