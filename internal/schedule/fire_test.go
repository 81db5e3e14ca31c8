package schedule_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millwright/internal/errs"
	"millwright/internal/meta/metatest"
	"millwright/internal/schedule"
)

func TestEachSlotStartsOneRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("6h"))
	if got := w.look(); len(got) != 0 {
		t.Errorf("a run at once: %v", got)
	}
	got := w.pass(24*time.Hour, 10*time.Minute)
	if d := cmp.Diff([]string{"18:00", "00:00", "06:00", "12:00"}, clocks(got)); d != "" || w.runs() != 4 {
		t.Errorf("%d runs; slots (-want +got):\n%s", w.runs(), d)
	}
	s := w.state()
	if s.Skipped != 0 || s.Missed != 0 || s.Message != "" || s.LastJobID != "job" || !s.NextSlot.Equal(anchor.Add(30*time.Hour)) || s.Spans() != 1 {
		t.Errorf("then: %+v", s)
	}
}

func TestSlotsMissedWhileNobodyLookedRunOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("1h"))
	w.pass(time.Hour, time.Minute)
	w.now = w.now.Add(3*time.Hour + 20*time.Minute) // the slots of 14:00 to 16:00
	if got := clocks(w.look()); !cmp.Equal(got, []string{"16:00"}) {
		t.Errorf("after the downtime: %v", got)
	}
	s := w.state()
	if s.Missed != 2 || !strings.Contains(s.Message, "2 slots") || s.Skipped != 0 {
		t.Errorf("missed %d, %q", s.Missed, s.Message)
	}
	if got := clocks(w.pass(2*time.Hour, time.Minute)); !cmp.Equal(got, []string{"17:00", "18:00"}) {
		t.Errorf("later: %v", got)
	}
	if s := w.state(); s.Message != "" || s.Missed != 2 || w.runs() != 4 {
		t.Errorf("%d runs, missed %d, %q", w.runs(), s.Missed, s.Message)
	}
}

func TestAVeryLongDowntimeIsMadeUpForQuickly(t *testing.T) {
	t.Parallel()
	for _, n := range []schedule.Setting{every("1m"), {Timing: schedule.Timing{Cron: "* * * * *", Zone: "Europe/Berlin"}}} {
		w := newWorld(t)
		w.set(n)
		w.now = w.now.AddDate(10, 0, 0)
		begun := time.Now()
		if got := w.look(); len(got) != 1 || w.now.Sub(got[0]) > time.Minute || w.state().Missed != 100_000 {
			t.Errorf("%v, missed %d", got, w.state().Missed)
		}
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("%v took %s", n.Timing, d)
		}
	}
}

func TestASlotIsSkippedWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("1h"))
	w.pass(time.Hour, time.Minute)
	w.busy = true
	if got := w.pass(150*time.Minute, time.Minute); len(got) != 0 {
		t.Errorf("a run beside the other: %v", got)
	}
	s := w.state()
	if s.Skipped != 2 || s.Message != "the slot of 2026-03-01 15:00:00 UTC was skipped: the run before it was not over" || w.runs() != 1 {
		t.Errorf("%d runs, skipped %d, %q", w.runs(), s.Skipped, s.Message)
	}
	w.busy = false
	if got := clocks(w.pass(time.Hour, time.Minute)); !cmp.Equal(got, []string{"16:00"}) || w.state().Message != "" {
		t.Errorf("then: %v, %q", got, w.state().Message)
	}
}

func TestAtMostOneSlotWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := every("1h")
	n.Overlap = "queue"
	w.set(n)
	w.busy = true
	w.pass(3*time.Hour+10*time.Minute, time.Minute)
	s := w.state()
	if !s.WaitingSlot.Equal(anchor.Add(time.Hour)) || s.Skipped != 2 || !strings.Contains(s.Message, "another run waits already") {
		t.Errorf("waiting %s, skipped %d, %q", s.WaitingSlot, s.Skipped, s.Message)
	}
	w.busy = false
	if got := clocks(w.pass(time.Minute, time.Minute)); !cmp.Equal(got, []string{"13:00"}) {
		t.Errorf("when the other is over: %v", got)
	}
	if s := w.state(); !s.WaitingSlot.IsZero() {
		t.Errorf("it still waits: %s", s.WaitingSlot)
	}
	if got := clocks(w.pass(time.Hour, time.Minute)); !cmp.Equal(got, []string{"16:00"}) || w.runs() != 2 {
		t.Errorf("then: %v, %d runs", got, w.runs())
	}
}

