package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"millwright/internal/errs"
	"millwright/internal/meta"
	"millwright/internal/program"
)

// A Regeneration brings the generated programs of a dataset up to date.
type Regeneration struct {
	ProjectID, DatasetID string
	DatasetVersion       int64
	JobID                string            // names the generation in Generations; empty writes none
	Programs             []program.Program // what is generated now, in its order; none remove the generated ones
	Fates                map[ID]Fate       // of programs that are not generated now
	Notes                []string          // what else a reader should know, such as why there are few
}

// A Fate is what becomes of a program that is not generated again.
type Fate struct {
	Keep   bool   // it still runs, and stays as it is
	Reason string // why it does not stay; of programs that are not kept
	Ran    bool   // it has a history of runs, so it is retired and not removed
}

// An Alteration is what a generation did to a program.
type Alteration struct {
	Kind      string // added, kept, updated, retired, restored, removed; note says something of all
	ProgramID ID     // empty for a note
	Cue       string
	Reason    string
}

// A Generation is what one generation did to the programs of a dataset.
type Generation struct {
	DatasetVersion int64
	JobID          string
	At             time.Time
	Alterations    []Alteration
}

// RegenerateTx stores the programs of a regeneration, in their order, and returns
// those of them that are live, and what was done.
//
// Programs that are as they were generated and not published keep their id and
// history if they are generated again, with the same words or with other ones. Of
// the rest the fate decides: a program is kept, or retired, which leaves it in place
// with the reason, or, if nobody ever edited, published or ran it, removed. What a
// person edited, published or deleted is not changed, and is not made a second time.
func (s *Store) RegenerateTx(ctx context.Context, tx meta.Querier, g Regeneration) (_ []Record, _ []Alteration, err error) {
	defer errs.Wrap(&err, "program.Regenerate(%s)", g.DatasetID)
	known, err := meta.All(ctx, tx, scanKeyed,
		`SELECT `+columns+`, gen_key FROM queryprograms WHERE dataset_id = ? ORDER BY created_at, place, id`, g.DatasetID)
	if err != nil {
		return nil, nil, err
	}
	saved, done := []Record{}, []Alteration{}
	met := map[ID]bool{}
	var written, coming []string
	for _, p := range g.Programs {
		coming = append(coming, GenKey(p))
	}
	for place, p := range g.Programs {
		r := Record{ProjectID: g.ProjectID, DatasetID: g.DatasetID, DatasetVersion: g.DatasetVersion, Program: p}
		if err := r.normalize(); err != nil {
			return nil, nil, err
		}
		if slices.Contains(written, GenKey(p)) {
			continue
		}
		written = append(written, GenKey(p))
		kind := "added"
		if at := find(known, p, met, coming); at < 0 {
			r, err = s.generate(ctx, tx, r, GenKey(p), place)
		} else {
			old := known[at]
			met[old.ID] = true
			kind = renewal(old.Record, p)
			r, err = s.regenerate(ctx, tx, old.Record, r, place)
		}
		if err != nil {
			return nil, nil, err
		}
		if r.DeletedAt == nil {
			saved = append(saved, r)
			done = append(done, Alteration{Kind: kind, ProgramID: r.ID, Cue: r.Program.Cue, Reason: firstOf(p.Reason)})
		}
	}
	for _, k := range known {
		if met[k.ID] || k.DeletedAt != nil {
			continue
		}
		a, err := s.dispose(ctx, tx, k, g.Fates[k.ID])
		if err != nil {
			return nil, nil, err
		}
		if a.Kind != "" {
			done = append(done, a)
		}
	}
	for _, n := range g.Notes {
		done = append(done, Alteration{Kind: "note", Reason: n})
	}
	return saved, done, s.saveAlterations(ctx, tx, g, done)
}

// find returns the program that p was before: with the same words, or, of those that
// may be replaced and are not coming again word by word, the one that asks the same
// of the same columns.
func find(known []keyed, p program.Program, met map[ID]bool, coming []string) int {
	key := GenKey(p)
	if at := slices.IndexFunc(known, func(k keyed) bool { return !met[k.ID] && k.key == key }); at >= 0 {
		return at
	}
	same := Identity(p)
	return slices.IndexFunc(known, func(k keyed) bool {
		return !met[k.ID] && k.key != "" && !slices.Contains(coming, k.key) && k.replaceable() && Identity(k.Program) == same
	})
}

// Identity is equal for programs that ask the same of the same columns and values,
// whatever the words, the numbers that their slots begin with, and how the SQL breaks
// ties.
func Identity(p program.Program) string {
	parts := append([]string{p.Template}, p.Tables...)
	for _, s := range p.Slots {
		if s.Type == program.Column || s.Type == program.Aggregate || s.Type == program.Enum {
			parts = append(parts, fmt.Sprintf("%s=%v", s.Name, s.Default))
		}
	}
	return strings.Join(parts, "\x00")
}

