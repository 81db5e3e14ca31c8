package generate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
	"millwright/internal/table"
)

// ChangeEvent tells a job's subscribers what a generation did to the programs.
const ChangeEvent = "programs.changed"

// usualCount is how many programs a dataset has, unless people asked for more.
const usualCount = 12

// extraForNew is how many programs may be added for columns that are new.
const extraForNew = 3

// A stock is the programs that a dataset has before a generation.
type stock struct {
	records []store.Record
	keys    []string
	mine    map[string]bool // identities of programs that may be replaced
	words   map[string]bool // keys of the same
	fixed   map[string]bool // identities and keys of programs that may not: a person's
	settled int             // live programs among the latter that were generated once
}

func (s *Service) stock(ctx context.Context, d dataset.Dataset) (stock, error) {
	records, keys, err := s.Programs.OfDataset(ctx, d.ID)
	k := stock{records: records, keys: keys, mine: map[string]bool{}, words: map[string]bool{}, fixed: map[string]bool{}}
	for i, r := range records {
		switch {
		case keys[i] == "" || r.Program.Template == template.Composed:
		case r.Origin == store.Generated && !r.Published && r.DeletedAt == nil:
			k.mine[store.Identity(r.Program)], k.words[keys[i]] = true, true
		default:
			k.fixed[store.Identity(r.Program)], k.fixed[keys[i]] = true, true
			if r.DeletedAt == nil {
				k.settled++
			}
		}
	}
	return k, err
}

// options says how to generate when programs are there: what still applies stays,
// what a person has is not made again, and new columns get some more.
func (k stock) options(fresh map[string]bool) Options {
	opt := Options{Count: max(usualCount-k.settled, len(k.mine), 1)}
	if len(k.mine) > 0 && len(fresh) > 0 {
		opt.Count = max(opt.Count, len(k.mine)+extraForNew)
	}
	opt.Keep = func(c template.Candidate) bool {
		// Where one template shows many columns in parts, all parts have one identity.
		if inParts(c.Template) {
			return k.words[store.GenKey(c.Program)]
		}
		return k.mine[store.Identity(c.Program)]
	}
	opt.Skip = func(c template.Candidate) bool {
		return k.fixed[store.Identity(c.Program)] || k.fixed[store.GenKey(c.Program)]
	}
	opt.Prefer = func(c template.Candidate) float64 {
		for _, name := range c.Columns {
			if fresh[name] {
				return .5
			}
		}
		return 0
	}
	return opt
}

// linked adds to the options what the dataset points at: another dataset that no program
// joins yet gets some programs more, as new columns do.
func (k stock) linked(opt Options, links []template.Link) Options {
	opt.Links = links
	known := map[string]bool{}
	for _, r := range k.records {
		for _, name := range r.Program.Tables[min(1, len(r.Program.Tables)):] {
			known[name] = true
		}
	}
	fresh := map[string]bool{}
	for _, l := range links {
		fresh[l.To.Table] = !known[l.To.Table]
	}
	isNew := func(c template.Candidate) bool { return len(c.Program.Tables) > 1 && fresh[c.Program.Tables[1]] }
	prefer := opt.Prefer
	opt.Prefer = func(c template.Candidate) float64 {
		switch {
		case !isNew(c):
			return prefer(c)
		case len(k.mine) > 0:
			return .3 // they come on top
		}
		return .1
	}
	for _, isFresh := range fresh {
		if isFresh && len(k.mine) > 0 {
			opt.Count = max(opt.Count, len(k.mine)+extraForNew)
		}
	}
	return opt
}

// inParts reports whether a template's candidates differ in columns that no slot tells.
func inParts(id string) bool {
	switch id {
	case "facets", "measures_by", "measures_time", "distinct_counts", "join_agg", "join_count", "join_top", "join_without":
		return true
	}
	return false
}

