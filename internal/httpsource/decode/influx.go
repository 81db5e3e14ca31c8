package decode

import (
	"github.com/go-json-experiment/json/jsontext"

	"millwright/internal/errs"
)

// influxResult emits the points of one result of an InfluxDB query.
func (s *splitter) influxResult() error {
	if s.dec.PeekKind() != '{' {
		return notInflux()
	}
	return s.members(func(name string) error {
		switch kind := s.dec.PeekKind(); {
		case name == "error" && kind == '"':
			raw, err := s.value()
			if err != nil {
				return err
			}
			return errs.New(errs.Upstream, "InfluxDB refused a statement: %s", clip(text(raw))).Named("source-error").
				Fix("correct the query", "check that the database or bucket exists")
		case name == "series" && kind == '[':
			return s.elements(func(int64) error { return s.influxSeries() })
		case name == "partial" && kind == 't':
			s.result.Complaint = "InfluxDB cut its answer (partial: true)"
		}
		return s.skip()
	})
}

// influxSeries emits the points of one series: measurement and tags, then the
// columns. A tag with the name of a column gets the prefix tag_.
func (s *splitter) influxSeries() error {
	if s.dec.PeekKind() != '{' {
		return notInflux()
	}
	var columns []string
	var measurement, tags, held jsontext.Value
	done := false
	err := s.members(func(name string) error {
		kind := s.dec.PeekKind()
		switch {
		case name == "partial" && kind == 't':
			s.result.Complaint = "InfluxDB cut a series (partial: true)"
			return s.skip()
		case name == "values" && kind == '[' && columns != nil:
			// The source writes what names a series before its values.
			done = true
			return s.points(measurement, tags, columns)
		case name == "values" && kind == '[':
			raw, err := s.held()
			held = raw.Clone()
			return err
		case name != "name" && name != "tags" && name != "columns":
			return s.skip()
		}
		raw, err := s.value()
		if err != nil {
			return err
		}
		switch name {
		case "name":
			measurement = raw.Clone()
		case "tags":
			tags = raw.Clone()
		default:
			columns = namesOf(raw)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case held != nil && columns != nil && !done:
		return s.within(held, func() error { return s.points(measurement, tags, columns) })
	case held != nil:
		return notInflux()
	}
	return nil
}

func (s *splitter) points(measurement, tags jsontext.Value, columns []string) error {
	s.table = new(tabular)
	if err := s.table.set(columns); err != nil {
		return err
	}
	head, err := s.seriesHead(measurement, tags)
	if err != nil {
		return err
	}
	return s.elements(func(int64) error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		row, ok := s.join.elements(raw)
		if !ok {
			return notInflux()
		}
		if s.buf, err = s.table.append(append(s.buf[:0], head...), row); err != nil {
			return err
		}
		return s.out(append(s.buf, '}'))
	})
}

// seriesHead begins a row with what is the same in all points of a series.
func (s *splitter) seriesHead(measurement, tags jsontext.Value) ([]byte, error) {
	j := &s.join
	j.begin()
	for _, name := range s.table.names {
		j.taken[name] = true
	}
	if measurement != nil {
		if err := j.put("measurement", "series_", measurement); err != nil {
			return nil, err
		}
	}
	if tags.Kind() == '{' {
		if err := j.spread(tags, "tag_"); err != nil {
			return nil, err
		}
	}
	return append([]byte(nil), j.buf...), nil
}

func notInflux() error {
	return errs.New(errs.Upstream, "an element is not a result with series of columns and values").Named("not-influxdb").
		Fix(`set options.shape to "rows" to take the elements as they are`)
}

// isInfluxResult reports whether an object is a result of an InfluxDB query.
func isInfluxResult(m map[string]jsontext.Value) bool {
	series, _ := elementsOf(m["series"])
	if len(series) == 0 {
		// A statement without points.
		return m["statement_id"].Kind() == '0' && (len(m) == 1 || m["error"].Kind() == '"')
	}
	first, _ := membersOf(series[0])
	return first["columns"].Kind() == '[' && (first["values"].Kind() == '[' || first["values"] == nil)
}
