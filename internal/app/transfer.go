package app

import (
	"context"
	"encoding/json"

	"millwright/internal/evaluate"
	"millwright/internal/program"
	"millwright/internal/publish"
)

// exportedAPIs returns the published APIs of a project for its file. They are for
// people to read: nothing is published by importing them.
func exportedAPIs(s *publish.Service) func(context.Context, string) ([]json.RawMessage, error) {
	return func(ctx context.Context, projectID string) ([]json.RawMessage, error) {
		list, err := s.APIs(ctx, projectID)
		if err != nil {
			return nil, err
		}
		all := []json.RawMessage{}
		for _, a := range list {
			endpoints := []map[string]any{}
			for _, e := range a.Live() {
				endpoints = append(endpoints, map[string]any{"id": e.ID, "queryprogram_id": e.ProgramID, "name": e.Name, "path": e.Path, "method": e.Method,
					"description": e.Description, "status": e.Status})
			}
			text, err := json.Marshal(map[string]any{"id": a.ID, "name": a.Name, "slug": a.Slug, "base_path": a.Slug, "version": a.Version,
				"description": a.Description, "status": a.Status, "endpoints": endpoints})
			if err != nil {
				return nil, err
			}
			all = append(all, text)
		}
		return all, nil
	}
}

// checked returns a check of a program that does not run it.
func checked(e *evaluate.Evaluator) func(context.Context, string, program.Program) error {
	return func(ctx context.Context, projectID string, p program.Program) error {
		_, err := e.Validate(ctx, projectID, p)
		return err
	}
}
