package job_test

import (
	"context"
	"strings"
	"testing"

	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

// A line is a run and what follows it.
type line struct{ run, study, ask job.Job }

func submitLine(t *testing.T, r *job.Runner, source string) (l line) {
	l.run = submit(t, r, job.NewJob{Type: "run", SourceID: source})
	l.study = submit(t, r, job.NewJob{Type: "study", SourceID: source, ParentID: l.run.ID, AfterParent: true})
	l.ask = submit(t, r, job.NewJob{Type: "ask", SourceID: source, ParentID: l.study.ID, AfterParent: true})
	return l
}

// Of runs that end before their data were looked at the last one is looked at; what
// waits for a run that is at work still is nobody's excuse.
func TestOnlyTheNewestOfWhatIsDueIsDone(t *testing.T) {
	t.Parallel()
	did := make(chan string, 100)
	free, hold, begun, slow := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	note := func(_ context.Context, run *job.Run) error {
		did <- run.Job.Type + " " + string(run.Job.ID)
		return nil
	}
	r := newRunner(t, metatest.Open(t), map[string]job.Handler{
		"run": func(_ context.Context, run *job.Run) error {
			if run.Job.SourceID == "slow" {
				close(begun)
				<-slow
			}
			return nil
		},
		"study": job.Newest(note), "ask": job.Newest(note),
		"wait": func(context.Context, *job.Run) error { <-free; return nil },
		"hold": func(context.Context, *job.Run) error { <-hold; return nil },
	}, job.Config{Workers: 2, Aside: []string{"wait", "hold", "study", "ask"}})
	start(t, r)
	done := func(j job.Job, skipped bool) {
		t.Helper()
		end := wait(t, r, j.ID)
		if end.Status != job.Completed || skipped != strings.Contains(end.Message, "left to a later job") {
			t.Errorf("the %s is %s: %q", j.Type, end.Status, end.Message)
		}
	}
	// Nobody has time to look while three runs of one source and one of another end.
	submit(t, r, job.NewJob{Type: "wait"})
	var lines []line
	for range 3 {
		l := submitLine(t, r, "busy")
		wait(t, r, l.run.ID)
		lines = append(lines, l)
	}
	other := submitLine(t, r, "other")
	wait(t, r, other.run.ID)
	alone := submit(t, r, job.NewJob{Type: "study", SourceID: "busy"}) // younger, but nothing is asked behind it
	close(free)
	for i, l := range lines {
		done(l.study, i < 2)
		done(l.ask, i < 2)
	}
	done(other.study, false)
	done(other.ask, false)
	done(alone, false)
	if len(did) != 5 {
		t.Errorf("%d jobs were done, want 5", len(did))
	}
	// A younger one waits for a run that is at work for long.
	submit(t, r, job.NewJob{Type: "hold"})
	first := submit(t, r, job.NewJob{Type: "study", SourceID: "slow"})
	second := submitLine(t, r, "slow")
	<-begun
	close(hold)
	done(first, false)
	close(slow)
	done(second.ask, false)
}
