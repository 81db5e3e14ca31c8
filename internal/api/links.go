package api

import (
	"context"
	"time"

	"millwright/internal/generate/link"
)

// A Link says that a column of a dataset holds keys of another.
type Link struct {
	DatalineID      string    `json:"dataline_id" doc:"Whose column it is"`
	Column          string    `json:"column"`
	OtherID         string    `json:"other_id" doc:"The dataset that the column points at"`
	OtherColumn     string    `json:"other_column" doc:"Its key: each value stands there once"`
	Version         int64     `json:"version" doc:"Of the dataset, when it was counted"`
	OtherVersion    int64     `json:"other_version"`
	Values          int64     `json:"values" doc:"Rows that hold a value"`
	Matched         int64     `json:"matched" doc:"Of these whose value is a key of the other; at least 99%"`
	Distinct        int64     `json:"distinct" doc:"Different values"`
	DistinctMatched int64     `json:"distinct_matched"`
	Keys            int64     `json:"keys" doc:"Of the other dataset"`
	Names           string    `json:"names" doc:"Why the names go together; empty if only the values do"`
	FoundAt         time.Time `json:"found_at"`
}

func linkOf(r link.Record) Link {
	return Link{DatalineID: r.DatasetID, Column: r.Column, OtherID: r.OtherID, OtherColumn: r.OtherColumn, Version: r.Version, OtherVersion: r.OtherVersion,
		Values: r.Values, Matched: r.Matched, Distinct: r.Distinct, DistinctMatched: r.DistinctMatched, Keys: r.Keys, Names: r.Names, FoundAt: r.FoundAt}
}

func (s *Server) links(ctx context.Context, in *IDInput) (*out[[]Link], error) {
	d, err := s.dataset(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.Links.ByProject(ctx, d.ProjectID)
	if err != nil {
		return nil, err
	}
	own := []link.Record{}
	for _, r := range all {
		if r.DatasetID == d.ID || r.OtherID == d.ID {
			own = append(own, r)
		}
	}
	return okList(each(own, linkOf)), nil
}
