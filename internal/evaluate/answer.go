package evaluate

import (
	"context"
	"crypto/rand"
	"time"

	"millwright/internal/errs"
	"millwright/internal/program/store"
)

// An Asking is how an answer is wanted.
type Asking struct {
	Known  []string                      // ETags of answers that the caller has
	Fresh  bool                          // run the program, whatever is known
	Form   string                        // names what Encode makes
	Encode func(*Result) ([]byte, error) // for Answer
}

// An Answer is a result as it is sent.
type Answer struct {
	Key         string // names the answer for Known; "" if the program may say something else every time
	ETag        string // strong; "" if there is no Key
	NotModified bool   // the caller has it: there is no body
	Cached      bool   // nothing was run for this caller alone
	Body        []byte // shared: must not be changed
	Rows        int64
	Truncated   bool
	Versions    map[string]int64 // table name -> version that was read
}

// Answer runs the program as Run does, and encodes its result; or it returns the
// answer that it gave before, if nothing that decides about it has changed since.
// Errors are never kept, nor is what a program says that asks for the time or for
// chance. Equal requests that come at the same time share one run.
func (e *Evaluator) Answer(ctx context.Context, req Request, ask Asking) (a Answer, err error) {
	started := time.Now()
	run := store.Run{ProgramID: req.ProgramID, Version: req.Version}
	defer func() {
		run.Rows, run.Truncated, run.Cached = a.Rows, a.Truncated, a.Cached
		e.remember(ctx, run, started, err)
	}()
	pl, err := e.plan(ctx, req)
	if err != nil {
		return Answer{}, err
	}
	pl = e.limited(pl, req)
	run.DatasetVersions = pl.tables.Versions
	produce := func(ctx context.Context) (Answer, error) {
		r, err := e.execute(ctx, pl, req, started)
		if err != nil {
			return Answer{}, err
		}
		body, err := ask.Encode(r)
		return Answer{Body: body, Rows: r.RowCount, Truncated: r.Truncated, Versions: r.DatasetVersions}, err
	}
	key := e.key(pl, ask.Form, req)
	if key == "" {
		return produce(ctx)
	}
	if a, ok := e.find(key, ask); ok {
		a.Key = key
		return a, nil
	}
	a, first, err := e.Cache.join(ctx, key, func(ctx context.Context) (Answer, error) {
		a, err := produce(ctx)
		a.ETag = tagOf(key, rand.Text()[:10])
		return a, err
	})
	a.Key, a.Cached = key, err == nil && !first
	return a, err
}

// Known returns the answer of that key, if it is kept, or if the caller has it. It is
// for those who know that what decides about a request is what it was when Answer gave
// the key: the program, the values, the tables and their versions. No history is kept.
func (e *Evaluator) Known(key string, ask Asking) (Answer, bool) {
	if key == "" {
		return Answer{}, false
	}
	a, ok := e.find(key, ask)
	a.Key = key
	return a, ok
}

// find returns the answer that is known, by us or by the caller.
func (e *Evaluator) find(key string, ask Asking) (Answer, bool) {
	if ask.Fresh {
		return Answer{}, false
	}
	a, ok := e.Cache.get(key)
	if knows(ask.Known, key) {
		a.Body, a.NotModified = nil, true
		if !ok {
			// It was made before it was forgotten here. The tag is the caller's own.
			for _, tag := range ask.Known {
				if knows([]string{tag}, key) {
					a.ETag = tag
				}
			}
		}
		ok = true
	}
	a.Cached = ok
	return a, ok
}

func canceled(ctx context.Context) error {
	return errs.New(errs.Canceled, "the query was cancelled").Named("query-cancelled").Because(context.Cause(ctx))
}
