package publish

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
)

// A cursor is where a page begins.
type cursor struct {
	Offset   int64            `json:"o"`
	Versions map[string]int64 `json:"v"` // that the first page read
	Of       string           `json:"k"` // which call it belongs to; see digest
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // unreachable: it holds numbers and texts
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// digest names the call: the frozen program, and what its slots are. Pages of one
// call are no pages of another.
func (ep Endpoint) digest(bound map[string]any) string {
	values, err := json.Marshal(bound)
	if err != nil {
		values = fmt.Appendf(nil, "%#v", bound) // unreachable for what Bind returns
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", ep.ID, ep.ProgramVersion, values))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// read reads a cursor of ours; the beginning, if there is none.
func (ep Endpoint) read(after string, values map[string]any) (c cursor, err error) {
	if after == "" {
		return c, nil
	}
	invalid := errs.New(errs.Invalid, "the cursor is not one of this call: another endpoint gave it, or for other values").
		Named("cursor-invalid").At(ep.Control(ControlAfter)).Fix("send next of the page before, as it is, with the same values", "or start again without it")
	text, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || json.Unmarshal(text, &c) != nil || c.Offset < 0 || c.Versions == nil {
		return c, invalid
	}
	bound, err := program.Bind(ep.Program, values)
	if err != nil {
		return c, err
	}
	if c.Of != ep.digest(bound.Values) {
		return c, invalid
	}
	return c, nil
}

// page answers with the rows from offset on.
func (s *Service) page(ctx context.Context, ep Endpoint, values map[string]any, opt CallOptions, offset int64) (Answer, error) {
	if opt.Limit <= 0 {
		opt.Limit = 10_000
	}
	opt.Limit = min(opt.Limit, 100_000)
	request := func() (evaluate.Request, error) {
		req := ep.request(values, opt)
		sql, err := inOrder(ep.Program.SQL, len(ep.Columns))
		// One row more than the page has, so that it is known whether it is the last.
		req.Program.SQL = fmt.Sprintf("SELECT * FROM (\n%s\n) AS page %s LIMIT %d OFFSET %d", sql.text, sql.outer, opt.Limit+1, offset)
		return req, err
	}
	a, err := s.answer(ctx, ep.name(values, opt, strconv.FormatInt(offset, 10)), request, evaluate.Asking{
		Known: opt.Known, Fresh: opt.Fresh, Form: opt.Form + " page " + strconv.FormatBool(opt.Count),
		Encode: func(r *evaluate.Result) ([]byte, error) {
			if err := s.total(ctx, ep, values, opt, offset, r); err != nil {
				return nil, err
			}
			next := ""
			if r.Truncated {
				next = cursor{offset + r.RowCount, r.DatasetVersions, ep.digest(r.Values)}.String()
			}
			return opt.Encode(r, next)
		}})
	if err != nil || a.NotModified || !a.Truncated {
		return Answer{Answer: a}, s.explain(ctx, ep, err, opt)
	}
	bound, err := program.Bind(ep.Program, values)
	if err != nil {
		return Answer{}, err // unreachable: it was bound before
	}
	return Answer{Answer: a, Next: cursor{offset + a.Rows, a.Versions, ep.digest(bound.Values)}.String()}, nil
}

// total says of a page how many rows all pages have, if that is known or wanted.
func (s *Service) total(ctx context.Context, ep Endpoint, values map[string]any, opt CallOptions, offset int64, r *evaluate.Result) error {
	r.Program.SQL = ep.Program.SQL
	switch {
	case r.Truncated && r.RowCount == 0:
		return errs.New(errs.TooLarge, "the next row alone is larger than an answer may be").Named("result-too-large").
			Fix("ask for a file, with " + ep.Control(ControlFormat) + "=ndjson")
	case !r.Truncated && (r.RowCount > 0 || offset == 0):
		n := offset + r.RowCount
		r.TotalRows = &n
	case opt.Count:
		opt.Limit, opt.AsOf = 1, r.DatasetVersions
		req := ep.request(values, opt)
		req.CountRows = true
		all, err := s.Evaluator.Run(ctx, req)
		if err != nil {
			return err
		}
		r.TotalRows = all.TotalRows
	default:
		r.TotalRows = nil
	}
	return nil
}

// An ordered statement says how its rows are ordered, and all of its rows are.
type ordered struct {
	text  string
	outer string // what has to stand outside the brackets around it
}

// inOrder returns the statement with its rows in one order, whenever it runs: its own
// order, and where that leaves rows equal, that of all columns. Rows that are equal
// in all columns cannot be told apart, so any order of them is the same.
//
// Without that, two runs of a GROUP BY may answer in two orders, and a row between
// two pages would be missed.
func inOrder(sql string, columns int) (ordered, error) {
	tokens, err := program.Tokens(sql)
	if err != nil {
		return ordered{}, err
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].IsSymbol(";") {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return ordered{}, errs.New(errs.Invalid, "the SQL is empty")
	}
	sql = sql[:tokens[len(tokens)-1].End]
	by, end := orderOf(tokens)
	switch {
	case by < 0:
		return ordered{sql, "ORDER BY ALL"}, nil
	case tokens[by+1].Is("ALL"):
		return ordered{text: sql}, nil
	}
	var all strings.Builder
	for i := range columns {
		fmt.Fprintf(&all, ", %d", i+1)
	}
	at := tokens[end-1].End
	return ordered{text: sql[:at] + all.String() + sql[at:]}, nil
}

// orderOf returns the place of BY in the ORDER BY of the statement itself, and that of
// the first token after it; -1 if it has none.
func orderOf(tokens []program.Token) (by, end int) {
	depth, by := 0, -1
	for i, t := range tokens {
		switch {
		case t.IsSymbol("(") || t.IsSymbol("[") || t.IsSymbol("{"):
			depth++
		case t.IsSymbol(")") || t.IsSymbol("]") || t.IsSymbol("}"):
			depth--
		case depth > 0:
		case t.Is("BY") && i > 0 && tokens[i-1].Is("ORDER") && i+1 < len(tokens):
			by = i
		case by >= 0 && (t.Is("LIMIT") || t.Is("OFFSET") || t.Is("FETCH")):
			return by, i
		}
	}
	return by, len(tokens)
}

// datasets returns the tables whose versions a call may choose: a child table belongs
// to its parent.
func (ep Endpoint) datasets() []string {
	var names []string
	for _, t := range ep.Program.Tables {
		parent, _, _ := strings.Cut(t, "__")
		if !contains(names, parent) {
			names = append(names, parent)
		}
	}
	return names
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

func positive(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n > 0
}

// cut shortens what a caller sent for a message.
func cut(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}
