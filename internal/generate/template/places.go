package template

import (
	"fmt"
	"math"

	"millwright/internal/profile"
)

// places are questions for columns of latitude and longitude.
func places() []Template {
	return []Template{
		{ID: "geo_grid", Kind: Aggregation, Prior: .74, Make: makeGrid, Signal: signalGrid},
		{ID: "geo_near", Kind: Ranking, Prior: .55, Make: makeNear, Signal: signalPlace},
		{ID: "geo_bbox", Kind: Filtering, Prior: .45, Make: makeBox, Signal: signalPlace},
	}
}

// point starts a draft with @lat and @lon bound; false without both columns.
func (s *Source) point(id, kind string, prior float64) (*draft, bool) {
	if s.Lat == nil || s.Lon == nil || s.Lat.NonNull() < 2 || s.Lat.Distinct < 2 {
		return nil, false
	}
	d := s.draft(id, kind, prior)
	for _, c := range []profile.Column{*s.Lat, *s.Lon} {
		d.use(Show, nil, c)
		d.fit(1 - c.NullShare())
		d.why("%s runs from %s to %s, %s empty", say(c), clip(c.Min, 20), clip(c.Max, 20), percent(c.NullShare()))
	}
	d.bind("@lat", "CAST("+s.expr(*s.Lat)+" AS DOUBLE)").bind("@lon", "CAST("+s.expr(*s.Lon)+" AS DOUBLE)")
	return d, true
}

func makeGrid(s *Source) []Candidate {
	d, ok := s.point("geo_grid", Aggregation, .74)
	if !ok {
		return nil
	}
	d.number("cell", "The size of a square, in degrees.", cellSize(*s.Lat, *s.Lon), .0001, 45)
	d.c.MinRows = 2
	size := quantitative("row_count", s.rows())
	return []Candidate{d.done("Map of "+s.rows(), "Where are the "+s.rows()+" concentrated?", `
SELECT
  floor(@lat / $cell) * $cell AS "latitude",
  floor(@lon / $cell) * $cell AS "longitude",
  count(*) AS "row_count"
FROM @table
WHERE @lat IS NOT NULL AND @lon IS NOT NULL AND NOT (@lat = 0 AND @lon = 0)
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT 2000`, mapChart("latitude", "longitude", &size))}
}

// cellSize cuts the larger span into about 30 squares of a round size.
func cellSize(lat, lon profile.Column) float64 {
	span := 0.0
	for _, c := range []profile.Column{lat, lon} {
		lo, okLo := parseNumber(c.Min)
		hi, okHi := parseNumber(c.Max)
		if okLo && okHi {
			span = math.Max(span, hi-lo)
		}
	}
	size := span / 30
	for _, round := range []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10} {
		if size <= round {
			return round
		}
	}
	return 10
}

func signalGrid(s *Source, c Candidate, r Result) (float64, string) {
	n := r.Floats("row_count")
	u := unevenness(n)
	return clamp(.3+u, 0, 1), fmt.Sprintf("%d squares; the fullest holds %s of the rows", len(n), percent(topShare(n, 1)))
}

func makeNear(s *Source) []Candidate {
	d, ok := s.point("geo_near", Ranking, .55)
	if !ok || math.IsNaN(s.Lat.Median+s.Lon.Median) {
		return nil
	}
	d.number("latitude", "Latitude of the point.", round4(s.Lat.Median), -90, 90)
	d.number("longitude", "Longitude of the point.", round4(s.Lon.Median), -180, 180)
	d.whole("n", "So many rows.", 10, 1, 1000)
	context, k := s.context(4, []profile.Column{*s.Lat, *s.Lon}, "latitude", "longitude", "km")
	d.bind("@context", context).bind("@all", ordinals(k+3))
	lat, lon := "CAST("+s.expr(*s.Lat)+" AS DOUBLE)", "CAST("+s.expr(*s.Lon)+" AS DOUBLE)"
	d.bind("@angle", fmt.Sprintf("(pow(sin(radians(%s - $latitude) / 2), 2) + cos(radians($latitude)) * cos(radians(%s)) * pow(sin(radians(%s - $longitude) / 2), 2))", lat, lat, lon))
	d.c.MinRows = 2
	return []Candidate{d.done("Nearest "+s.rows(), fmt.Sprintf("Which 10 %s are nearest to (%g, %g)?", s.rows(), round4(s.Lat.Median), round4(s.Lon.Median)), `
SELECT
  round(6371.0 * 2 * asin(sqrt(CASE WHEN @angle > 1 THEN 1 ELSE @angle END)), 3) AS "km",
  @lat AS "latitude",
  @lon AS "longitude"@context
FROM @table
WHERE @lat IS NOT NULL AND @lon IS NOT NULL
ORDER BY @all
LIMIT $n`, mapChart("latitude", "longitude", nil))}
}

func round4(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func makeBox(s *Source) []Candidate {
	d, ok := s.point("geo_bbox", Filtering, .45)
	if !ok {
		return nil
	}
	// The middle half of both, which has rows in all but the oddest data.
	lat, lon := *s.Lat, *s.Lon
	for _, side := range []struct {
		name      string
		at        float64
		low, high float64
	}{{"south", lat.Q1, -90, 90}, {"north", lat.Q3, -90, 90}, {"west", lon.Q1, -180, 180}, {"east", lon.Q3, -180, 180}} {
		d.number(side.name, "The "+side.name+"ern edge, in degrees.", round4(side.at), side.low, side.high)
	}
	d.whole("limit", "At most so many rows.", 500, 1, 10000)
	context, k := s.context(4, []profile.Column{lat, lon}, "latitude", "longitude")
	d.bind("@context", context).bind("@all", ordinals(k+2))
	return []Candidate{d.done(s.rows()+" in an area", "Which "+s.rows()+" lie inside the central area?", `
SELECT @lat AS "latitude", @lon AS "longitude"@context
FROM @table
WHERE @lat BETWEEN $south AND $north AND @lon BETWEEN $west AND $east
ORDER BY @all
LIMIT $limit`, mapChart("latitude", "longitude", nil))}
}

func signalPlace(s *Source, c Candidate, r Result) (float64, string) {
	return .5, fmt.Sprintf("%d rows of %s with a position (signal 0.50)", len(r.Rows), count(s.Lat.NonNull()))
}
