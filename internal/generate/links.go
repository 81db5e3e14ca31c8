package generate

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/generate/link"
	"millwright/internal/generate/template"
	"millwright/internal/job"
	"millwright/internal/profile"
	"millwright/internal/program"
)

// LinkEvent tells a job's subscribers of a column that points at another dataset.
const LinkEvent = "link.found"

// maxOthers is how many other datasets of a project are searched for keys, the newest.
const maxOthers = 24

// maxProfile is the size of a profile that is not searched: it has thousands of columns.
const maxProfile = 8 << 20

// A linking is what a search for links came to.
type linking struct {
	links []template.Link          // of the dataset's own columns
	own   []link.Record            // the same, to be remembered
	back  map[string][]link.Record // of other datasets, by id, that point at this one now, or no longer do
	jobs  []job.NewJob             // that make programs of what is new in back
}

// What bounds the comparisons of one search, those with all other datasets together.
const (
	maxCompared   = 60
	linkBudget    = 15 * time.Second
	compareWithin = 5 * time.Second
)

// sparing runs so many programs at most, and none once the time for them is over: a
// search that finds less is better than one that holds everything up.
type sparing struct {
	Runner
	until time.Time
	left  int
}

// Run runs the program, or says that there is no time for it.
func (r *sparing) Run(ctx context.Context, p program.Program) (Result, error) {
	if r.left--; r.left < 0 || time.Now().After(r.until) {
		return Result{}, errs.New(errs.TooLarge, "too many columns to compare")
	}
	ctx, cancel := context.WithTimeout(ctx, compareWithin)
	defer cancel()
	return r.Runner.Run(ctx, p)
}

// A peer is another dataset of the project that was analysed.
type peer struct {
	dataset.Dataset
	profile *profile.Profile
}

// link finds what the dataset points at, and what points at the dataset.
func (s *Service) link(ctx context.Context, d dataset.Dataset, p *profile.Profile) (linking, error) {
	peers, err := s.peers(ctx, d)
	if err != nil || len(peers) == 0 {
		return linking{}, err
	}
	run := &sparing{Runner: NewRunner(s.Evaluator, d.ProjectID), until: time.Now().Add(linkBudget), left: maxCompared}
	others := make([]*profile.Profile, len(peers))
	byTable := map[string]dataset.Dataset{d.TableName: d}
	for i, o := range peers {
		others[i] = o.profile
		byTable[o.profile.Table] = o.Dataset
	}
	found, err := link.Find(ctx, run, p, others)
	if err != nil {
		return linking{}, err
	}
	l := linking{own: records(d, byTable, found), back: map[string][]link.Record{}}
	for _, f := range found {
		l.links = append(l.links, f.Link)
	}
	for _, o := range peers {
		if err := s.linkBack(ctx, run, d, p, o, byTable, &l); err != nil {
			return linking{}, err
		}
	}
	return l, nil
}

// linkBack finds whether the other dataset points at d.
func (s *Service) linkBack(ctx context.Context, run link.Runner, d dataset.Dataset, p *profile.Profile, o peer, byTable map[string]dataset.Dataset, l *linking) error {
	found, err := link.Find(ctx, run, o.profile, []*profile.Profile{p})
	if err != nil {
		return err
	}
	known, err := s.Links.Of(ctx, o.ID)
	if err != nil {
		return err
	}
	now := records(o.Dataset, byTable, found)
	for _, r := range known {
		// A column points at one dataset: what it points at elsewhere comes first.
		if r.OtherID != d.ID {
			now = append(without(now, r.Column), r)
		}
	}
	if link.Same(known, now) && len(found) == 0 {
		return nil
	}
	l.back[o.ID] = now
	if !link.Same(known, now) {
		l.jobs = append(l.jobs, job.NewJob{Type: JobType, ProjectID: o.ProjectID, Source: "datasource", SourceID: o.DatasourceID, SourceEventType: "link"})
	}
	return nil
}

func without(list []link.Record, column string) []link.Record {
	var kept []link.Record
	for _, r := range list {
		if r.Column != column {
			kept = append(kept, r)
		}
	}
	return kept
}

// peers returns the other datasets of the project that were analysed, the newest first.
func (s *Service) peers(ctx context.Context, d dataset.Dataset) ([]peer, error) {
	all, err := s.Datasets.ByProject(ctx, d.ProjectID)
	if err != nil {
		return nil, err
	}
	var peers []peer
	for i := len(all) - 1; i >= 0 && len(peers) < maxOthers; i-- {
		o := all[i]
		if o.ID == d.ID || o.DatasourceID == "" {
			continue
		}
		mark, err := s.Datasets.NewestProfileMark(ctx, o.ID, o.Version)
		if errs.KindOf(err) == errs.NotFound || mark.Bytes > maxProfile {
			continue
		}
		if err != nil {
			return nil, err
		}
		text, err := s.Datasets.NewestProfile(ctx, o.ID, o.Version)
		if err != nil {
			return nil, err
		}
		p := &profile.Profile{}
		if err := json.Unmarshal(text, p); err != nil {
			return nil, errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
		}
		peers = append(peers, peer{o, p})
	}
	return peers, nil
}

// records returns what was found as it is remembered.
func records(d dataset.Dataset, byTable map[string]dataset.Dataset, found []link.Found) []link.Record {
	var out []link.Record
	for _, f := range found {
		o := byTable[f.To.Table]
		out = append(out, link.Record{ProjectID: d.ProjectID, DatasetID: d.ID, Column: f.Column.Name, OtherID: o.ID, OtherColumn: f.Key.Name,
			Version: d.Version, OtherVersion: o.Version, Values: f.Rows, Matched: f.Matched, Distinct: f.Distinct,
			DistinctMatched: f.DistinctMatched, Keys: f.Keys, Names: f.Names})
	}
	return out
}

// saveLinksTx remembers what was found, tells the job's subscribers, and returns the
// jobs that come next.
func (s *Service) saveLinksTx(ctx context.Context, tx *sql.Tx, run *job.Run, d dataset.Dataset, l linking) ([]job.NewJob, error) {
	if err := s.Links.ReplaceTx(ctx, tx, d.ID, l.own); err != nil {
		return nil, err
	}
	for id, links := range l.back {
		if err := s.Links.ReplaceTx(ctx, tx, id, links); err != nil {
			return nil, err
		}
	}
	for _, r := range l.own {
		event := map[string]any{"column": r.Column, "dataset_id": r.OtherID, "key": r.OtherColumn, "values": r.Values, "matched": r.Matched}
		if err := run.EmitTx(ctx, tx, LinkEvent, event); err != nil {
			return nil, err
		}
	}
	return l.jobs, nil
}