// renewal says what generating a program again does to it.
func renewal(old Record, p program.Program) string {
	switch {
	case old.RetiredAt != nil && old.replaceable():
		return "restored"
	case old.Program.Cue != p.Cue && old.replaceable():
		return "updated"
	}
	return "kept"
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// dispose does with a program that is not generated now what its fate says.
func (s *Store) dispose(ctx context.Context, tx meta.Querier, k keyed, f Fate) (Alteration, error) {
	a := Alteration{ProgramID: k.ID, Cue: k.Program.Cue, Reason: f.Reason}
	switch {
	case f.Keep && k.RetiredAt != nil:
		a.Kind, a.Reason = "restored", "it runs again"
		_, err := tx.ExecContext(ctx, `UPDATE queryprograms SET retired_at = NULL, retired_reason = '' WHERE id = ?`, k.ID)
		return a, err
	case f.Keep:
		a.Kind, a.Reason = "kept", "it still runs"
		return a, nil
	case k.key != "" && k.replaceable() && !f.Ran && k.RetiredAt == nil:
		a.Kind = "removed"
		_, err := tx.ExecContext(ctx, `DELETE FROM queryprograms WHERE id = ?`, k.ID)
		return a, err
	case f.Reason == "" || k.RetiredAt != nil && k.RetiredReason == f.Reason:
		return Alteration{}, nil
	}
	a.Kind = "retired"
	_, err := tx.ExecContext(ctx, `UPDATE queryprograms SET retired_at = coalesce(retired_at, ?), retired_reason = ? WHERE id = ?`, meta.Micros(s.now()), f.Reason, k.ID)
	return a, err
}

// maxGenerations is how many generations of a dataset are remembered.
const maxGenerations = 20

func (s *Store) saveAlterations(ctx context.Context, tx meta.Querier, g Regeneration, done []Alteration) error {
	if g.JobID == "" {
		return nil
	}
	for i, a := range done {
		_, err := tx.ExecContext(ctx, `INSERT INTO queryprogram_changes (dataset_id, job_id, place, data_version, program_id, kind, cue, reason, at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, g.DatasetID, g.JobID, i, g.DatasetVersion, a.ProgramID, a.Kind, a.Cue, a.Reason, meta.Micros(s.now()))
		if err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM queryprogram_changes WHERE dataset_id = ? AND job_id NOT IN
		(SELECT job_id FROM queryprogram_changes WHERE dataset_id = ? GROUP BY job_id ORDER BY max(at) DESC, job_id DESC LIMIT ?)`, g.DatasetID, g.DatasetID, maxGenerations)
	return err
}

// Generations returns what the newest generations did to the programs of a dataset,
// the newest first.
func (s *Store) Generations(ctx context.Context, datasetID string) (_ []Generation, err error) {
	defer errs.Wrap(&err, "program.Generations(%s)", datasetID)
	type one struct {
		Generation
		Alteration
	}
	list, err := meta.All(ctx, s.DB.Read(), func(row meta.Row) (o one, err error) {
		var at int64
		err = row.Scan(&o.JobID, &o.DatasetVersion, &o.ProgramID, &o.Kind, &o.Cue, &o.Reason, &at)
		o.At = meta.Time(at)
		return o, err
	}, `SELECT job_id, data_version, program_id, kind, cue, reason, at FROM queryprogram_changes WHERE dataset_id = ? ORDER BY at DESC, job_id DESC, place`, datasetID)
	all := []Generation{}
	for _, o := range list {
		if n := len(all); n == 0 || all[n-1].JobID != o.JobID {
			all = append(all, o.Generation)
		}
		last := &all[len(all)-1]
		last.Alterations = append(last.Alterations, o.Alteration)
	}
	return all, err
}

// OfDataset returns every program of the dataset, also deleted ones, with the key
// that it was generated under; empty for what a person wrote.
func (s *Store) OfDataset(ctx context.Context, datasetID string) (_ []Record, keys []string, err error) {
	defer errs.Wrap(&err, "program.OfDataset(%s)", datasetID)
	known, err := meta.All(ctx, s.DB.Read(), scanKeyed,
		`SELECT `+columns+`, gen_key FROM queryprograms WHERE dataset_id = ? ORDER BY created_at, place, id`, datasetID)
	var all []Record
	for _, k := range known {
		all, keys = append(all, k.Record), append(keys, k.key)
	}
	return all, keys, err
}
