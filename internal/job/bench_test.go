package job_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"millwright/internal/job"
	"millwright/internal/meta/metatest"
)

// BenchmarkNoop measures jobs a second, from a backlog that is there already.
func BenchmarkNoop(b *testing.B) {
	ran := make(chan struct{}, b.N)
	db := metatest.Open(b)
	r := newRunner(b, db, map[string]job.Handler{"x": func(context.Context, *job.Run) error {
		ran <- struct{}{}
		return nil
	}}, job.Config{Workers: 8})
	err := db.Tx(b.Context(), func(tx *sql.Tx) error {
		for range b.N {
			if _, err := r.SubmitTx(b.Context(), tx, job.NewJob{Type: "x"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	start(b, r)
	for range b.N {
		<-ran
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkStart measures from Submit's call to the handler's first instruction.
func BenchmarkStart(b *testing.B) {
	began := make(chan time.Time, 1)
	r := newRunner(b, metatest.Open(b), map[string]job.Handler{"x": func(context.Context, *job.Run) error {
		began <- time.Now()
		return nil
	}}, job.Config{})
	start(b, r)
	var took []time.Duration
	for b.Loop() {
		at := time.Now()
		j := submit(b, r, job.NewJob{Type: "x"})
		took = append(took, (<-began).Sub(at))
		wait(b, r, j.ID)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
