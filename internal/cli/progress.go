package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// errUpstream marks a run that failed because of the other API.
var errUpstream = errors.New("the other API failed")

// A jobState is a job as the server shows it.
type jobState struct {
	ID       string  `json:"id"`
	Type     string  `json:"job_type"`
	Status   string  `json:"status"`
	Phase    string  `json:"phase"`
	Message  string  `json:"message"`
	Progress float64 `json:"progress"`
	Stats    struct {
		Pages   int64  `json:"pages"`
		Records int64  `json:"records"`
		Bytes   int64  `json:"bytes"`
		Waiting string `json:"waiting"`
	} `json:"stats"`
	Error *struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Detail string `json:"detail"`
	} `json:"error"`
}

func (j jobState) ended() bool {
	return j.Status == "completed" || j.Status == "failed" || j.Status == "canceled" || j.Status == "error"
}

// failure returns why the job did not complete; nil if it did.
func (j jobState) failure() error {
	if j.Status == "completed" {
		return nil
	}
	text := "the run was " + j.Status
	if j.Error != nil {
		text = j.Error.Detail
		if j.Error.Title == "upstream" {
			return fmt.Errorf("%w: %s", errUpstream, text)
		}
	}
	return errors.New(text)
}

// follow shows the job's progress until it ends. When ctx ends first, the job is
// cancelled.
func (c *commands) follow(ctx context.Context, s *session, id, title string) (jobState, error) {
	show := c.progress(title)
	defer show.close()
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	started := time.Now()
	for {
		var j jobState
		if err := s.call(ctx, "GET", "/v1/jobs/"+id, nil, nil, &j); err != nil {
			if ctx.Err() == nil {
				return j, err
			}
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := s.call(late, "POST", "/v1/jobs/"+id+"/cancel", nil, map[string]any{}, nil); err != nil {
				return j, errors.Join(ctx.Err(), err)
			}
			return j, ctx.Err()
		}
		show.update(j, time.Since(started))
		if j.ended() {
			return j, j.failure()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// A display shows how a job gets on.
type display interface {
	update(j jobState, elapsed time.Duration)
	close()
}

func (c *commands) progress(title string) display {
	switch {
	case c.quiet:
		return quietly{}
	case isTerminal(c.env.Stderr):
		return newBar(c.env.Stderr, title)
	}
	return &lines{w: c.env.Stderr, title: title}
}

type quietly struct{}

func (quietly) update(jobState, time.Duration) {}
func (quietly) close()                         {}

// lines writes a line when something changed, at most one in ten seconds, and
// one at the end: for logs and pipes.
type lines struct {
	w     io.Writer
	title string
	next  time.Duration
	last  string
}

func (l *lines) update(j jobState, elapsed time.Duration) {
	text := state(j, elapsed)
	if j.ended() || elapsed >= l.next && text != l.last {
		fmt.Fprintf(l.w, "%s: %s\n", l.title, text)
		l.next, l.last = elapsed+10*time.Second, text
	}
}

func (l *lines) close() {}

// state says how far a job is: pages, rows, bytes, rate, and what it waits for.
func state(j jobState, elapsed time.Duration) string {
	var parts []string
	if j.Stats.Pages > 0 {
		parts = append(parts, count(j.Stats.Pages)+" pages")
	}
	if j.Stats.Records > 0 {
		rate := float64(j.Stats.Records) / max(elapsed.Seconds(), 0.001)
		parts = append(parts, count(j.Stats.Records)+" rows", bytesText(j.Stats.Bytes), count(int64(rate))+" rows/s")
	}
	what := j.Status
	switch {
	case j.Stats.Waiting != "":
		what = j.Stats.Waiting
	case !j.ended() && j.Phase != "":
		what = strings.ReplaceAll(j.Phase, "_", " ")
	}
	return printable(strings.Join(append([]string{what}, parts...), " · "))
}

// bar draws a progress bar on a terminal.
type bar struct {
	all  *mpb.Progress
	bar  *mpb.Bar
	text string
}

func newBar(w io.Writer, title string) *bar {
	b := &bar{}
	b.all = mpb.New(mpb.WithOutput(w), mpb.WithWidth(32), mpb.WithRefreshRate(100*time.Millisecond))
	b.bar = b.all.AddBar(1000,
		mpb.PrependDecorators(decor.Name(title+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return b.text })))
	return b
}

func (b *bar) update(j jobState, elapsed time.Duration) {
	b.text = state(j, elapsed)
	b.bar.SetCurrent(int64(j.Progress * 10))
	if j.ended() {
		b.bar.SetTotal(-1, j.Status == "completed")
	}
}

func (b *bar) close() {
	b.bar.Abort(false)
	b.all.Wait()
}
