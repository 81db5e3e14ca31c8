package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"millwright/internal/errs"
	"millwright/internal/schedule"
)

// anchor is when the schedules of these tests were made.
var anchor = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func rule(t testing.TB, timing schedule.Timing) schedule.Rule {
	t.Helper()
	r, err := schedule.Parse(timing, anchor, 0.5, schedule.Least)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// slots returns the next n slots after from, as the clocks of the zone show them.
func slots(r schedule.Rule, from time.Time, n int) (all []string) {
	for range n {
		if from = r.Next(from); from.IsZero() {
			return append(all, "none")
		}
		all = append(all, from.In(r.Location()).Format("01-02 15:04 MST"))
	}
	return all
}

func TestSlots(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule   string
		timing schedule.Timing
		from   string // RFC 3339
		want   []string
	}{
		{"an interval is counted from when it was set", schedule.Timing{Every: "1h30m"}, "2026-03-01T12:00:00Z",
			[]string{"03-01 13:30 UTC", "03-01 15:00 UTC"}},
		{"an interval has slots before that, too", schedule.Timing{Every: "24h"}, "2026-02-27T12:00:00Z", []string{"02-28 12:00 UTC", "03-01 12:00 UTC"}},
		{"an interval is elapsed time, whatever the clocks do", schedule.Timing{Every: "1d", Zone: "Europe/Berlin"}, "2026-03-28T11:00:00Z",
			[]string{"03-28 13:00 CET", "03-29 14:00 CEST"}},
		{"cron means the clocks of the zone", schedule.Timing{Cron: "0 6 * * *", Zone: "Europe/Berlin"}, "2026-03-27T12:00:00Z",
			[]string{"03-28 06:00 CET", "03-29 06:00 CEST", "03-30 06:00 CEST"}},
		{"without a zone it means UTC", schedule.Timing{Cron: "0 6 * * *"}, "2026-03-27T12:00:00Z", []string{"03-28 06:00 UTC"}},
		{"a slot that does not exist in spring is at the next moment", schedule.Timing{Cron: "30 2 * * *", Zone: "Europe/Berlin"}, "2026-03-27T12:00:00Z",
			[]string{"03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST"}},
		{"several that do not exist are one", schedule.Timing{Cron: "*/20 2 * * *", Zone: "America/New_York"}, "2026-03-08T04:00:00Z",
			[]string{"03-08 03:00 EDT", "03-09 02:00 EDT"}},
		{"and one with a slot at that moment", schedule.Timing{Cron: "*/30 2,3 * * *", Zone: "Europe/Berlin"}, "2026-03-28T12:00:00Z",
			[]string{"03-29 03:00 CEST", "03-29 03:30 CEST", "03-30 02:00 CEST"}},
		{"a slot that exists twice in autumn is at the first", schedule.Timing{Cron: "30 2 * * *", Zone: "Europe/Berlin"}, "2026-10-24T12:00:00Z",
			[]string{"10-25 02:30 CEST", "10-26 02:30 CET"}},
		{"between the two it is past", schedule.Timing{Cron: "30 2 * * *", Zone: "Europe/Berlin"}, "2026-10-25T01:10:00Z", []string{"10-26 02:30 CET"}},
		{"each of several that exist twice is once", schedule.Timing{Cron: "*/30 * * * *", Zone: "Europe/Berlin"}, "2026-10-24T23:45:00Z",
			[]string{"10-25 02:00 CEST", "10-25 02:30 CEST", "10-25 03:00 CET", "10-25 03:30 CET"}},
		{"a zone whose clocks change by half an hour", schedule.Timing{Cron: "15 2 * * *", Zone: "Australia/Lord_Howe"}, "2026-10-02T00:00:00Z",
			[]string{"10-03 02:15 +1030", "10-04 02:30 +11"}},
		{"a zone that left out a day", schedule.Timing{Cron: "0 12 * * *", Zone: "Pacific/Apia"}, "2011-12-28T00:00:00Z",
			[]string{"12-28 12:00 -10", "12-29 12:00 -10", "12-31 00:00 +14", "12-31 12:00 +14"}},
		{"day of the month or of the week, as in crontab", schedule.Timing{Cron: "0 6 13 * FRI"}, "2026-03-01T12:00:00Z",
			[]string{"03-06 06:00 UTC", "03-13 06:00 UTC", "03-20 06:00 UTC", "03-27 06:00 UTC", "04-03 06:00 UTC", "04-10 06:00 UTC", "04-13 06:00 UTC"}},
		{"names, ranges and steps", schedule.Timing{Cron: "0 8-18/5 * jan,Feb mon-wed"}, "2026-03-01T12:00:00Z", []string{"01-04 08:00 UTC", "01-04 13:00 UTC", "01-04 18:00 UTC"}},
		{"Sunday is 0 and 7", schedule.Timing{Cron: "0 6 * * 7"}, "2026-03-02T12:00:00Z", []string{"03-08 06:00 UTC"}},
		{"a word", schedule.Timing{Cron: "@Daily", Zone: "Asia/Tokyo"}, "2026-03-02T12:00:00Z", []string{"03-03 00:00 JST"}},
		{"a day of leap years", schedule.Timing{Cron: "0 0 29 2 *"}, "2096-03-02T12:00:00Z", []string{"02-29 00:00 UTC"}},
	} {
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, slots(rule(t, c.timing), from, len(c.want))); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.rule, d)
		}
	}
}

