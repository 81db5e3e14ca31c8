package api

import (
	"context"
	"time"

	"millwright/internal/program/store"
)

// A ProgramRun is one execution in a program's history.
type ProgramRun struct {
	ID              string             `json:"id"`
	QueryProgramID  string             `json:"query_program_id"`
	Version         int64              `json:"version" doc:"Of the program"`
	Timestamp       time.Time          `json:"timestamp"`
	ExecutionTime   float64            `json:"execution_time" doc:"Seconds"`
	Success         bool               `json:"success"`
	Cached          bool               `json:"cached" doc:"Nothing was run: the answer was there"`
	RowCount        int64              `json:"row_count"`
	Truncated       bool               `json:"truncated" doc:"Whether a limit left rows out"`
	Error           OrNull[RunFailure] `json:"error"`
	Result          map[string]any     `json:"result" doc:"Row count, or the error, for clients that know nothing else"`
	DatasetVersions map[string]int64   `json:"dataset_versions" doc:"The version of each table that was read"`
}

// A RunFailure is why a run failed.
type RunFailure struct {
	Type   string `json:"type" doc:"Stable name of the problem, for programs" example:"query-timeout"`
	Detail string `json:"detail" doc:"What the caller was told"`
}

func runWire(r store.Run) ProgramRun {
	w := ProgramRun{ID: r.ID, QueryProgramID: r.ProgramID, Version: r.Version, Timestamp: r.At, ExecutionTime: r.Duration.Seconds(), Success: r.Success,
		Cached: r.Cached, RowCount: r.Rows, Truncated: r.Truncated, DatasetVersions: r.DatasetVersions,
		Result: map[string]any{"row_count": r.Rows, "cached": r.Cached}}
	if !r.Success {
		w.Error = OrNull[RunFailure]{&RunFailure{Type: r.ErrorType, Detail: r.Error}}
		w.Result = map[string]any{"error": r.Error}
	}
	return w
}

func (s *Server) programHistory(ctx context.Context, in *struct {
	IDInput
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many"`
	Skip    int    `query:"skip" minimum:"0" doc:"Leave out so many of the newest"`
	Success string `query:"success" enum:"true,false" doc:"Only runs that succeeded, or that failed"`
	Cached  string `query:"cached" enum:"true,false" doc:"Only runs that were answered from what was known, or not"`
	Version int64  `query:"version" minimum:"0" doc:"Only runs of this version of the program"`
}) (*out[[]ProgramRun], error) {
	if _, err := s.program(ctx, in.ID); err != nil {
		return nil, err
	}
	runs, err := s.Programs.History(ctx, in.ID, store.RunFilter{Success: truth(in.Success), Cached: truth(in.Cached), Version: in.Version, Skip: in.Skip, Limit: in.Limit})
	return okList(each(runs, runWire)), err
}

// truth reads "true" and "false"; anything else says neither.
func truth(text string) *bool {
	if text == "" {
		return nil
	}
	is := text == "true"
	return &is
}
