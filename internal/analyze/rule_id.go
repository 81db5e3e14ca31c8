package analyze

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/profile"
	"millwright/internal/table"
)

func unmeasured(s subject) (string, bool) {
	if !s.failed {
		return "", false
	}
	s.col.Approx = true
	return "not measured: the time for analysis was used up, or the statement failed", true
}

func empty(s subject) (string, bool) {
	if s.typ.Kind == table.List && s.col.NonNull() > 0 && s.col.MaxLen == 0 {
		return fmt.Sprintf("nothing is in any of %s lists", count(s.col.NonNull())), true
	}
	if s.col.Rows > 0 && s.col.NullShare() < .98 {
		return "", false
	}
	return fmt.Sprintf("%s of %s values are null", count(s.col.Nulls), count(s.col.Rows)), true
}

func constant(s subject) (string, bool) {
	if s.col.Distinct > 1 {
		return "", false
	}
	return fmt.Sprintf("one distinct value in %s rows", count(s.col.NonNull())), true
}

func nearConstant(s subject) (string, bool) {
	if s.col.ModeShare < .95 {
		return "", false
	}
	return fmt.Sprintf("one value fills %s of %s rows", percent(s.col.ModeShare), count(s.col.NonNull())), true
}

// canIdentify reports whether the type and shape of a column allow it to name
// rows: every row has its own value, and it is not a quantity, a time or prose.
func canIdentify(s subject) bool {
	if !s.unique() || s.col.Nulls > 0 || s.typ.IsTemporal() || s.typ.IsNested() || s.typ.Kind == table.Boolean {
		return false
	}
	// Whole numbers that were written with .0 may be keys; fractions are not.
	if s.typ.Kind == table.Double && !namesID(s.own) || s.typ.IsNumeric() && !s.isInt() {
		return false
	}
	return !s.isText() || s.col.AvgLen <= 100 && s.col.AvgWords <= 8
}

// idWords are the tokens that say a column identifies something.
func idWords() []string {
	return []string{"id", "ids", "uuid", "guid", "key", "pk", "fk", "ref", "oid", "uid", "pid", "no"}
}

// namesID reports whether a name ends in a word for an identifier, alone or grown
// together with what it identifies: playerid, empno.
func namesID(own []string) bool {
	if len(own) == 0 {
		return false
	}
	last := own[len(own)-1]
	return last != "no" && slices.Contains(idWords(), last) || grownID(last)
}

// grownID reports whether a word is a noun, or a letter or two, with "id" or "no"
// at its end.
func grownID(word string) bool {
	if thing, ok := strings.CutSuffix(word, "id"); ok {
		return slices.Contains(entityWords(), thing) || len(thing) == 1 && thing != "b" && thing != "k" && thing != "l"
	}
	thing, ok := strings.CutSuffix(word, "no")
	return ok && (slices.Contains(entityWords(), thing) || slices.Contains([]string{"d", "fl", "emp", "dept", "acct", "ord", "inv", "cust", "ref", "sr", "serial", "item", "line", "part", "roll", "reg"}, thing))
}

// entityWords are nouns for persons, places and organisations. In the singular, a
// whole number under such a name says which one.
func entityWords() []string {
	return []string{"person", "user", "customer", "client", "employee", "manager", "supervisor", "advisor", "adviser", "instructor", "teacher", "student", "professor",
		"author", "owner", "player", "coach", "captain", "driver", "pilot", "agent", "buyer", "seller", "vendor", "supplier", "contact", "doctor", "patient", "nurse",
		"team", "club", "league", "company", "department", "dept", "organisation", "organization", "school", "college", "university", "hospital", "store", "shop", "bank", "branch", "airline", "airport",
		"country", "nation", "city", "state", "county", "province", "station", "product", "artist", "album", "genre", "movie", "film", "book", "course", "project", "account", "warehouse"}
}

