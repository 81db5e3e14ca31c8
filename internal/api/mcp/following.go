package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"millwright/internal/errs"
	"millwright/internal/job"
)

// A started is what the tools read of jobs that an operation began.
type started struct {
	Jobs []jobAnswer `json:"jobs"`
}

func (s started) ids() []string {
	ids := []string{}
	for _, j := range s.Jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// A jobAnswer is what the tools read of a job.
type jobAnswer struct {
	ID       string  `json:"id"`
	Type     string  `json:"job_type"`
	Status   string  `json:"status"`
	Phase    string  `json:"phase"`
	Progress float64 `json:"progress"`
	Message  string  `json:"message"`
	Error    *struct {
		Type   string    `json:"type"`
		Kind   errs.Kind `json:"kind"`
		Detail string    `json:"detail"`
		Fixes  []string  `json:"fixes"`
	} `json:"error"`
}

// failure returns why the job did not complete; nil if it did, or may yet.
func (j jobAnswer) failure() error {
	switch job.Status(j.Status) {
	case job.Failed:
		if j.Error == nil {
			return errs.New(errs.Unavailable, "the job %s failed", j.ID)
		}
		return errs.New(j.Error.Kind, "%s", withoutFixes(j.Error.Detail, j.Error.Fixes)).Named(j.Error.Type).Fix(j.Error.Fixes...)
	case job.Canceled:
		return errs.New(errs.Canceled, "the job was canceled").Named("job-canceled")
	}
	return nil
}

// fetch begins the jobs that POST path begins, follows them to their end, and
// returns what there is then. If the call is canceled, so are they.
func (c *call) fetch(ctx context.Context, project, datasource, path string, body any, done float64) (Landed, error) {
	out := Landed{DatasourceID: datasource, Jobs: []string{}, Datasets: []Dataset{}, Questions: []string{}}
	var s started
	if err := c.operate(ctx, "POST", path, nil, body, &s); err != nil {
		return out, err
	}
	out.Jobs = s.ids()
	total := done + float64(len(s.Jobs))
	for i, j := range s.Jobs {
		err := c.follow(ctx, j, done+float64(i), total)
		if ctx.Err() != nil {
			c.cancel(ctx, s.ids()[i:])
			return out, ctx.Err()
		}
		if err != nil {
			return out, err
		}
	}
	all, err := listDatasets(ctx, c, InProject{project})
	if err != nil {
		return out, err
	}
	programs, err := c.programs(ctx, project)
	if err != nil {
		return out, err
	}
	for _, d := range all.Datasets {
		if d.DatasourceID != datasource {
			continue
		}
		out.Datasets = append(out.Datasets, d)
		for _, p := range programs {
			if slices.Contains(p.Tables, d.TableName) && len(out.Questions) < maxPrograms {
				out.Questions = append(out.Questions, p.Question)
			}
		}
	}
	return out, nil
}

// follow waits for the end of a job, tells the agent how far it is, and returns why
// it failed.
func (c *call) follow(ctx context.Context, j jobAnswer, done, total float64) error {
	events, err := c.server.Events(c.caller.enter(ctx), j.ID)
	if err != nil {
		return err
	}
	for e := range events {
		c.progress(ctx, done+e.Progress, total, spoken(j, e))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := c.operate(ctx, "GET", "/v1/jobs/"+url.PathEscape(j.ID), nil, nil, &j); err != nil {
		return err
	}
	return j.failure()
}

// spoken says in words how far a job is.
func spoken(j jobAnswer, e job.Event) string {
	var data struct {
		Phase, Message string
		Pages, Records int64
	}
	// Events that hold something else just say less.
	_ = json.Unmarshal(e.Data, &data)
	text := j.Type
	for _, part := range []string{data.Phase, data.Message} {
		if part != "" && part != text {
			text += ", " + part
		}
	}
	if data.Records > 0 {
		text += fmt.Sprintf(", %d pages, %d records", data.Pages, data.Records)
	}
	return text
}

// cancel stops jobs whose call has ended.
func (c *call) cancel(ctx context.Context, ids []string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	for _, id := range ids {
		// Those after the first end with it; one that has ended need not be stopped.
		if err := c.operate(ctx, "POST", "/v1/jobs/"+url.PathEscape(id)+"/cancel", nil, map[string]any{}, nil); err != nil {
			c.server.report(ctx, "cancel", err)
		}
	}
}

// A JobQuestion names a job.
type JobQuestion struct {
	Job string `json:"job" jsonschema:"Id of the job"`
}

// A JobState is what job_status returns.
type JobState struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Status   string   `json:"status" jsonschema:"pending, running, completed, failed or canceled"`
	Phase    string   `json:"phase"`
	Percent  float64  `json:"percent"`
	Message  string   `json:"message"`
	Problem  string   `json:"problem" jsonschema:"Why it failed; empty if it did not"`
	WhatToDo []string `json:"what_to_do"`
}

func jobStatus(ctx context.Context, c *call, in JobQuestion) (JobState, error) {
	var j jobAnswer
	if err := c.operate(ctx, "GET", "/v1/jobs/"+url.PathEscape(in.Job), nil, nil, &j); err != nil {
		return JobState{}, err
	}
	out := JobState{ID: j.ID, Type: j.Type, Status: j.Status, Phase: j.Phase, Percent: j.Progress, Message: j.Message, WhatToDo: []string{}}
	if j.Error != nil {
		out.Problem, out.WhatToDo = withoutFixes(j.Error.Detail, j.Error.Fixes), append(out.WhatToDo, j.Error.Fixes...)
	}
	return out, nil
}
