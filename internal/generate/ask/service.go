package ask

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/meta"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// A Service answers questions about the datasets of a project, and writes programs
// on demand. All fields but Adviser must be set.
type Service struct {
	DB        *meta.DB
	Datasets  *dataset.Store
	Programs  *store.Store
	Evaluator *evaluate.Evaluator
	Adviser   *Adviser // of a language model; nil asks none
}

// A Reply is the stored program that answers a question.
type Reply struct {
	Record     store.Record
	Certainty  float64
	Understood []string
	Others     []Near // what else may have been meant
}

// A Near is what comes near to a question that has no answer, or beside one.
type Near struct {
	ID        string // of a stored program; empty for a reading of the question
	Cue       string
	Certainty float64
	Why       string
}

// A NoMatch is why a question has no answer, with what is nearest.
type NoMatch struct {
	Unknown []string // words that mean nothing in the project's data
	Nearest []Near
	err     *errs.Error
}

// Error says why.
func (n *NoMatch) Error() string { return n.err.Error() }

// Unwrap returns the classified error.
func (n *NoMatch) Unwrap() error { return n.err }

// Tables returns the analysed datasets of a project, in the order in which they were made.
func (s *Service) Tables(ctx context.Context, projectID string) ([]Table, error) {
	list, err := s.Datasets.ByProject(ctx, projectID)
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, d := range list {
		text, err := s.Datasets.NewestProfile(ctx, d.ID, d.Version)
		if errs.KindOf(err) == errs.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		p := &profile.Profile{}
		if err := json.Unmarshal(text, p); err != nil {
			return nil, errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
		}
		tables = append(tables, Table{DatasetID: d.ID, Version: d.Version, Profile: p})
	}
	return tables, nil
}

// Answer writes, runs and stores the program that the question asks for. Without one
// it fails with a *NoMatch, which is errs.NotFound.
func (s *Service) Answer(ctx context.Context, projectID, question string) (_ Reply, err error) {
	defer errs.Wrap(&err, "ask.Answer")
	if strings.TrimSpace(question) == "" {
		return Reply{}, errs.New(errs.Invalid, "the question is empty").Named("field-missing").At("/question").Fix(`send {"question": "How many orders are there per month?"}`)
	}
	tables, err := s.Tables(ctx, projectID)
	if err != nil {
		return Reply{}, err
	}
	if len(tables) == 0 {
		return Reply{}, errs.New(errs.Invalid, "the project has no dataset that was analysed, so there is nothing to ask about").Named("no-dataset").
			Fix("connect a source and wait for its jobs")
	}
	all := s.Adviser.prefer(ctx, question, tables, Match(question, tables))
	for i := range min(len(all), 3) {
		a := &all[i]
		if a.Problem != "" || a.Certainty < Certain {
			break
		}
		_, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: projectID, Program: a.Program, MaxRows: 100})
		if err := ctx.Err(); err != nil {
			return Reply{}, err
		}
		switch errs.KindOf(err) {
		case errs.Busy, errs.Unavailable:
			return Reply{}, err
		}
		if err != nil {
			a.Problem = errs.Public(err)
			continue
		}
		return s.keep(ctx, projectID, question, *a, slices.Delete(slices.Clone(all), i, i+1))
	}
	if a, ok := s.Adviser.propose(ctx, question, tables); ok {
		if r, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: projectID, Program: a.Program, MaxRows: 100}); err == nil && r.RowCount > 0 {
			return s.keep(ctx, projectID, question, a, all)
		}
	}
	return Reply{}, s.noMatch(ctx, projectID, question, all)
}

func (s *Service) keep(ctx context.Context, projectID, question string, a Answer, others []Answer) (Reply, error) {
	a.Program.Reason = append([]string{fmt.Sprintf("asked: %s", question), fmt.Sprintf("certainty %.2f: %d parts of the question were understood", a.Certainty, len(a.Understood))}, a.Program.Reason...)
	a.Program.Score = a.Certainty
	var saved []store.Record
	err := s.DB.Tx(ctx, func(tx *sql.Tx) (err error) {
		saved, err = s.Programs.AddGeneratedTx(ctx, tx, projectID, a.Table.DatasetID, a.Table.Version, []program.Program{a.Program})
		return err
	})
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Record: saved[0], Certainty: a.Certainty, Understood: a.Understood, Others: []Near{}}
	for _, o := range others {
		if o.Problem == "" && o.Certainty >= Certain && len(r.Others) < 3 {
			r.Others = append(r.Others, Near{Cue: o.Program.Name, Certainty: o.Certainty, Why: strings.Join(o.Understood, "; ")})
		}
	}
	return r, nil
}

// noMatch says why there is no answer, and what is nearest.
func (s *Service) noMatch(ctx context.Context, projectID, question string, all []Answer) error {
	n := &NoMatch{Nearest: []Near{}, Unknown: []string{}}
	why := "nothing in it is known"
	best := Answer{}
	for _, a := range all {
		if a.Certainty >= best.Certainty && (best.Certainty < a.Certainty || best.at == 0) {
			best = a
		}
	}
	switch {
	case best.Problem != "" && len(best.Unknown) == 0:
		why = best.Problem
	case len(best.Unknown) > 0:
		why = "the data have nothing called " + quoted(best.Unknown)
		n.Unknown = best.Unknown
	case best.Certainty > 0:
		why = fmt.Sprintf("the best guess, %s, has a certainty of only %.2f", best.Program.Name, best.Certainty)
	}
	near, err := s.nearest(ctx, projectID, question)
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Problem == "" && a.Certainty >= .25 && len(n.Nearest) < 2 {
			n.Nearest = append(n.Nearest, Near{Cue: a.Program.Name, Certainty: a.Certainty, Why: strings.Join(a.Understood, "; ")})
		}
	}
	n.Nearest = append(n.Nearest, near...)
	n.err = errs.New(errs.NotFound, "no program answers the question: %s", why).Named("no-match")
	for _, x := range n.Nearest {
		n.err.Fix("ask instead: " + x.Cue)
	}
	return n
}

func quoted(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = fmt.Sprintf("%q", w)
	}
	return strings.Join(all, ", ")
}

// nearest returns the stored programs whose questions share most words with this one.
func (s *Service) nearest(ctx context.Context, projectID, question string) ([]Near, error) {
	list, err := s.Programs.List(ctx, store.Filter{ProjectID: projectID})
	if err != nil {
		return nil, err
	}
	own := content(question)
	var all []Near
	for _, r := range list {
		other := content(r.Program.Cue)
		both := 0
		for w := range own {
			if other[w] {
				both++
			}
		}
		alike := float64(both) / float64(max(1, len(own)+len(other)-both))
		all = append(all, Near{ID: r.ID, Cue: r.Program.Cue, Certainty: alike, Why: fmt.Sprintf("%d words in common", both)})
	}
	slices.SortStableFunc(all, func(a, b Near) int { return cmp.Compare(b.Certainty, a.Certainty) })
	return all[:min(3, len(all))], nil
}

func content(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range split(text) {
		if !stop(w.text) && w.stem != "" {
			out[w.stem] = true
		}
	}
	return out
}
