package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millwright/internal/errs"
)

// A jobState is a job as the server shows it.
type jobState struct {
	ID       string  `json:"id"`
	SourceID string  `json:"source_id"`
	Type     string  `json:"job_type"`
	Status   string  `json:"status"`
	Phase    string  `json:"phase"`
	Message  string  `json:"message"`
	Progress float64 `json:"progress"` // percent; 0 while unknown
	Stats    struct {
		Pages        int64      `json:"pages"`
		Records      int64      `json:"records"`
		Bytes        int64      `json:"bytes"`
		Waiting      string     `json:"waiting"`
		WaitingUntil *time.Time `json:"waiting_until"`
	} `json:"stats"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	Error      *struct {
		Type   string    `json:"type"`
		Kind   errs.Kind `json:"kind"`
		Detail string    `json:"detail"`
		Fixes  []string  `json:"fixes"`
	} `json:"error"`
}

func (j jobState) ended() bool {
	return j.Status == "completed" || j.Status == "failed" || j.Status == "canceled"
}

// failure returns why the job did not complete; nil if it did.
func (j jobState) failure() error {
	switch {
	case j.Status == "completed":
		return nil
	case j.Error == nil:
		return errs.New(errs.Canceled, "the run was %s", j.Status)
	}
	return errs.New(j.Error.Kind, "%s", j.Error.Detail).Named(j.Error.Type).Fix(j.Error.Fixes...)
}

// pollEvery is how often a job is looked at: often enough to look alive.
const pollEvery = 150 * time.Millisecond

// follow shows the job's progress until it ends. When ctx ends first, the job is
// cancelled, and follow returns once it has ended.
func (c *commands) follow(ctx context.Context, s *session, id, title string) (jobState, error) {
	show := c.progress(title)
	defer show.close()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	m := meter{started: time.Now()}
	for {
		j, err := s.job(ctx, id)
		if ctx.Err() != nil {
			return j, errors.Join(ctx.Err(), s.cancel(context.WithoutCancel(ctx), id))
		}
		if err != nil {
			return j, err
		}
		show.update(j, m.read(j, time.Now()))
		if j.ended() {
			return j, j.failure()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (s *session) job(ctx context.Context, id string) (jobState, error) {
	var j jobState
	return j, s.call(ctx, "GET", "/v1/jobs/"+id, nil, nil, &j)
}

// cancel cancels the job and waits a while for its end, so that nothing of it
// is written later.
func (s *session) cancel(ctx context.Context, id string) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	if err := s.call(ctx, "POST", "/v1/jobs/"+id+"/cancel", nil, map[string]any{}, nil); err != nil {
		return err
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		j, err := s.job(ctx, id)
		if err != nil || j.ended() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// A meter tells how far a job is, in words.
type meter struct {
	started time.Time
	records int64
	rate    float64 // records per second, when the last of them came
}

// read returns pages, rows, bytes, rate, and what the job does or waits for.
func (m *meter) read(j jobState, now time.Time) string {
	begun := m.started
	if j.StartedAt != nil && j.StartedAt.Before(now) {
		begun = *j.StartedAt
	}
	if j.FinishedAt != nil {
		now = *j.FinishedAt
	}
	elapsed := max(now.Sub(begun).Seconds(), 0.001)
	if j.Stats.Records > m.records && (!j.ended() || m.records == 0) {
		m.records, m.rate = j.Stats.Records, float64(j.Stats.Records)/elapsed
	}
	parts := []string{}
	if what := activity(j, elapsed, now); what != "" {
		parts = append(parts, what)
	}
	if j.Stats.Pages > 0 {
		parts = append(parts, plural(j.Stats.Pages, "page"))
	}
	if j.Stats.Records > 0 {
		parts = append(parts, plural(j.Stats.Records, "row"), bytesText(j.Stats.Bytes), plural(int64(m.rate), "row")+"/s")
	}
	return printable(strings.Join(parts, ", "))
}

// activity says what the job does; empty while its numbers say it.
func activity(j jobState, elapsed float64, now time.Time) string {
	switch {
	case j.Status == "completed":
		return fmt.Sprintf("done in %.1f s", elapsed)
	case j.ended():
		return fmt.Sprintf("%s after %.1f s", j.Status, elapsed)
	case j.Stats.Waiting != "":
		wait := "waiting"
		if until := j.Stats.WaitingUntil; until != nil && until.After(now) {
			wait = fmt.Sprintf("waiting %.0f s", until.Sub(now).Seconds()+0.5)
		}
		return wait + " (" + j.Stats.Waiting + ")"
	case j.Status == "pending":
		return "waiting for its turn"
	case j.Stats.Pages > 0 && j.Phase == "fetch":
		return ""
	}
	return or(j.Message, "starting")
}

// A display shows how a job gets on.
type display interface {
	update(j jobState, text string)
	close()
}

func (c *commands) progress(title string) display {
	switch {
	case c.quiet:
		return quietly{}
	case drawable(c.env.Stderr) && c.env.Getenv("TERM") != "dumb":
		return newBar(c.env.Stderr, title)
	}
	return &lines{w: c.env.Stderr, title: title, next: time.Now().Add(lineEvery)}
}

type quietly struct{}

func (quietly) update(jobState, string) {}
func (quietly) close()                  {}

// lineEvery is how often lines are written at most.
const lineEvery = 10 * time.Second

// lines writes a line every ten seconds and one at the end: for logs and pipes.
type lines struct {
	w     io.Writer
	title string
	next  time.Time
}

func (l *lines) update(j jobState, text string) { l.now(j, text, time.Now()) }

func (l *lines) now(j jobState, text string, now time.Time) {
	if j.ended() || !now.Before(l.next) {
		fmt.Fprintf(l.w, "    %s: %s\n", l.title, text)
		l.next = now.Add(lineEvery)
	}
}

func (l *lines) close() {}
