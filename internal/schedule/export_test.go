package schedule

import "time"

// What tests look at beside the Store.
var (
	Parse       = parse
	ShareOf     = shareOf
	ZoneNames   = zoneNames
	NearestZone = nearestZone
)

// Due returns the newest slot whose run is to have started by now.
func (r Rule) Due(now time.Time) time.Time { return r.due(now) }

// Spans tells how many spans of slots were dealt with.
func (s Schedule) Spans() int { return len(s.dealt) }