func TestTheLastSlot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, at, want string }{
		{"at the slot", "2026-06-01T00:30:00Z", "2026-06-01T00:30:00Z"},
		{"just before it", "2026-06-01T00:29:59Z", "2026-05-31T00:30:00Z"},
		{"a slot that is shown once more, before that", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z"},
		{"a slot that is shown once more, then", "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z"},
		{"a slot that the clocks jumped over", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"before the jump", "2026-03-29T00:59:59Z", "2026-03-28T01:30:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		r := rule(t, schedule.Timing{Cron: "30 2 * * *", Zone: "Europe/Berlin"})
		if got := r.Last(at).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: the last slot at %s is %s, want %s", c.rule, c.at, got, c.want)
		}
	}
}

func TestBadTimingsSayWhereAndWhatInstead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule             string
		timing           schedule.Timing
		pointer, say, do string
	}{
		{"nothing", schedule.Timing{}, "/every", "neither every nor cron", `"every": "1h"`},
		{"both", schedule.Timing{Every: "1h", Cron: "@daily"}, "/cron", "both", "leave one"},
		{"no unit", schedule.Timing{Every: "15"}, "/every", "number with a unit", "15m, 1h30m"},
		{"a sign", schedule.Timing{Every: "-5m"}, "/every", "number with a unit", "15m"},
		{"units in another order", schedule.Timing{Every: "5m1h"}, "/every", "number with a unit", "1h30m"},
		{"less than a minute", schedule.Timing{Every: "59s"}, "/every", "1m apart", "1m or more"},
		{"nothing at all between", schedule.Timing{Every: "0m"}, "/every", "too short", "1m"},
		{"more than a year", schedule.Timing{Every: "999999w"}, "/every", "longer than a year", "2w"},
		{"four fields", schedule.Timing{Cron: "0 6 * *"}, "/cron", "4 fields", "0 6 * * MON-FRI"},
		{"one field", schedule.Timing{Cron: "6"}, "/cron", "1 field, and five", "0 6 * * MON-FRI"},
		{"six fields", schedule.Timing{Cron: "0 0 6 * * *"}, "/cron", "6 fields", "leave out the seconds"},
		{"a minute too many", schedule.Timing{Cron: "60 6 * * *"}, "/cron", "field 1 of the cron expression, the minute, cannot be read: it takes 0 to 59", "06:00 on working days"},
		{"a bad hour", schedule.Timing{Cron: "0 25 * * *"}, "/cron", "field 2 of the cron expression, the hour", "0 6"},
		{"a bad day", schedule.Timing{Cron: "0 6 0 * *"}, "/cron", "field 3 of the cron expression, the day of the month", "0 6"},
		{"a bad month", schedule.Timing{Cron: "0 6 * FEBR *"}, "/cron", "field 4 of the cron expression, the month", "0 6"},
		{"a bad weekday", schedule.Timing{Cron: "0 6 * * MUN"}, "/cron", "field 5 of the cron expression, the day of the week", "0 6"},
		{"an empty item", schedule.Timing{Cron: "1,,2 * * * *"}, "/cron", "field 1", "0 6"},
		{"a step of nothing", schedule.Timing{Cron: "*/0 * * * *"}, "/cron", "field 1", "0 6"},
		{"what only some crons know", schedule.Timing{Cron: "0 0 L * *"}, "/cron", "field 3", "0 6"},
		{"a huge number", schedule.Timing{Cron: "99999999999999999999 * * * *"}, "/cron", "field 1", "0 6"},
		{"a date that never comes", schedule.Timing{Cron: "0 6 31 2,4 *"}, "/cron", "never meet", "28"},
		{"a word that is none", schedule.Timing{Cron: "@dayly"}, "/cron", "not known", "@daily"},
		{"a word with fields", schedule.Timing{Cron: "@daily *"}, "/cron", "not known", "@daily"},
		{"an interval as a word", schedule.Timing{Cron: "@every 1h"}, "/cron", "@every", `"every": "1h"`},
		{"a zone in the expression", schedule.Timing{Cron: "CRON_TZ=Europe/Berlin 0 6 * * *"}, "/cron", "time zone", "time_zone"},
		{"only a zone", schedule.Timing{Cron: "TZ="}, "/cron", "time zone", "time_zone"},
		{"very long", schedule.Timing{Cron: strings.Repeat("1,", 300) + "1 * * * *"}, "/cron", "500", "0 6"},
		{"a zone that is none", schedule.Timing{Cron: "@daily", Zone: "Mars/Olympus"}, "/time_zone", "no time zone", ""},
		{"a zone with a typo", schedule.Timing{Cron: "@daily", Zone: "Europe/Berln"}, "/time_zone", "no time zone", "use Europe/Berlin"},
		{"a zone in another case", schedule.Timing{Cron: "@daily", Zone: "new york"}, "/time_zone", "no time zone", "use America/New_York"},
		{"a short name of summer time", schedule.Timing{Cron: "@daily", Zone: "PDT"}, "/time_zone", "no time zone", "use America/Los_Angeles"},
		{"the server's zone", schedule.Timing{Cron: "@daily", Zone: "Local"}, "/time_zone", "no time zone", ""},
		{"a path", schedule.Timing{Cron: "@daily", Zone: "../../etc/passwd"}, "/time_zone", "no time zone", ""},
		{"a jitter that is none", schedule.Timing{Every: "1h", Jitter: "some"}, "/jitter", "not a duration", "5m"},
		{"a jitter as long as the interval", schedule.Timing{Every: "1h", Jitter: "60m"}, "/jitter", "pass each other", "shorter"},
	} {
		_, err := schedule.Parse(c.timing, anchor, 0, schedule.Least)
		e, ok := errs.Find(err)
		if !ok || e.Kind != errs.Invalid || e.Type == "" || len(e.Fields) != 1 || e.Fields[0].Pointer != c.pointer {
			t.Errorf("%s: %v (%+v), want an invalid %s", c.rule, err, e, c.pointer)
			continue
		}
		if !strings.Contains(e.Msg, c.say) || !strings.Contains(strings.Join(e.Fixes, "; "), c.do) || len(e.Fixes) == 0 {
			t.Errorf("%s: %q, fixes %q; want %q and %q", c.rule, e.Msg, e.Fixes, c.say, c.do)
		}
	}
}