func TestAScheduleRests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := every("1h")
	n.Overlap = "queue"
	w.set(n)
	w.busy = true
	w.pass(time.Hour, time.Minute)
	s, err := w.Pause(t.Context(), "d")
	if err != nil || !s.Paused || len(s.Coming(5)) != 0 || !s.WaitingSlot.IsZero() || s.Skipped != 1 {
		t.Errorf("paused: %+v, %v", s, err)
	}
	w.busy = false
	if got := w.pass(5*time.Hour, time.Minute); len(got) != 0 {
		t.Errorf("while paused: %v", got)
	}
	// A look that began before the pause finds the clock set back.
	w.now = w.now.Add(-10 * time.Hour)
	if started, err := w.Fire(t.Context(), "d", w.start); started || err != nil || !w.state().NextSlot.IsZero() {
		t.Errorf("fired: %t, %v, next %s", started, err, w.state().NextSlot)
	}
	w.now = w.now.Add(10*time.Hour + 30*time.Minute)
	if s, err = w.Resume(t.Context(), "d"); err != nil || s.Paused || len(s.Coming(5)) != 5 {
		t.Errorf("resumed: %+v, %v", s, err)
	}
	if got := clocks(w.pass(time.Hour, time.Minute)); !cmp.Equal(got, []string{"19:00"}) || w.state().Missed != 0 {
		t.Errorf("then: %v, missed %d", got, w.state().Missed)
	}
}

func TestAFailedStart(t *testing.T) {
	t.Parallel()
	t.Run("that may pass is tried again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.set(every("1h"))
		w.now, w.refuse = w.now.Add(time.Hour), errs.New(errs.Unavailable, "the disk is full")
		before := w.state()
		if started, err := w.Fire(t.Context(), "d", w.start); started || errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%t, %v", started, err)
		}
		if s := w.state(); !s.NextSlot.Equal(before.NextSlot) || s.Skipped != 0 || w.runs() != 0 {
			t.Errorf("something has changed: %+v, %d runs", s, w.runs())
		}
		w.refuse = nil
		if got := clocks(w.look()); !cmp.Equal(got, []string{"13:00"}) || w.runs() != 1 {
			t.Errorf("then: %v", got)
		}
	})
	t.Run("that will not pass skips the slot", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.set(every("1h"))
		w.refuse = errs.New(errs.Conflict, "there is no stored request").Fix("make it once")
		w.pass(time.Hour, time.Minute)
		s := w.state()
		if w.runs() != 0 || s.Skipped != 1 || s.Message != "the slot of 2026-03-01 13:00:00 UTC was skipped: there is no stored request (make it once)" {
			t.Errorf("%d runs, skipped %d, %q", w.runs(), s.Skipped, s.Message)
		}
		w.refuse = nil
		if got := clocks(w.pass(time.Hour, time.Minute)); !cmp.Equal(got, []string{"14:00"}) {
			t.Errorf("then: %v", got)
		}
	})
}

func TestJitterDelaysEachRunByTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := every("1h")
	n.Jitter = "30m"
	s := w.set(n)
	delay := s.NextAt.Sub(s.NextSlot)
	if delay <= 0 || delay >= 30*time.Minute {
		t.Fatalf("delay %s", delay)
	}
	for range 3 {
		next := w.state()
		w.now = next.NextAt.Add(-time.Second)
		if got := w.look(); len(got) != 0 {
			t.Errorf("early: %v", got)
		}
		w.now = w.now.Add(time.Second)
		if got := w.look(); len(got) != 1 || !got[0].Equal(next.NextSlot) || w.now.Sub(got[0]) != delay {
			t.Errorf("at %s: %v, want %s", w.now, got, next.NextSlot)
		}
	}
}

func TestClockJumps(t *testing.T) {
	t.Parallel()
	for rule, jump := range map[string]time.Duration{
		"an hour ahead": time.Hour, "an hour back": -time.Hour, "a day ahead": 24 * time.Hour, "a day back": -24 * time.Hour,
		"ten years ahead": 87660 * time.Hour, "back to 1970": anchor.Sub(time.Unix(0, 0)) * -1,
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.set(every("15m"))
			all := w.pass(3*time.Hour, time.Minute)
			w.now = w.now.Add(jump)
			jumped := w.pass(2*time.Hour, time.Minute)
			w.now = w.now.Add(-jump)
			back := w.pass(5*time.Hour, time.Minute)
			all = append(append(all, jumped...), back...)
			if s, ok := twice(all); ok {
				t.Errorf("the slot of %s ran twice", s)
			}
			// After each jump a slot comes every 15 minutes, but for those that have run: a
			// clock that is wrong by an hour shows eight slots twice.
			if len(jumped) < 4 || len(back) < 12 {
				t.Errorf("%d runs after the jump, %d after the clock was put right", len(jumped), len(back))
			}
			if len(all) != w.runs() {
				t.Errorf("%d slots, %d runs", len(all), w.runs())
			}
		})
	}
}

