package program

import (
	"slices"
	"strings"
)

// A StepKind says what a step does to rows.
type StepKind string

// The steps, in the order in which one SELECT takes them.
const (
	JoinStep      StepKind = "join"
	FilterStep    StepKind = "filter"
	AggregateStep StepKind = "aggregate"
	WindowStep    StepKind = "window"
	DistinctStep  StepKind = "distinct"
	CombineStep   StepKind = "combine" // UNION, INTERSECT, EXCEPT
	SortStep      StepKind = "sort"
	LimitStep     StepKind = "limit"
)

// A Step is what a statement does to rows, with the SQL that says so.
type Step struct {
	Kind StepKind
	Text string
}

// A Block is one query of a statement: the rows that it reads and what it does
// to them, in order.
type Block struct {
	Name   string   // of a step of WITH; empty for others
	Tables []string // names of tables and of steps of WITH, as they are written, and of functions that make rows, with ()
	Blocks []int    // the other blocks that it reads, by their places in the outline
	Steps  []Step
}

// Outline returns the queries of a statement, each after those that it reads, so
// that the last one is the statement itself. It reads the text as people do and
// knows nothing that only the engine knows; it is for showing, and no check.
func Outline(sql string) ([]Block, error) {
	tokens, err := checkStatement(sql)
	if err != nil {
		return nil, err
	}
	o := outliner{sql: sql, tokens: tokens, with: map[string]int{}}
	o.query(0, len(tokens), "")
	return o.blocks, nil
}

type outliner struct {
	sql    string
	tokens []Token
	blocks []Block
	with   map[string]int // steps of WITH, in lower case, by their places
}