func TestEveryZoneThatIsSuggestedExists(t *testing.T) {
	t.Setenv("ZONEINFO", "/nowhere")
	names := strings.Fields(schedule.ZoneNames)
	if len(names) < 500 {
		t.Errorf("%d names", len(names))
	}
	for _, name := range append(names, schedule.NearestZone("cest"), schedule.NearestZone("berlin"), schedule.NearestZone("america/new york")) {
		if _, err := time.LoadLocation(name); err != nil || name == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// timings draws rules with what makes them hard: zones with changes of the clocks.
func timings() *rapid.Generator[schedule.Timing] {
	zones := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo", "Asia/Kathmandu"})
	crons := rapid.SampledFrom([]string{"* * * * *", "*/15 * * * *", "30 2 * * *", "0 * * * *", "0 0 * * *", "59 23 * * 0", "0 3 29 2 *", "*/7 1-3 * * *", "0 6 13 * FRI", "@monthly"})
	every := rapid.SampledFrom([]string{"1m", "7m", "1h", "24h", "1w"})
	jitter := rapid.SampledFrom([]string{"", "1s", "30s"})
	return rapid.Custom(func(t *rapid.T) schedule.Timing {
		timing := schedule.Timing{Zone: zones.Draw(t, "zone"), Jitter: jitter.Draw(t, "jitter")}
		if rapid.Bool().Draw(t, "cron") {
			timing.Cron = crons.Draw(t, "cron")
			timing.Jitter = rapid.SampledFrom([]string{"", "30s", "3h", "1w"}).Draw(t, "cron jitter")
		} else {
			timing.Every = every.Draw(t, "every")
		}
		return timing
	})
}

func TestSlotsHaveAnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		share := rapid.Float64Range(0, 0.999999).Draw(rt, "share")
		r, err := schedule.Parse(timings().Draw(rt, "timing"), anchor, share, schedule.Least)
		if err != nil {
			rt.Fatal(err)
		}
		// The hours around a change of the clocks as often as any others.
		base := rapid.SampledFrom([]time.Time{time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 3, 8, 6, 0, 0, 0, time.UTC), time.Date(2011, 12, 30, 9, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)}).Draw(rt, "base")
		at := base.Add(time.Duration(rapid.Int64Range(-int64(48*time.Hour), int64(48*time.Hour)).Draw(rt, "offset")))
		next := r.Next(at)
		if !next.After(at) {
			rt.Fatalf("Next(%s) = %s", at, next)
		}
		if last := r.Last(at); last.After(at) || !r.Next(last).Equal(next) {
			rt.Fatalf("Last(%s) = %s and Next of that %s, but Next(%s) = %s", at, last, r.Next(last), at, next)
		}
		if last := r.Last(next); !last.Equal(next) {
			rt.Fatalf("Last(%s) = %s, though it is a slot", next, last)
		}
		if last := r.Last(next.Add(-1)); last.After(at) || !r.Next(last).Equal(next) {
			rt.Fatalf("there is a slot %s between %s and its Next %s; Next of it is %s", last, at, next, r.Next(last))
		}
		starts, following := r.At(next), r.Next(next)
		if starts.Before(next) || !starts.Before(following) {
			rt.Fatalf("the run of %s starts at %s, and the next slot is %s", next, starts, following)
		}
		if due := r.Due(starts); !due.Equal(next) {
			rt.Fatalf("at %s the slot of %s is due, want %s", starts, due, next)
		}
		if due := r.Due(starts.Add(-1)); !due.Before(next) || !r.Next(due).Equal(next) {
			rt.Fatalf("just before %s the slot of %s is due, want the one before %s", starts, due, next)
		}
	})
}

