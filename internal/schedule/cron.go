package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/netresearch/go-cron"

	"millwright/internal/errs"
)

// cronFields names the five fields of a cron expression and what they take.
var cronFields = [5]struct{ name, takes string }{
	{"minute", "0 to 59"},
	{"hour", "0 to 23"},
	{"day of the month", "1 to 31"},
	{"month", "1 to 12 or JAN to DEC"},
	{"day of the week", "0 to 7 or SUN to SAT"},
}

const cronExample = "0 6 * * MON-FRI (06:00 on working days)"

// searchYears is how far ahead a date is looked for. 29 February comes after eight
// years at the latest.
const searchYears = 10

// parseCron reads a cron expression: five fields, or a word such as @daily. Days
// of the month and of the week together mean either of the two, as in crontab.
func parseCron(text string) (*cron.SpecSchedule, error) {
	fields := strings.Fields(text)
	switch {
	case len(text) > 500:
		return nil, badCron("the cron expression is longer than 500 characters")
	case len(fields) == 0:
		return nil, badCron("the cron expression is empty")
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return nil, badCron("the cron expression holds a time zone, which has a field of its own").Fix("move it to time_zone")
	case fields[0] == "@every":
		return nil, badCron("@every is not a date").Fix(`send "every": "1h" in place of cron`)
	case strings.HasPrefix(fields[0], "@"):
		return parseCronWord(fields)
	case len(fields) == 6 || len(fields) == 7:
		return nil, badCron("the cron expression has %d fields, and five are wanted: %s", len(fields), fieldNames()).Fix("leave out the seconds and the year")
	case len(fields) != len(cronFields):
		return nil, badCron("the cron expression has %s, and five are wanted: %s", count(len(fields), "field"), fieldNames())
	}
	for i, f := range fields {
		alone := [5]string{"*", "*", "*", "*", "*"}
		alone[i] = f
		if _, err := parseFields(alone[:]); err != nil || !plainField(f) {
			return nil, badCron("field %d of the cron expression, the %s, cannot be read: it takes %s, also as *, a list (1,5), a range (1-5) or a step (*/5)",
				i+1, cronFields[i].name, cronFields[i].takes).Because(err)
		}
	}
	parsed, err := parseFields(fields)
	if err != nil {
		return nil, badCron("the cron expression cannot be read").Because(err)
	}
	if parsed.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, badCron("no month has a day like that: fields 3 and 4 of the cron expression, the day of the month and the month, never meet").
			Fix("use 28 for the last day that every month has")
	}
	return parsed, nil
}

// parseFields has the library read five fields. It may not take a time zone or a
// word, which would stand in one of them.
func parseFields(fields []string) (*cron.SpecSchedule, error) {
	p, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DowOrDom)
	if err != nil {
		return nil, err
	}
	return spec(p.WithMaxSearchYears(searchYears).Parse(strings.Join(fields, " ")))
}

// plainField reports whether a field is made of nothing but what crontab knows: the
// library takes more, and an empty item of a list for nothing.
func plainField(f string) bool {
	for _, item := range strings.Split(f, ",") {
		if item == "" || strings.Trim(item, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*/-") != "" {
			return false
		}
	}
	return true
}

// cronWords are the words for five fields, and what each means.
var cronWords = []struct{ word, fields string }{
	{"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"}, {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
	{"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
}

func parseCronWord(fields []string) (*cron.SpecSchedule, error) {
	words := make([]string, len(cronWords))
	for i, w := range cronWords {
		if words[i] = w.word; len(fields) == 1 && strings.EqualFold(fields[0], w.word) {
			return parseFields(strings.Fields(w.fields))
		}
	}
	return nil, badCron("the cron expression is a word that is not known").Fix("use one of " + strings.Join(words, ", "))
}

func spec(s cron.Schedule, err error) (*cron.SpecSchedule, error) {
	if err != nil {
		return nil, err
	}
	parsed, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("the cron library made a %T", s) // unreachable unless it changes
	}
	return parsed, nil
}

func badCron(format string, args ...any) *errs.Error {
	return errs.New(errs.Invalid, format, args...).Named("bad-cron").At("/cron").Fix("write it like " + cronExample)
}

func fieldNames() string {
	names := make([]string, len(cronFields))
	for i, f := range cronFields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
