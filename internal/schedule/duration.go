package schedule

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var durationForm = regexp.MustCompile(`^(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$`)

// longest is the longest duration that anything here may have.
const longest = 366 * 24 * time.Hour

var (
	errNoDuration = errors.New("it is not a number with a unit: w, d, h, m or s")
	errTooLong    = errors.New("it is longer than a year")
)

// parseDuration reads "15m", "1h30m", "24h", "1d" or "2w". A day is 24 hours,
// whatever the clocks do.
func parseDuration(text string) (time.Duration, error) {
	m := durationForm.FindStringSubmatch(strings.ToLower(text))
	if m == nil || text == "" {
		return 0, errNoDuration
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return 0, err
		}
		if n > int(longest/unit) {
			return 0, errTooLong
		}
		d += time.Duration(n) * unit
	}
	if d > longest {
		return 0, errTooLong
	}
	return d, nil
}
