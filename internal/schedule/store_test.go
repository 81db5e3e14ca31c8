package schedule_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/schedule"
)

func TestASettingIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	timing := schedule.Timing{Cron: "0 6 * * MON-FRI", Zone: "Europe/Berlin", Jitter: "5m"}
	s := w.set(schedule.Setting{Timing: timing, Overlap: "queue", UserID: "u"})
	if d := cmp.Diff(timing, s.Timing); d != "" || s.Overlap != schedule.Queue || s.UserID != "u" || s.ProjectID != "p" || s.Paused {
		t.Errorf("%+v (-want +got):\n%s", s, d)
	}
	var coming []string
	for _, c := range s.Coming(5) {
		coming = append(coming, c.Slot.Format(time.RFC3339))
	}
	if d := cmp.Diff([]string{"2026-03-02T06:00:00+01:00", "2026-03-03T06:00:00+01:00", "2026-03-04T06:00:00+01:00", "2026-03-05T06:00:00+01:00", "2026-03-06T06:00:00+01:00"}, coming); d != "" {
		t.Errorf("what comes (-want +got):\n%s", d)
	}
}

func TestAChangeOfAnythingButTheTimingLeavesTheSlots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set(every("1h"))
	w.pass(90*time.Minute, time.Minute)
	n := every("1h")
	n.Overlap = "queue"
	if s := w.set(n); s.Overlap != schedule.Queue || !s.NextSlot.Equal(anchor.Add(2*time.Hour)) || s.LastJobID != "job" || !s.CreatedAt.Equal(anchor) {
		t.Errorf("another policy: %+v", s)
	}
	if s := w.set(every("45m")); !s.NextSlot.Equal(w.now.Add(45*time.Minute)) || s.LastJobID != "job" {
		t.Errorf("another timing: %+v", s)
	}
	n = every("45m")
	n.Paused = true
	if s := w.set(n); !s.Paused || !s.NextSlot.IsZero() {
		t.Errorf("paused: %+v", s)
	}
	if s := w.set(every("45m")); s.Paused || s.NextSlot.IsZero() {
		t.Errorf("going on: %+v", s)
	}
}

func TestABadSettingChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.set(every("1h"))
	for rule, n := range map[string]schedule.Setting{
		"timing": every("0m"), "overlap": {Timing: schedule.Timing{Every: "1h"}, Overlap: "both"},
	} {
		if _, err := w.Set(t.Context(), "d", n); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if after := w.state(); after.Every != before.Every || after.Overlap != before.Overlap || !after.UpdatedAt.Equal(before.UpdatedAt) {
		t.Errorf("changed: %+v", after)
	}
	if _, err := w.Set(t.Context(), "nobody", every("1h")); errs.KindOf(err) != errs.NotFound {
		t.Errorf("a datasource that is not there: %v", err)
	}
}

func TestAScheduleGoesWithItsDatasource(t *testing.T) {
	t.Parallel()
	for rule, query := range map[string]string{
		"hidden": `UPDATE datasources SET deleted_at = 1 WHERE id = 'd'`, "removed": `DELETE FROM datasources WHERE id = 'd'`,
		"with its project hidden": `UPDATE projects SET deleted_at = 1 WHERE id = 'p'`, "with its project removed": `DELETE FROM projects WHERE id = 'p'`,
		"taken away": `DELETE FROM schedules`,
	} {
		w := newWorld(t)
		w.set(every("1h"))
		w.now = w.now.Add(time.Hour)
		if _, err := w.DB.Write().ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
		if due, err := w.Due(t.Context()); len(due) != 0 || err != nil {
			t.Errorf("%s: it is due: %v, %v", rule, due, err)
		}
		// A look may have begun before.
		if started, err := w.Fire(t.Context(), "d", w.start); started || err != nil {
			t.Errorf("%s: %t, %v", rule, started, err)
		}
		for what, do := range map[string]func(context.Context, string) (schedule.Schedule, error){"Get": w.Get, "Pause": w.Pause, "Resume": w.Resume} {
			if _, err := do(t.Context(), "d"); errs.KindOf(err) != errs.NotFound {
				t.Errorf("%s: %s: %v", rule, what, err)
			}
		}
	}
}

func TestSchedulesOfAProject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for datasource, interval := range map[string]string{"d": "2h", "e": "1h", "f": "1h"} {
		if _, err := w.Set(t.Context(), datasource, every(interval)); err != nil {
			t.Fatal(err)
		}
	}
	names := func() (all []string) {
		list, err := w.ByProject(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			all = append(all, s.DatasourceID)
		}
		return all
	}
	if got := names(); !cmp.Equal(got, []string{"e", "d"}) {
		t.Errorf("the next first: %v", got)
	}
	if _, err := w.Pause(t.Context(), "e"); err != nil {
		t.Fatal(err)
	}
	if got := names(); !cmp.Equal(got, []string{"d", "e"}) {
		t.Errorf("the paused last: %v", got)
	}
	if err := w.Remove(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	if got := names(); !cmp.Equal(got, []string{"e"}) {
		t.Errorf("removed: %v", got)
	}
}
