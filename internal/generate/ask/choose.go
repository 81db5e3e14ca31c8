package ask

import (
	"math"
	"slices"
	"sort"
	"strings"

	"millwright/internal/program"
)

// An Offer is a program that may be what a question asks for.
type Offer struct {
	ID          string
	Description string // words beside the program's own
	Program     program.Program
	Columns     []string // of its result
}

// A Choice is an offer with what the question says of its slots.
type Choice struct {
	Offer      Offer
	Values     map[string]any // of slots; those that the question does not speak of are left out
	Missing    []string       // slots that need a value and have none
	Certainty  float64        // 0..1
	Understood []string       // which words were taken for what
	Unknown    []string       // words that say nothing about this offer
}

// Choose returns the offers that share something with the question, the likeliest
// first. It writes no program and runs nothing: of what is offered it finds the one
// that was meant, and the values that the words give to its slots. A choice below
// [Certain] is a guess. Tables, which may be empty, tell what values columns have, and
// how else the same question may be put.
func Choose(question string, offers []Offer, tables []Table) []Choice {
	question = strings.Join(strings.Fields(strings.ToValidUTF8(question, "")), " ")
	if len(question) > maxQuestion {
		question = strings.ToValidUTF8(question[:maxQuestion], "")
	}
	words := split(question)
	if len(words) == 0 {
		return nil
	}
	var readings []Answer
	if len(offers) > 0 {
		readings = Match(question, tables)
	}
	var all []Choice
	for _, o := range offers {
		c := weigh(o, words, tables)
		if plainQuestion(o.Program.Cue) == plainQuestion(question) {
			c.Certainty, c.Understood, c.Unknown = 1, append(c.Understood, "it is the question of the program"), nil
		}
		c.same(readings)
		for _, s := range o.Program.Slots {
			if _, given := c.Values[s.Name]; s.Required && !given {
				c.Missing = append(c.Missing, s.Name)
			}
		}
		if c.Certainty > 0 {
			all = append(all, c)
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Certainty > all[j].Certainty })
	return all
}

// same takes over what a reading of the question says, if the program that the
// reading asks for is the one that is offered.
func (c *Choice) same(readings []Answer) {
	for _, r := range readings {
		if r.Problem != "" || r.Certainty < Certain || r.Certainty <= c.Certainty || plainSQL(r.Program.SQL) != plainSQL(c.Offer.Program.SQL) {
			continue
		}
		values := map[string]any{}
		for _, s := range r.Program.Slots {
			own := slotNamed(c.Offer.Program.Slots, s.Name)
			if own == nil || own.Type != s.Type || s.Default == nil {
				continue
			}
			values[s.Name] = s.Default
		}
		c.Values, c.Certainty, c.Understood, c.Unknown = values, r.Certainty, r.Understood, r.Unknown
		return
	}
}

func plainSQL(sql string) string { return strings.Join(strings.Fields(sql), " ") }

func slotNamed(slots []program.Slot, name string) *program.Slot {
	for i := range slots {
		if slots[i].Name == name {
			return &slots[i]
		}
	}
	return nil
}

// weigh says how well the offer does what the words ask for.
func weigh(o Offer, words []word, tables []Table) Choice {
	c := Choice{Offer: o, Values: map[string]any{}}
	f := &filling{words: words, used: make([]bool, len(words)), tables: tables, choice: &c}
	f.fill()
	said := wordsOf(strings.Join(append([]string{o.Program.Cue, o.Program.Name, o.Description}, append(o.Columns, o.Program.Tables...)...), " "))
	for _, s := range o.Program.Slots {
		for _, w := range wordsOf(s.Name + " " + s.Label).keys() {
			said[w] = true
		}
	}
	asked := notionsOf(words)
	total, got, known := 0.0, 0.0, knownWords(tables)
	penalty := 1.0
	for _, n := range asked {
		if n.weight == 0 {
			continue
		}
		total += n.weight
		switch {
		case f.took(n):
			got += n.weight
		case said[n.key]:
			got += n.weight
			c.Understood = append(c.Understood, strings.TrimPrefix(n.key, "w:")+" is what it is about")
		case n.related(said):
			got += .7 * n.weight
			c.Understood = append(c.Understood, n.text+" means what it is about")
		default:
			c.Unknown = append(c.Unknown, n.text)
			penalty *= n.penalty(known)
		}
	}
	if total == 0 || got == 0 {
		return Choice{Offer: o}
	}
	recall := f.recall(notionsOf(split(o.Program.Cue)), asked)
	c.Certainty = math.Round(100*got/total*penalty*(.4+.6*recall)) / 100
	return c
}

// A notion is what one or more words of a question mean, whichever words they are.
type notion struct {
	key     string // "agg:avg", "grain:month", "top", "w:city"
	text    string
	at, end int
	weight  float64 // 0: it tells nothing apart
}

