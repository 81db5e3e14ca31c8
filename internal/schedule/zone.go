package schedule

import (
	_ "embed" // the names of the zones
	"strings"
	"time"
	_ "time/tzdata" // zones are known on systems without zone files, too

	"millwright/internal/errs"
	"millwright/internal/program"
)

// zoneNames are the names of the time zone database, one a line: it can be asked
// for a name, but not for its names.
//
//go:embed zones.txt
var zoneNames string

// zoneOf returns the time zone of that name; empty means UTC.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	// Local is whatever the server has, which nobody sees.
	if name != "Local" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	err := errs.New(errs.Invalid, "there is no time zone of this name; it is the name of a place in the IANA database").
		Named("unknown-time-zone").At("/time_zone")
	if near := nearestZone(name); near != "" {
		return nil, err.Fix("use " + near)
	}
	return nil, err.Fix("use a name such as Europe/Berlin, America/New_York or UTC")
}

// everydayZones are what people call zones that the database calls by a place.
var everydayZones = map[string]string{
	"cest": "Europe/Berlin", "bst": "Europe/London", "ist": "Asia/Kolkata", "jst": "Asia/Tokyo", "kst": "Asia/Seoul", "aest": "Australia/Sydney",
	"edt": "America/New_York", "et": "America/New_York", "cdt": "America/Chicago", "ct": "America/Chicago",
	"mdt": "America/Denver", "mt": "America/Denver", "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
	"z": "UTC", "germany": "Europe/Berlin", "france": "Europe/Paris", "uk": "Europe/London", "india": "Asia/Kolkata", "china": "Asia/Shanghai",
}

// nearestZone returns the zone that was likely meant; "" if none is near.
func nearestZone(name string) string {
	wanted := strings.ToLower(strings.Join(strings.Fields(name), "_"))
	if place, ok := everydayZones[wanted]; ok {
		return place
	}
	names := strings.Fields(zoneNames)
	for _, n := range names {
		lower := strings.ToLower(n)
		if lower == wanted || strings.HasSuffix(lower, "/"+wanted) {
			return n
		}
	}
	near, _ := program.Nearest(wanted, names)
	return near
}
