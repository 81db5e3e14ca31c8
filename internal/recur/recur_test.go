package recur_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millwright/internal/meta/metatest"
	"millwright/internal/recur"
	"millwright/internal/schedule"
)

// TestTheRunnerStartsRunsWhenTheirTimeHasCome runs hours of a schedule in simulated
// time.
func TestTheRunnerStartsRunsWhenTheirTimeHasCome(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db := metatest.OpenAt(t, filepath.Join(dir, "meta.db"))
		metatest.Projects(t, db, "p")
		metatest.Datasource(t, db, "p", "d")
		var log bytes.Buffer
		begun := time.Now()
		var started []time.Duration
		broken := 0
		var mu sync.Mutex // guards started and broken
		r := &recur.Runner{Schedules: &schedule.Store{DB: db, Now: time.Now}, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Start: func(context.Context, *sql.Tx, schedule.Schedule) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				if broken > 0 {
					broken--
					return "", errors.New("the disk is full")
				}
				started = append(started, time.Since(begun))
				return "job", nil
			}}
		if _, err := r.Schedules.Set(t.Context(), "d", schedule.Setting{Timing: schedule.Timing{Every: "5m"}}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(12 * time.Minute)
		mu.Lock()
		if len(started) != 2 || started[0] != 5*time.Minute || started[1] != 10*time.Minute {
			t.Errorf("started after %v, want 5m and 10m", started)
		}
		broken = 3
		mu.Unlock()
		time.Sleep(5 * time.Minute)
		mu.Lock()
		if len(started) != 3 || started[2] != 15*time.Minute+30*time.Second {
			t.Errorf("started after %v, want one at 15m30s, after three failures with a rest after each", started)
		}
		mu.Unlock()
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := strings.Count(log.String(), "could not start a scheduled run"); n != 3 {
			t.Errorf("told %d times of 3 failures:\n%s", n, &log)
		}
	})
}