// notionsOf reads words as notions.
func notionsOf(words []word) []notion {
	var all []notion
	add := func(at, n int, key string, weight float64) {
		text := words[at].text
		if n == 2 {
			text += " " + words[at+1].text
		}
		all = append(all, notion{key, text, at, at + n, weight})
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		next := ""
		if i+1 < len(words) {
			next = words[i+1].text
		}
		switch {
		case w.quoted:
			add(i, 1, "w:"+w.text, 1)
		case w.text == "how" && next == "many", w.text == "number" && next == "of":
			add(i, 2, "agg:count", 1)
			i++
		case w.text == "over" && next == "time":
			add(i, 2, "trend", 1)
			i++
		case aggWords()[w.text] != "":
			add(i, 1, "agg:"+aggWords()[w.text], 1)
		case grainWords()[w.text] != "":
			add(i, 1, "grain:"+grainWords()[w.text], 1)
		case isDegree(w.text):
			key := "top"
			if degrees()[w.text].low {
				key = "bottom"
			}
			add(i, 1, key, .5)
		case w.number:
			add(i, 1, "n:"+w.text, .8)
		case slices.Contains([]string{"trend", "trends", "trending", "timeline", "history", "evolution"}, w.text):
			add(i, 1, "trend", 1)
		case stop(w.text) || operator(w.text):
		default:
			add(i, 1, "w:"+w.stem, 1)
		}
	}
	return all
}

func isDegree(w string) bool {
	_, ok := degrees()[w]
	return ok
}

// operator reports words that only join a value to a column.
func operator(w string) bool {
	switch w {
	case "greater", "than", "above", "below", "exceeding", "exceed", "exceeds", "higher", "lower", "bigger", "smaller", "larger", "fewer", "exactly", "equal", "equals",
		"=", ">", "<", "since", "before", "after", "until", "till", "last", "past", "previous", "first", "least", "at-least", "per", "contains", "containing", "contain",
		"except", "excluding", "including", "breakdown", "together":
		return true
	}
	return false
}

// notionSet is what a text speaks of.
type notionSet map[string]bool

func (s notionSet) keys() []string {
	all := make([]string, 0, len(s))
	for k := range s {
		all = append(all, k)
	}
	sort.Strings(all)
	return all
}

// wordsOf reads prose and names alike: total_amount speaks of totals and of amounts.
func wordsOf(text string) notionSet {
	said := notionSet{}
	for _, n := range notionsOf(split(text)) {
		said[n.key] = true
	}
	for _, s := range stems(text) {
		if !stop(s) {
			said["w:"+s] = true
		}
	}
	return said
}

// related reports whether a word of the same family is there.
func (n notion) related(said notionSet) bool {
	stem, isWord := strings.CutPrefix(n.key, "w:")
	if !isWord {
		return n.key == "trend" && slices.ContainsFunc(said.keys(), func(k string) bool { return strings.HasPrefix(k, "grain:") })
	}
	for kin := range relatives(stem) {
		if said["w:"+kin] {
			return true
		}
	}
	for k := range said {
		if other, ok := strings.CutPrefix(k, "w:"); ok && root(other) == root(stem) {
			return true
		}
	}
	return false
}

// root leaves out how a word is bent: closing, closed and close have one root.
func root(w string) string {
	for _, ending := range []string{"ing", "ed", "es", "e"} {
		if short, ok := strings.CutSuffix(w, ending); ok && len(short) >= 4 {
			return short
		}
	}
	return w
}

// penalty is what is left of the certainty when an offer says nothing of the notion.
// Another aggregate is another question; a column or a value that exists was meant,
// and is not there; any other word may be noise.
func (n notion) penalty(known notionSet) float64 {
	switch {
	case strings.HasPrefix(n.key, "agg:"):
		return .3
	case strings.HasPrefix(n.key, "grain:"), n.key == "trend":
		return .4
	case n.key == "top", n.key == "bottom":
		return .8
	case known[n.key]:
		return .5
	}
	return .6
}

// knownWords are the words of columns and their frequent values.
func knownWords(tables []Table) notionSet {
	known := notionSet{}
	for _, t := range tables {
		for _, c := range t.Profile.Columns {
			for _, s := range stems(c.Name) {
				known["w:"+s] = true
			}
			for _, v := range c.Top {
				for _, w := range split(v.Value) {
					known["w:"+w.stem] = true
				}
			}
		}
	}
	return known
}

// recall is the share of the cue's notions that the question speaks of. What a slot
// was filled in place of is not missed.
func (f *filling) recall(cue, asked []notion) float64 {
	said := notionSet{}
	for _, n := range asked {
		said[n.key] = true
	}
	total, met := 0.0, 0.0
	for _, n := range cue {
		family, _, _ := strings.Cut(n.key, ":")
		if n.weight == 0 || f.replaced[family] || f.replaced[n.key] || family == "n" {
			continue
		}
		weight := n.weight
		if f.isNoun(n.key) {
			weight *= .3 // people leave out what all of it is about
		}
		total += weight
		if said[n.key] || n.related(said) {
			met += weight
		}
	}
	if total == 0 {
		return 1
	}
	return met / total
}

// isNoun reports whether the notion is what the rows of a table are called.
func (f *filling) isNoun(key string) bool {
	for _, t := range f.tables {
		for _, name := range []string{t.Profile.Facts.Grain, t.Profile.Facts.Plural, t.Profile.Table} {
			if s := stems(name); len(s) == 1 && "w:"+s[0] == key {
				return true
			}
		}
	}
	return false
}