func TestJitterIsStableAndSpread(t *testing.T) {
	t.Parallel()
	if a, b := schedule.ShareOf("a"), schedule.ShareOf("a"); a != b || a < 0 || a >= 1 {
		t.Errorf("%v, then %v", a, b)
	}
	var buckets [10]int
	for i := range 1000 {
		buckets[int(10*schedule.ShareOf(anchor.Add(time.Duration(i)).String()))]++
	}
	for i, n := range buckets {
		if n < 50 || n > 150 {
			t.Errorf("%d of 1000 schedules lie in tenth %d of the jitter: %v", n, i, buckets)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 6 * * *", "*/5 1-3,5 * JAN-MAR mon", "@daily", "TZ=", "0 0 31 2 *", "1,,2 * * * *", "-1 * * * *", "0-0/5 * * * *", "* * * * 5-1"} {
		f.Add(seed, "1h", "Europe/Berlin")
	}
	f.Add("", "1w2d3h4m5s", "UTC")
	f.Fuzz(func(t *testing.T, cron, every, zone string) {
		for _, timing := range []schedule.Timing{{Cron: cron, Zone: zone}, {Every: every, Zone: zone}} {
			r, err := schedule.Parse(timing, anchor, 0.3, schedule.Least)
			if err != nil {
				if errs.KindOf(err) != errs.Invalid {
					t.Errorf("%q: %v", timing, err)
				}
				continue
			}
			next := r.Next(anchor)
			if !next.After(anchor) || !r.Last(next).Equal(next) {
				t.Errorf("%q: Next(%s) = %s, Last of that %s", timing, anchor, next, r.Last(next))
			}
		}
	})
}