// freshColumns returns the columns that no analysed version before this one had; none
// if it is the first.
func (s *Service) freshColumns(ctx context.Context, d dataset.Dataset, p *profile.Profile) (map[string]bool, error) {
	text, err := s.Datasets.NewestProfile(ctx, d.ID, d.Version-1)
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var before profile.Profile
	if err := json.Unmarshal(text, &before); err != nil {
		return nil, errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
	}
	fresh := map[string]bool{}
	for _, c := range p.Columns {
		if _, known := before.Column(c.Name); !known {
			fresh[c.Name] = true
		}
	}
	return fresh, nil
}

// fates says what becomes of the programs that are there and are not generated now.
func (s *Service) fates(ctx context.Context, d dataset.Dataset, p *profile.Profile, k stock, o Outcome) (map[store.ID]store.Fate, error) {
	again := map[string]bool{}
	for _, p := range o.Programs {
		again[store.Identity(p)] = true
	}
	dropped := map[string]string{}
	for _, x := range o.Dropped {
		dropped[x.Template+"\x00"+x.Cue] = x.Why
	}
	all := map[store.ID]store.Fate{}
	for i, r := range k.records {
		mine := r.Origin == store.Generated && !r.Published && k.keys[i] != ""
		if r.DeletedAt != nil || mine && again[store.Identity(r.Program)] || program.ErrNotSQL(r.Program.SQL) != nil {
			continue
		}
		f := store.Fate{Keep: true}
		runs, err := s.Programs.History(ctx, r.ID, store.RunFilter{Limit: 1})
		if err != nil {
			return nil, err
		}
		f.Ran = len(runs) > 0
		switch hidden := readsHidden(p, r.Program); {
		case mine && hidden != "":
			f.Keep, f.Reason = false, "a person has hidden the column "+hidden
		case mine && r.Program.Template != template.Composed:
			f.Keep, f.Reason = false, dropped[r.Program.Template+"\x00"+r.Program.Cue]
			if f.Reason == "" {
				f.Reason = "the data no longer suggest the question"
			}
		}
		why, err := s.broken(ctx, d, r)
		if err != nil {
			return nil, err
		}
		if why != "" {
			f.Keep, f.Reason = false, why
		}
		all[r.ID] = f
	}
	return all, nil
}

// broken returns why a program no longer runs with its defaults; empty if it does.
func (s *Service) broken(ctx context.Context, d dataset.Dataset, r store.Record) (string, error) {
	for _, slot := range r.Program.Slots {
		if slot.Required {
			return "", nil // nobody knows with what
		}
	}
	_, err := s.Evaluator.Run(ctx, evaluate.Request{ProjectID: d.ProjectID, Program: r.Program, MaxRows: 1, Background: true})
	switch kind := errs.KindOf(err); {
	case err == nil:
		return "", nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case kind == errs.Invalid || kind == errs.NotFound:
		return "it no longer runs: " + errs.Public(err), nil
	}
	// What was too slow or too large today need not be so tomorrow.
	return "", nil
}

// readsHidden returns a hidden column that the program reads; empty if there is none.
func readsHidden(p *profile.Profile, prog program.Program) string {
	names := append([]profile.Column(nil), p.Columns...)
	for _, child := range p.Children {
		names = append(names, child.Columns...)
	}
	for _, c := range names {
		if !c.Hidden {
			continue
		}
		for _, s := range prog.Slots {
			if s.Column == c.Name || s.Type == program.Column && (s.Default == any(c.Name) || contains(s.Choices(), c.Name)) {
				return c.Name
			}
		}
		if strings.Contains(prog.SQL, table.Quote(c.Path[len(c.Path)-1])) || strings.Contains(prog.SQL, "SELECT *") && prog.Tables != nil {
			return c.Name
		}
	}
	return ""
}

func contains(list []string, x string) bool {
	for _, l := range list {
		if l == x {
			return true
		}
	}
	return false
}

// Summary says in a sentence what a generation did.
func Summary(done []store.Alteration) string {
	n := map[string]int{}
	for _, a := range done {
		n[a.Kind]++
	}
	var parts []string
	for _, kind := range []string{"added", "kept", "updated", "restored", "retired", "removed"} {
		if n[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[kind], kind))
		}
	}
	if len(parts) == 0 {
		return "no program was written"
	}
	return "programs: " + strings.Join(parts, ", ")
}
