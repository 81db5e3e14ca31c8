package template

import "millwright/internal/program"

// A channel is a result column as Vega-Lite sees it.
type channel struct {
	field, kind, title string
	format             string
	sort               any
	keep               bool // in the order of the result
}

func quantitative(field, title string) channel {
	return channel{field: field, kind: "quantitative", title: title}
}

func nominal(field, title string) channel {
	return channel{field: field, kind: "nominal", title: title}
}

func ordinal(field, title string) channel {
	return channel{field: field, kind: "ordinal", title: title}
}

func temporal(field, title string) channel {
	return channel{field: field, kind: "temporal", title: title}
}

func (c channel) spec() map[string]any {
	m := map[string]any{"field": c.field, "type": c.kind}
	if c.title != "" {
		m["title"] = c.title
	}
	if c.format != "" {
		m["axis"] = map[string]any{"format": c.format}
	}
	if c.sort != nil {
		m["sort"] = c.sort
	}
	if c.keep {
		m["sort"] = nil
	}
	return m
}

// shade is the spec of a channel that has a legend instead of an axis.
func (c channel) shade() map[string]any {
	m := c.spec()
	if axis, ok := m["axis"]; ok {
		m["legend"] = axis
		delete(m, "axis")
	}
	return m
}

func share(field, title string) channel {
	c := quantitative(field, title)
	c.format = "%"
	return c
}

// drawing returns a Vega-Lite spec without data.
func drawing(mark any, encoding map[string]any) map[string]any {
	return map[string]any{"mark": mark, "encoding": encoding}
}

// barChart draws groups as horizontal bars, longest first: labels stay readable.
func barChart(label, value channel) *program.Chart {
	label.sort = "-x"
	return &program.Chart{Mark: "bar", X: value.field, Y: label.field,
		Spec: drawing("bar", map[string]any{"y": label.spec(), "x": value.spec()})}
}

// columnChart draws ordered groups as columns in the result's order.
func columnChart(x, y channel) *program.Chart {
	if x.kind != "temporal" && x.kind != "quantitative" {
		x.keep = true
	}
	return &program.Chart{Mark: "bar", X: x.field, Y: y.field,
		Spec: drawing("bar", map[string]any{"x": x.spec(), "y": y.spec()})}
}

func lineChart(x, y channel) *program.Chart {
	return &program.Chart{Mark: "line", X: x.field, Y: y.field,
		Spec: drawing(map[string]any{"type": "line", "point": true}, map[string]any{"x": x.spec(), "y": y.spec()})}
}

func areaChart(x, y channel) *program.Chart {
	return &program.Chart{Mark: "area", X: x.field, Y: y.field,
		Spec: drawing("area", map[string]any{"x": x.spec(), "y": y.spec()})}
}

func multiLine(x, y, series channel) *program.Chart {
	return &program.Chart{Mark: "line", X: x.field, Y: y.field, Series: series.field,
		Spec: drawing("line", map[string]any{"x": x.spec(), "y": y.spec(), "color": series.spec()})}
}

func pointChart(x, y channel) *program.Chart {
	return &program.Chart{Mark: "point", X: x.field, Y: y.field,
		Spec: drawing(map[string]any{"type": "point", "opacity": .5}, map[string]any{"x": x.spec(), "y": y.spec()})}
}

// pieChart draws shares of a whole; only for 2 to 5 counts.
func pieChart(label, value channel) *program.Chart {
	return &program.Chart{Mark: "arc", X: label.field, Y: value.field,
		Spec: drawing("arc", map[string]any{"theta": value.spec(), "color": label.spec()})}
}

func heatmap(x, y, value channel) *program.Chart {
	return &program.Chart{Mark: "rect", X: x.field, Y: y.field, Series: value.field,
		Spec: drawing("rect", map[string]any{"x": x.spec(), "y": y.spec(), "color": value.shade()})}
}

// mapChart places points on the globe.
func mapChart(lat, lon string, size *channel) *program.Chart {
	enc := map[string]any{
		"latitude":  map[string]any{"field": lat, "type": "quantitative"},
		"longitude": map[string]any{"field": lon, "type": "quantitative"},
	}
	if size != nil {
		enc["size"] = size.spec()
	}
	spec := drawing("circle", enc)
	spec["projection"] = map[string]any{"type": "mercator"}
	return &program.Chart{Mark: "point", X: lon, Y: lat, Spec: spec}
}

// tableChart says that rows are best read as rows.
func tableChart() *program.Chart { return &program.Chart{Mark: "table"} }

// kpiChart says that the one row holds figures to be shown large.
func kpiChart() *program.Chart { return &program.Chart{Mark: "kpi"} }

// paretoChart draws bars and, over them, their cumulative share.
func paretoChart(label, value, cumulative channel) *program.Chart {
	label.sort = "-y"
	spec := map[string]any{
		"encoding": map[string]any{"x": label.spec()},
		"layer": []any{
			drawing("bar", map[string]any{"y": value.spec()}),
			drawing(map[string]any{"type": "line", "color": "#d62728", "point": true}, map[string]any{"y": cumulative.spec()}),
		},
		"resolve": map[string]any{"scale": map[string]any{"y": "independent"}},
	}
	return &program.Chart{Mark: "bar", X: label.field, Y: value.field, Spec: spec}
}

// periodChart draws a series over @period: a time, or an integer year.
func periodChart(unit string, year bool) channel {
	if year {
		return ordinal("period", "year")
	}
	return temporal("period", unit)
}
