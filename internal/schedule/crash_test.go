package schedule_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"millwright/internal/meta"
	"millwright/internal/meta/metatest"
	"millwright/internal/schedule"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("SCHEDULE_TEST_CRASH"); path != "" {
		fireUntilKilled(path)
	}
	os.Exit(m.Run())
}

// fireUntilKilled deals with one slot after the other and says so on standard output.
func fireUntilKilled(path string) {
	ctx := context.Background()
	db, err := meta.Open(ctx, path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	w := &world{}
	w.Store = &schedule.Store{DB: db, Now: func() time.Time { return w.now }}
	for {
		s, err := w.Get(ctx, "d")
		if err == nil {
			w.now = s.NextAt
			_, err = w.Fire(ctx, "d", w.start)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(w.now.Unix())
	}
}

// TestASlotHasOneRunWheneverTheServerDies kills a process in the midst of slots: each
// that passed has its run, and none has two.
func TestASlotHasOneRunWheneverTheServerDies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "meta.db")
	db, err := meta.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, db)
	w := &world{t: t, now: anchor}
	w.Store = &schedule.Store{DB: db, Now: func() time.Time { return w.now }}
	w.set(every("1m"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "SCHEDULE_TEST_CRASH="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewScanner(out)
		for n := rand.IntN(30) + 1; n > 0 && said.Scan(); n-- {
			acknowledged++
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for said.Scan() {
			acknowledged++
		}
		_ = cmd.Wait() // it was killed
	}
	w.DB = metatest.OpenAt(t, path)
	var runs, different int
	if err := w.DB.Read().QueryRowContext(t.Context(), `SELECT count(*), count(DISTINCT at) FROM runs`).Scan(&runs, &different); err != nil {
		t.Fatal(err)
	}
	passed := int(w.state().LastSlot.Sub(anchor) / time.Minute)
	if runs != passed || different != runs || runs < acknowledged || acknowledged < 10 {
		t.Errorf("%d runs of %d slots for %d slots that passed, %d of them acknowledged", runs, different, passed, acknowledged)
	}
	if s := w.state(); s.Skipped != 0 || s.Missed != 0 || s.Spans() != 1 {
		t.Errorf("skipped %d, missed %d, in %d spans", s.Skipped, s.Missed, s.Spans())
	}
}
