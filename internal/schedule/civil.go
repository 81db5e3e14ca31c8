package schedule

import "time"

// civil returns what the clocks of the zone show at t, as if it were UTC.
func civil(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns the moment at which the clocks of the zone show c, the civil
// time as if it were UTC. Where they show it twice, it is the first of the two;
// where they jump over it, it is the moment of the jump.
func instant(c time.Time, zone *time.Location) time.Time {
	// No zone is a day away from UTC, so these lie on either side of a change of
	// the clocks that could matter.
	_, before := c.Add(-24 * time.Hour).In(zone).Zone()
	_, after := c.Add(24 * time.Hour).In(zone).Zone()
	early := c.Add(-time.Duration(max(before, after)) * time.Second)
	late := c.Add(-time.Duration(min(before, after)) * time.Second)
	switch {
	case civil(early, zone).Equal(c):
		return early
	case civil(late, zone).Equal(c):
		return late
	}
	// early is before the jump and shows less than c.
	_, jump := early.In(zone).ZoneBounds()
	return jump.UTC()
}