// namesEntity is a rule of foreign keys: the name says a person or a place, and the
// values are whole numbers.
func namesEntity(s subject) (string, bool) {
	if !s.isInt() || len(s.own) == 0 || s.col.Distinct == 2 && s.within(0, 1) || s.col.Negative > 0 {
		return "", false
	}
	if _, ok := subtypeWord(s.tokens); ok {
		return "", false
	}
	word := s.own[len(s.own)-1]
	return word, slices.Contains(entityWords(), word)
}

// middleID finds an identifier whose name goes on: team_id_winner. What describes
// the identifier itself, as id_type does, is none.
func middleID(s subject) bool {
	at := slices.Index(s.own, "id")
	if at < 1 || at+1 >= len(s.own) || s.col.Distinct <= 2 {
		return false
	}
	_, about := anyOf(s.own[at+1:], "type", "status", "name", "kind", "count", "code", "number", "verified", "valid", "provided", "required", "present", "source", "label", "date", "time")
	return !about
}

// keyWords are the further tokens that, in a column without repeats, say so too.
func keyWords() []string {
	return append(idWords(), "number", "code", "slug", "sku", "sha", "isbn", "ean", "upc", "iata", "icao", "symbol", "ticker", "nr", "handle")
}

func namedKey(s subject) (string, bool) {
	if !canIdentify(s) || isYear(s.leaf) {
		return "", false
	}
	word, ok := anyOf(s.own[max(0, len(s.own)-1):], keyWords()...)
	if !ok && len(s.own) > 1 && s.own[0] == "id" {
		word, ok = "id", true
	}
	if !ok && len(s.own) > 0 && grownID(s.last()) {
		word, ok = s.last(), true
	}
	if !ok || s.has("phone", "telephone", "mobile", "fax", "pick", "position") {
		return "", false
	}
	return fmt.Sprintf("all %s values distinct, none null, and the name says %q", count(s.col.Distinct), word), true
}

func unnamedKey(s subject) (string, bool) {
	if !canIdentify(s) || s.col.Rows < 20 || isYear(s.leaf) || s.depth > 0 {
		return "", false
	}
	distinct := fmt.Sprintf("all %s values distinct, none null", count(s.col.Distinct))
	if numbersRows(s) {
		return distinct + fmt.Sprintf(", first column, every whole number from %s to %s: it numbers the rows", s.col.Min, s.col.Max), true
	}
	if meansSomethingElse(s.leaf) {
		return "", false
	}
	switch {
	case s.isText() && s.shapes.share(s.shapes.uuid) >= .95:
		return distinct + fmt.Sprintf(", %s are UUIDs", percent(s.shapes.share(s.shapes.uuid))), true
	case s.isInt() && s.pos == 0:
		lo, hi, ok := s.bounds()
		if ok && hi-lo+1 <= 1.2*float64(s.col.Rows) {
			return distinct + fmt.Sprintf(", first column, whole numbers %s to %s without gaps to speak of", s.col.Min, s.col.Max), true
		}
	case s.isText() && s.stdLen < 3 && s.col.AvgWords < 1.2 && s.col.AvgLen >= 2:
		return distinct + fmt.Sprintf(", of even length (%.1f characters, standard deviation %.1f)", s.col.AvgLen, s.stdLen), true
	}
	return "", false
}

// numbersRows reports whether the first column counts the rows from 0 or 1 without a
// gap: whatever it is called, a rank or a position, it says which row it is. What is
// counted or paid may do so by chance only in name.
func numbersRows(s subject) bool {
	lo, hi, ok := s.bounds()
	sub, named := subtypeWord(s.tokens)
	return ok && s.isInt() && s.pos == 0 && (lo == 0 || lo == 1) && hi-lo+1 == float64(s.col.Rows) && (!named || sub.subtype == profile.Intensive)
}

