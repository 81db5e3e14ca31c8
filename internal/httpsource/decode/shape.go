package decode

import (
	"slices"
	"strings"

	"millwright/internal/errs"
)

// A Shape says how the selected value becomes rows. Parameters may follow, as in
// a media type: "csv; delimiter=semicolon; header=absent".
type Shape string

// The shapes.
const (
	Rows        Shape = "rows"         // an array gives its elements, an object is one row
	Lines       Shape = "lines"        // many JSON values, one after the other; each is a row
	Columns     Shape = "columns"      // an object of arrays of equal length; each array is a column
	Arrays      Shape = "arrays"       // an array of arrays; header=present|absent says what the first is
	ColumnsRows Shape = "columns-rows" // an object with names ("columns", "fields") and arrays of values ("rows", "values")
	Map         Shape = "map"          // an object whose keys are ids; each member is a row, with its key in the column key
	Edges       Shape = "edges"        // GraphQL edges; each node is a row
	JSONAPI     Shape = "jsonapi"      // JSON:API resources; their attributes stand beside id and type
	GeoJSON     Shape = "geojson"      // features; their properties stand beside id and geometry
	Prometheus  Shape = "prometheus"   // series with labels and samples; each sample is a row
	Influx      Shape = "influxdb"     // results of series with tags, columns and values; each point is a row
	CSV         Shape = "csv"          // delimiter=comma|semicolon|tab|pipe, header=present|absent, quote=double|none, ragged=fail|pad|skip
	XML         Shape = "xml"          // the path names an element; each is a row. lists=a|b/c names children that are lists
)

// Shapes lists every shape, for messages.
func Shapes() []Shape {
	return []Shape{Rows, Lines, Columns, Arrays, ColumnsRows, Map, Edges, JSONAPI, GeoJSON, Prometheus, Influx, CSV, XML}
}

// ParseShape reads a shape with its parameters. The empty text is the empty Shape.
func ParseShape(text string) (Shape, error) {
	name, rest, more := strings.Cut(strings.TrimSpace(text), ";")
	base := Shape(strings.ToLower(strings.TrimSpace(name)))
	if base == "" && !more {
		return "", nil
	}
	if !slices.Contains(Shapes(), base) {
		var names []string
		for _, s := range Shapes() {
			names = append(names, string(s))
		}
		return "", errs.New(errs.Invalid, "the shape %q is not known", clip(name)).Named("shape-unknown").Fix("use one of: " + strings.Join(names, ", "))
	}
	s := base
	for part := range strings.SplitSeq(rest, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		if allowed := parameters(base, key); !ok || allowed == nil || len(allowed) > 0 && !slices.Contains(allowed, value) {
			return "", errs.New(errs.Invalid, "the shape %s does not take %q", base, clip(part)).Named("shape-unknown").
				Fix(shapeHelp(base))
		}
		if s.param(key) == "" {
			s = s.with(key, value)
		}
	}
	return s, nil
}

// parameters lists what a parameter of a shape may be: nil if there is no such
// parameter, empty if it may be anything.
func parameters(base Shape, key string) []string {
	switch {
	case key == "header" && (base == CSV || base == Arrays):
		return []string{"present", "absent"}
	case key == "delimiter" && base == CSV:
		return []string{"comma", "semicolon", "tab", "pipe"}
	case key == "quote" && base == CSV:
		return []string{"double", "none"}
	case key == "ragged" && base == CSV:
		return []string{"fail", "pad", "skip"}
	case key == "lists" && base == XML:
		return []string{}
	}
	return nil
}

func shapeHelp(base Shape) string {
	switch base {
	case CSV:
		return `write it such as "csv; delimiter=semicolon; header=absent; quote=none; ragged=pad"`
	case Arrays:
		return `write it such as "arrays; header=present"`
	case XML:
		return `write it such as "xml; lists=author|tags/tag"`
	}
	return "write the shape " + string(base) + " alone"
}

// Base returns the shape without its parameters.
func (s Shape) Base() Shape {
	base, _, _ := strings.Cut(string(s), ";")
	return Shape(base)
}

// OnePerElement reports whether each element of the selected value is one row,
// so that rows can be counted against a total that the source names.
func (s Shape) OnePerElement() bool {
	switch s.Base() {
	case "", Rows, ColumnsRows, Map, Edges, JSONAPI, GeoJSON, XML:
		return true
	case Arrays:
		return s.param("header") != "present"
	}
	return false
}

// param returns the value of a parameter, empty if it is not set.
func (s Shape) param(key string) string {
	_, rest, _ := strings.Cut(string(s), ";")
	for part := range strings.SplitSeq(rest, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(part), "="); k == key {
			return v
		}
	}
	return ""
}

func (s Shape) with(key, value string) Shape {
	return Shape(string(s) + "; " + key + "=" + value)
}
