package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
)

// CallOptions say how the answer of a call is wanted.
type CallOptions struct {
	Known []string // ETags of answers that the caller has
	Fresh bool     // run the program, whatever is known
	Form  string   // names what Encode makes
	// Encode makes the body. Next is the cursor of the next page; "" at the end.
	Encode func(r *evaluate.Result, next string) ([]byte, error)

	Limit int64            // rows of the page; 0 means 10,000, and more than 100,000 is 100,000
	After string           // the cursor: Next of the page before
	AsOf  map[string]int64 // by table name: the version to read instead of the current one; After knows its own
	Count bool             // count the rows that are on other pages
}

// An Answer is a page of a result, encoded.
type Answer struct {
	evaluate.Answer
	Next string // the cursor of the next page; "" at the end, or if the answer is NotModified
}

// Call runs what the endpoint has frozen, with values as program.Bind takes them, or
// answers from what is known. It is for endpoints that Resolve or Published returned,
// and for callers who may see the project.
//
// A result that has more rows than the page is cut, and the pages are parts of one
// order, of the versions of the data that the first page read. What the caller got
// wrong is errs.Invalid; a program that does not fit its data any more is
// errs.Conflict, "endpoint-broken".
func (s *Service) Call(ctx context.Context, ep Endpoint, values map[string]any, opt CallOptions) (Answer, error) {
	at, err := ep.read(opt.After, values)
	if err != nil {
		return Answer{}, err
	}
	if at.Versions != nil {
		opt.AsOf = at.Versions
	}
	if opt.Limit == 0 && opt.After == "" {
		// Most results fit. They are read as they come, without another order.
		a, err := s.whole(ctx, ep, values, opt)
		if err != nil || !a.Truncated {
			return Answer{Answer: a}, err
		}
	}
	return s.page(ctx, ep, values, opt, at.Offset)
}

// whole answers with all rows. If they are too many, Truncated says so, and there is
// no body.
func (s *Service) whole(ctx context.Context, ep Endpoint, values map[string]any, opt CallOptions) (evaluate.Answer, error) {
	a, err := s.answer(ctx, ep.name(values, opt, ""), func() (evaluate.Request, error) { return ep.request(values, opt), nil }, evaluate.Asking{
		Known: opt.Known, Fresh: opt.Fresh, Form: opt.Form,
		Encode: func(r *evaluate.Result) ([]byte, error) {
			if r.Truncated {
				return nil, nil
			}
			return opt.Encode(r, "")
		}})
	return a, s.explain(ctx, ep, err, opt)
}

// answer asks the evaluator. What the answer of a call is kept under is remembered
// until the metadata change, so that a call that is made often is neither bound nor
// planned again. A call without a name is always asked for.
func (s *Service) answer(ctx context.Context, name string, request func() (evaluate.Request, error), ask evaluate.Asking) (a evaluate.Answer, err error) {
	asked := false
	find := func() (string, error) {
		asked = true
		req, err := request()
		if err != nil {
			return "", err
		}
		a, err = s.Evaluator.Answer(ctx, req, ask)
		return a.Key, err
	}
	if name == "" || s.DB == nil {
		_, err := find()
		return a, err
	}
	key, err := s.keys.Get(s.DB, name, find)
	if asked || err != nil {
		return a, err
	}
	if a, ok := s.Evaluator.Known(key, ask); ok {
		return a, nil
	}
	_, err = find()
	return a, err
}

// name names what decides about the answer of a call, beside the data; "" if that takes
// too long to write down. Values in URLs are texts, which says nothing of bodies.
func (ep Endpoint) name(values map[string]any, opt CallOptions, page string) string {
	if opt.AsOf != nil || len(values) > 20 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %d %q %q %d %t", ep.ID, ep.ProgramVersion, ep.UpdatedAt.UnixMicro(), opt.Form, page, opt.Limit, opt.Count)
	for _, slot := range slices.Sorted(maps.Keys(values)) {
		value, ok := values[slot].(program.Untyped)
		if !ok || len(value) > 200 {
			return ""
		}
		fmt.Fprintf(&b, " %q=%q", slot, string(value))
	}
	return b.String()
}

func (ep Endpoint) request(values map[string]any, opt CallOptions) evaluate.Request {
	return evaluate.Request{ProjectID: ep.ProjectID, Program: ep.Program, Values: values, AsOf: opt.AsOf, MaxRows: opt.Limit}
}

// Open is Call for a file, which always holds the whole result.
func (s *Service) Open(ctx context.Context, ep Endpoint, values map[string]any, file evaluate.File, opt CallOptions) (evaluate.Opened, error) {
	o, err := s.Evaluator.Open(ctx, ep.request(values, opt), file, evaluate.Asking{Known: opt.Known, Fresh: opt.Fresh})
	return o, s.explain(ctx, ep, err, opt)
}

// explain tells what the caller of an endpoint got wrong from what is wrong with the
// endpoint, which no caller can change.
func (s *Service) explain(ctx context.Context, ep Endpoint, err error, opt CallOptions) error {
	e, ok := errs.Find(err)
	switch {
	case !ok:
		return err
	case e.Kind == errs.NotFound && opt.After != "":
		return errs.New(errs.Conflict, "the data that the page before was read from are not kept any more").Named("cursor-outdated").
			Fix("start again without " + ep.Control(ControlAfter)).Because(err)
	case e.Kind == errs.NotFound && len(opt.AsOf) > 0:
		return errs.New(errs.NotFound, "there is no such version of the data, or it is not kept any more").Named("version-unknown").
			At(ep.Control(ControlAsOf)).Fix("leave it out").Because(err)
	case e.Kind != errs.Invalid || e.Type == "slot-invalid":
		return err
	}
	if _, broken := s.Evaluator.Validate(ctx, ep.ProjectID, ep.Program); errs.KindOf(broken) == errs.Invalid {
		return errs.New(errs.Conflict, "the program of this endpoint does not fit its data any more: %s", e.Msg).Named("endpoint-broken").
			Fix("ask whoever published it to correct the program and publish it again").Because(err)
	}
	return errs.New(errs.Invalid, "the program of this endpoint fails with these values: %s", e.Msg).Named(e.Type).Fix("send others").Because(err)
}

// ParseAsOf reads "orders:3,customers:7" as versions by table name; a number alone is
// the version of the only table that the endpoint reads.
func (ep Endpoint) ParseAsOf(text string) (map[string]int64, error) {
	if text == "" {
		return nil, nil
	}
	tables := ep.datasets()
	versions := map[string]int64{}
	for part := range strings.SplitSeq(text, ",") {
		table, number, named := strings.Cut(strings.TrimSpace(part), ":")
		if !named && len(tables) == 1 {
			table, number = tables[0], table
		}
		version, ok := positive(number)
		if !ok {
			return nil, errs.New(errs.Invalid, "as_of does not say which version of which table").Named("as-of-invalid").At(ep.Control(ControlAsOf)).
				Fix("write it as table:version, such as orders:3, with commas between several")
		}
		if !contains(tables, table) {
			e := errs.New(errs.Invalid, "as_of names %q, which this endpoint does not read", cut(table)).Named("as-of-invalid").At(ep.Control(ControlAsOf))
			if near, ok := program.Nearest(table, tables); ok {
				return nil, e.Fix("did you mean " + near + "?")
			}
			return nil, e.Fix("name one of: " + strings.Join(tables, ", "))
		}
		versions[table] = version
	}
	return versions, nil
}