// TestWhateverHappens lets the clock, runs and refusals do what they like.
func TestWhateverHappens(t *testing.T) {
	t.Parallel()
	shared := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{t: t, now: anchor}
		w.Store = &schedule.Store{DB: shared.DB, Now: func() time.Time { return w.now }}
		metatest.Exec(t, w.DB, `DELETE FROM schedules`)
		metatest.Exec(t, w.DB, `DELETE FROM runs`)
		n := schedule.Setting{Timing: timings().Draw(rt, "timing"), Overlap: rapid.SampledFrom([]string{"skip", "queue"}).Draw(rt, "overlap")}
		first := w.set(n)
		var all []time.Time
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "what") {
			case 0:
				w.now = w.now.Add(time.Duration(rapid.Int64Range(-72, 72).Draw(rt, "hours")) * time.Hour)
			case 1:
				w.busy = !w.busy
			case 2:
				w.now = w.now.Add(time.Duration(rapid.Int64Range(-900, 900).Draw(rt, "seconds")) * time.Second)
			default:
				// Time goes on to a little before or after what comes next.
				if next := w.state().NextAt; next.After(w.now) && next.Sub(w.now) < 20000*time.Hour {
					w.now = next.Add(time.Duration(rapid.Int64Range(-1, 1).Draw(rt, "around")) * time.Second)
				}
			}
			all = append(all, w.look()...)
			s := w.state()
			if !w.busy && !s.WaitingSlot.IsZero() {
				rt.Fatalf("%s waits for nothing", s.WaitingSlot)
			}
			if s.NextSlot.IsZero() || !s.NextAt.After(w.now) {
				rt.Fatalf("at %s the next run starts at %s", w.now, s.NextAt)
			}
		}
		if s, ok := twice(all); ok {
			rt.Fatalf("the slot of %s ran twice", s)
		}
		if len(all) != w.runs() {
			rt.Fatalf("%d slots, %d runs", len(all), w.runs())
		}
		for _, slot := range all {
			if !first.Next(slot.Add(-1)).Equal(slot) {
				rt.Fatalf("%s is no slot", slot)
			}
		}
	})
}

func TestASlotThatWasNotDealtWithComesWhenTheClockIsPutRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("1h"))
	w.now = w.now.Add(10 * time.Hour) // by mistake: 22:00
	if got := clocks(w.look()); !cmp.Equal(got, []string{"22:00"}) {
		t.Fatalf("ahead: %v", got)
	}
	w.now = w.now.Add(-10*time.Hour + time.Minute)
	w.look()
	if s := w.state(); !s.NextSlot.Equal(anchor.Add(time.Hour)) || s.Message != "the server's clock was set back by 9h59m0s" {
		t.Errorf("next %s, %q", s.NextSlot, s.Message)
	}
	got := w.pass(11*time.Hour, time.Minute)
	if want := []string{"13:00", "14:00", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00", "21:00", "23:00"}; !cmp.Equal(clocks(got), want) {
		t.Errorf("put right: %v, want %v", clocks(got), want)
	}
	if s := w.state(); s.Spans() != 1 {
		t.Errorf("%d spans for slots without a gap", s.Spans())
	}
}

func TestWhatRanAheadOfTimeDoesNotRunAgainWhenItsTimeComes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("1h"))
	w.now = w.now.Add(10 * time.Hour) // by mistake: 22:00
	w.look()
	w.now = w.now.Add(-10 * time.Hour)
	w.pass(65*time.Minute, time.Minute)
	w.now = w.now.Add(9 * time.Hour) // 22:05, after a downtime
	if got := clocks(w.look()); !cmp.Equal(got, []string{"21:00"}) || w.state().Missed != 9+7 {
		t.Errorf("got %v, missed %d", got, w.state().Missed)
	}
}

func TestFireOfWhatIsGoneDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if started, err := w.Fire(context.Background(), "d", w.start); started || err != nil {
		t.Errorf("%t, %v", started, err)
	}
}