// after returns the place behind the bracket that opens at i.
func (o *outliner) after(i, end int) int {
	depth := 0
	for ; i < end; i++ {
		switch t := o.tokens[i]; {
		case t.IsSymbol("("), t.IsSymbol("["), t.IsSymbol("{"):
			depth++
		case t.IsSymbol(")"), t.IsSymbol("]"), t.IsSymbol("}"):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return end
}

func (o *outliner) isOpen(i int) bool {
	t := o.tokens[i]
	return t.IsSymbol("(") || t.IsSymbol("[") || t.IsSymbol("{")
}

// begins reports whether a query begins at i.
func (o *outliner) begins(i, end int) bool {
	for i < end && o.tokens[i].IsSymbol("(") {
		i++
	}
	return i < end && slices.ContainsFunc([]string{"SELECT", "WITH", "FROM", "VALUES"}, o.tokens[i].Is)
}

// query adds the blocks of the query between two places and returns its own.
func (o *outliner) query(i, end int, name string) int {
	for i < end && o.tokens[i].IsSymbol("(") && o.after(i, end) == end {
		i, end = i+1, end-1
	}
	if i < end && o.tokens[i].Is("WITH") {
		i = o.steps(i+1, end)
	}
	parts, words := o.split(i, end)
	if len(parts) == 1 {
		b := o.block(parts[0][0], parts[0][1])
		b.Name = name
		o.blocks = append(o.blocks, b)
		return len(o.blocks) - 1
	}
	b := Block{Name: name, Steps: []Step{{CombineStep, strings.Join(words, ", ")}}}
	for n, part := range parts {
		if n == len(parts)-1 {
			// ORDER BY and LIMIT at the end are of all of them together.
			cut := o.tail(part[0], part[1])
			b.Steps = append(b.Steps, o.block(cut, part[1]).Steps...)
			part[1] = cut
		}
		b.Blocks = append(b.Blocks, o.query(part[0], part[1], ""))
	}
	o.blocks = append(o.blocks, b)
	return len(o.blocks) - 1
}

// steps adds the blocks of WITH and returns where the query itself begins.
func (o *outliner) steps(i, end int) int {
	for i < end {
		t := o.tokens[i]
		switch {
		case t.Is("RECURSIVE"), t.IsSymbol(","):
			i++
			continue
		case !t.IsName() || t.Is("SELECT") || t.Is("FROM") || t.Is("VALUES"):
			return i
		}
		name := t.Name
		for i < end && !o.tokens[i].Is("AS") {
			i++
		}
		for i < end && !o.tokens[i].IsSymbol("(") {
			i++
		}
		close := o.after(i, end)
		// A recursive step reads itself.
		at := o.query(i, close, name)
		o.with[strings.ToLower(name)] = at
		if i = close; i >= end || !o.tokens[i].IsSymbol(",") {
			return i
		}
	}
	return i
}

// split cuts a query at UNION and its like.
func (o *outliner) split(i, end int) (parts [][2]int, words []string) {
	from := i
	for i < end {
		t := o.tokens[i]
		switch {
		case o.isOpen(i):
			i = o.after(i, end)
			continue
		case (t.Is("UNION") || t.Is("INTERSECT") || t.Is("EXCEPT")) && i > from:
			parts = append(parts, [2]int{from, i})
			word := strings.ToUpper(t.Name)
			for i+1 < end && (o.tokens[i+1].Is("ALL") || o.tokens[i+1].Is("DISTINCT") || o.tokens[i+1].Is("BY") || o.tokens[i+1].Is("NAME")) {
				i++
				word += " " + strings.ToUpper(o.tokens[i].Name)
			}
			words, from = append(words, word), i+1
		}
		i++
	}
	return append(parts, [2]int{from, end}), words
}

// tail returns where ORDER BY or LIMIT begins; end if there is none.
func (o *outliner) tail(i, end int) int {
	for i < end {
		if o.isOpen(i) {
			i = o.after(i, end)
			continue
		}
		if o.tokens[i].Is("ORDER") || o.tokens[i].Is("LIMIT") || o.tokens[i].Is("OFFSET") {
			return i
		}
		i++
	}
	return end
}

// clauses are the words that begin the parts of a SELECT.
var clauses = []string{"SELECT", "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "QUALIFY", "ORDER", "LIMIT", "OFFSET", "VALUES"}

// block reads one SELECT.
func (o *outliner) block(i, end int) Block {
	parts := map[string][2]int{}
	word, from := "", i
	for ; i < end; i++ {
		if o.isOpen(i) {
			i = o.after(i, end) - 1
			continue
		}
		t := o.tokens[i]
		// A column may be called by some of these words after a point.
		if t.Kind != Word || i > 0 && o.tokens[i-1].IsSymbol(".") || !slices.Contains(clauses, strings.ToUpper(t.Name)) ||
			t.Is("FROM") && i > 0 && o.tokens[i-1].Is("DISTINCT") && word != "SELECT" {
			continue
		}
		parts[word] = [2]int{from, i}
		word, from = strings.ToUpper(t.Name), i
	}
	parts[word] = [2]int{from, end}
	var b Block
	if p, ok := parts["FROM"]; ok {
		o.from(p[0]+1, p[1], &b)
	}
	add := func(kind StepKind, clause string) {
		if p, ok := parts[clause]; ok {
			b.Steps = append(b.Steps, Step{kind, o.text(p[0], p[1])})
			o.nested(p[0], p[1], &b)
		}
	}
	add(FilterStep, "WHERE")
	selected, hasList := parts["SELECT"]
	aggregates, windows := o.calls(selected[0], selected[1])
	if _, ok := parts["GROUP"]; ok {
		add(AggregateStep, "GROUP")
		if len(aggregates) > 0 {
			b.Steps[len(b.Steps)-1].Text += ": " + strings.Join(aggregates, ", ")
		}
	} else if len(aggregates) > 0 {
		b.Steps = append(b.Steps, Step{AggregateStep, strings.Join(aggregates, ", ")})
	}
	add(FilterStep, "HAVING")
	if len(windows) > 0 {
		b.Steps = append(b.Steps, Step{WindowStep, strings.Join(windows, ", ")})
	}
	add(FilterStep, "QUALIFY")
	if hasList {
		if n := selected[0] + 1; n < selected[1] && o.tokens[n].Is("DISTINCT") {
			b.Steps = append(b.Steps, Step{DistinctStep, "DISTINCT"})
		}
		o.nested(selected[0], selected[1], &b)
	}
	add(SortStep, "ORDER")
	add(LimitStep, "LIMIT")
	add(LimitStep, "OFFSET")
	return b
}

// from reads a list of tables.
func (o *outliner) from(i, end int, b *Block) {
	expect := true
	for i < end {
		t := o.tokens[i]
		switch {
		case t.IsSymbol("(") && expect:
			close := o.after(i, end)
			if o.begins(i+1, close-1) {
				b.Blocks = append(b.Blocks, o.query(i+1, close-1, ""))
			} else {
				o.from(i+1, close-1, b)
			}
			i, expect = close, false
			continue
		case o.isOpen(i):
			close := o.after(i, end)
			o.nested(i, close, b)
			i = close
			continue
		case t.IsSymbol(","), t.Is("JOIN"):
			i, expect = i+1, true
			b.Steps = append(b.Steps, o.join(i-1, end))
			continue
		case expect && (t.Is("LATERAL") || t.Is("ONLY")):
		case expect && t.IsName():
			i, expect = o.source(i, end, b), false
			continue
		}
		i++
	}
}

// source reads the name of a table, or the call of a function that makes rows.
func (o *outliner) source(i, end int, b *Block) int {
	name := o.tokens[i].Name
	for i+2 < end && o.tokens[i+1].IsSymbol(".") && o.tokens[i+2].IsName() {
		i += 2
		name = o.tokens[i].Name
	}
	i++
	at, own := o.with[strings.ToLower(name)]
	switch {
	case i < end && o.tokens[i].IsSymbol("("):
		name += "()"
	case own && !slices.Contains(b.Blocks, at):
		b.Blocks = append(b.Blocks, at)
	}
	if !own && !slices.Contains(b.Tables, name) {
		b.Tables = append(b.Tables, name)
	}
	return i
}

// join describes the join whose word, or comma, is at i.
func (o *outliner) join(i, end int) Step {
	from, to := i, i+1
	for from > 0 && slices.ContainsFunc([]string{"LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "NATURAL", "SEMI", "ANTI", "ASOF", "POSITIONAL"}, o.tokens[from-1].Is) {
		from--
	}
	for to < end && !o.tokens[to].Is("JOIN") && !o.tokens[to].IsSymbol(",") {
		if to+1 < end && o.tokens[to+1].Is("JOIN") {
			break
		}
		if o.isOpen(to) {
			to = o.after(to, end)
			continue
		}
		to++
	}
	return Step{JoinStep, strings.TrimPrefix(o.text(from, min(to, end)), ", ")}
}

// nested adds the queries inside brackets, such as those of IN (SELECT …).
func (o *outliner) nested(i, end int, b *Block) {
	for ; i < end; i++ {
		if !o.tokens[i].IsSymbol("(") {
			continue
		}
		if close := o.after(i, end); o.begins(i+1, close-1) {
			b.Blocks = append(b.Blocks, o.query(i+1, close-1, ""))
			i = close - 1
		}
	}
}

// The aggregates that are known by name. Another one looks like a plain call.
var aggregateNames = strings.Fields(`any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_min array_agg avg bit_and
	bit_or bit_xor bool_and bool_or corr count count_if countif count_star covar_pop covar_samp entropy favg first fsum geomean group_concat histogram
	kurtosis last list listagg mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_slope regr_intercept
	regr_r2 skewness stddev stddev_pop stddev_samp string_agg sum sum_no_overflow sumkahan var_pop var_samp variance`)

// calls returns the calls of aggregates, and those over windows, in a list of
// columns: not those of the queries inside it.
func (o *outliner) calls(i, end int) (aggregates, windows []string) {
	for ; i+1 < end; i++ {
		t := o.tokens[i]
		if t.IsSymbol("(") && o.begins(i+1, end) {
			i = o.after(i, end) - 1
			continue
		}
		isCall := (t.IsName() || t.Kind == Placeholder) && o.tokens[i+1].IsSymbol("(")
		if !isCall {
			continue
		}
		close := o.after(i+1, end)
		last := close
		if last < end && o.tokens[last].Is("FILTER") {
			last = o.after(last+1, end)
		}
		switch {
		case last < end && o.tokens[last].Is("OVER"):
			windows = append(windows, o.text(i, close))
			i = last
		case t.Kind == Placeholder || slices.Contains(aggregateNames, strings.ToLower(t.Name)):
			aggregates = append(aggregates, o.text(i, last))
			i = last - 1
		}
	}
	return aggregates, windows
}

// text returns the SQL between two places, on one line and not too long.
func (o *outliner) text(i, end int) string {
	if i >= end {
		return ""
	}
	return cutAt(strings.Join(strings.Fields(o.sql[o.tokens[i].Pos:o.tokens[end-1].End]), " "), 200)
}