// meansSomethingElse reports whether a name or a shape says that a column
// without repeats is not there to identify rows.
func meansSomethingElse(l *leaf) bool {
	if _, ok := anyOf(l.tokens, labelWords()...); ok {
		return true
	}
	if _, ok := subtypeWord(l.tokens); ok {
		return true
	}
	// Places are worth more as places: they group, and go on a map.
	for _, place := range []func(subject) (string, bool){region, country, city} {
		if _, ok := place(subject{leaf: l}); ok {
			return true
		}
	}
	s := l.shapes
	return l.isText() && (s.share(s.email) >= .95 || s.share(s.url) >= .95 || s.share(s.color) >= .95 || s.share(s.json) >= .95)
}

func foreignKey(s subject) (string, bool) {
	// Numbers such as 600.101 under the name id are no key, but no quantity either.
	if !s.isText() && !s.isInt() && !(s.typ.IsNumeric() && namesID(s.own)) || s.isText() && s.col.AvgLen > 100 {
		return "", false
	}
	word, ok := anyOf(s.tokens[max(0, len(s.tokens)-1):], idWords()...)
	if !ok && len(s.own) > 1 && s.own[0] == "id" {
		word, ok = "id", true
	}
	if !ok && s.isInt() && s.col.Distinct > 20 {
		// The ends of an edge of a graph or a tree, by number.
		word, ok = anyOf(s.own[max(0, len(s.own)-1):], "parent", "source", "target", "src", "dst")
	}
	if !ok && len(s.own) > 0 && grownID(s.last()) && !s.isText() {
		word, ok = s.last(), true
	}
	if !ok {
		word, ok = namesEntity(s)
	}
	if !ok && middleID(s) {
		word, ok = "id", true
	}
	// "no" alone is an answer, not a number.
	if !ok || word == "no" && (len(s.own) < 2 || s.col.Distinct <= 2) {
		return "", false
	}
	return fmt.Sprintf("the name says %q, and %s distinct values in %s rows repeat or have gaps", word, count(s.col.Distinct), count(s.col.Rows)), true
}

func namedCode(s subject) (string, bool) {
	if !s.isText() && !s.isInt() || s.isText() && (s.col.AvgLen > 40 || s.shapes.share(s.shapes.boolean) >= .95) {
		return "", false
	}
	// "flight number" and "zip code" name a code; "flight time" does not.
	words := s.own
	if n := len(words); n > 1 {
		if _, ok := anyOf(words[n-1:], "code", "codes", "no", "number", "num", "nr"); ok {
			words = words[:n-1]
		}
	}
	word, ok := anyOf(words[max(0, len(words)-1):], "zip", "zipcode", "postal", "postcode", "plz", "phone", "mobile", "fax", "isbn", "ean", "upc", "gtin", "sku",
		"fips", "iata", "icao", "district", "ward", "route", "flight", "serial", "ssn", "iban", "bic", "swift", "vin", "asin", "naics", "sic")
	if _, place := anyOf(words, "level", "grade", "rank", "pick", "position", "place", "stage", "tier"); !ok && !s.isText() && !place {
		word, ok = anyOf(s.own[max(0, len(s.own)-1):], "code", "codes", "number", "num", "nr", "major", "minor", "classroom")
	}
	if !ok {
		word, ok = anyOf(words, "phone", "telephone", "mobile", "fax")
		ok = ok && s.isText() && len(words) < len(s.own)
	}
	// A district may well have a name, and a flight phases; those are categories.
	if !ok || s.isText() && nameable(word) && s.shapes.share(s.shapes.numbered) < .5 {
		return "", false
	}
	return fmt.Sprintf("the name says %q: a code, %s distinct values", word, count(s.col.Distinct)), true
}

func nameable(word string) bool {
	return slices.Contains([]string{"district", "ward", "route", "flight", "serial", "phone", "mobile", "swift"}, word)
}

func paddedCode(s subject) (string, bool) {
	if !s.isText() || s.minLen != float64(s.col.MaxLen) || s.shapes.share(s.shapes.digits) < .95 || s.shapes.padded == 0 {
		return "", false
	}
	return fmt.Sprintf("%d digits each, %s of %s start with 0: a code, not a number", s.col.MaxLen, percent(s.shapes.share(s.shapes.padded)), sampled(s.shapes)), true
}
