// Package program is a query program: a question, the SQL that answers it, and
// the slots that make it reusable. It is pure: it checks and binds, and never
// reads or runs anything.
//
// SQL holds two kinds of placeholder. A value slot is written $name and is bound
// by the engine, as the type that the slot says. A column, aggregate, grain or
// order slot is written {{name}}; its value is checked against the slot's own list
// and then rendered by us:
//
//   - a column as a quoted identifier, or as the slot's expression for it in brackets;
//   - an aggregate as a function name, an order as ASC or DESC;
//   - a grain as the text 'month', as date_trunc wants it; after a number, a value
//     slot or a closing bracket as the keyword MONTH, as INTERVAL 1 {{grain}} wants it;
//   - any of them inside quotes, '{{name}}', as a text: the value itself.
//
// Nothing that a caller sends ever becomes SQL text.
package program

// A SlotType says what values a slot takes.
type SlotType string

// The slot types. Column, Aggregate, Grain and Order are {{name}} slots; the rest are $name slots.
const (
	Column    SlotType = "column"
	Aggregate SlotType = "aggregate" // sum, avg, median, min, max, count
	Grain     SlotType = "grain"     // minute, hour, day, week, month, quarter, year
	Order     SlotType = "order"     // asc, desc
	Enum      SlotType = "enum"      // one of Values, or any text if Values is empty
	Integer   SlotType = "integer"
	Number    SlotType = "number"
	String    SlotType = "string"
	Boolean   SlotType = "boolean"
	Date      SlotType = "date"      // YYYY-MM-DD
	Timestamp SlotType = "timestamp" // RFC 3339, or a date
	ValueList SlotType = "list"      // a list of strings
)

// A Slot is a typed parameter of a program.
type Slot struct {
	Name        string   `json:"name"` // [a-z][a-z0-9_]*
	Type        SlotType `json:"type"`
	Label       string   `json:"label,omitempty"`
	Description string   `json:"description,omitempty"`
	Default     any      `json:"default"`            // null makes the slot optional: null means "no filter"
	Required    bool     `json:"required,omitempty"` // a value must be sent: there is no default
	Values      []any    `json:"values,omitempty"`   // what it may be; for a column slot, column names
	Min         *float64 `json:"min,omitempty"`      // of an integer or number
	Max         *float64 `json:"max,omitempty"`      // of an integer or number
	Column      string   `json:"column,omitempty"`   // the column whose values a value slot is compared with

	// Expressions gives, for values of a column slot that are not plain columns
	// (a leaf of a STRUCT, a number held in text), the SQL that stands for them.
	// It is text of our own making, never a caller's.
	Expressions map[string]string `json:"expressions,omitempty"`
}

// A Chart suggests how to show a result.
type Chart struct {
	Mark   string         `json:"mark"`             // bar, line, area, point, rect, arc, table, kpi
	X      string         `json:"x,omitempty"`      // result column
	Y      string         `json:"y,omitempty"`      // result column
	Series string         `json:"series,omitempty"` // result column
	Spec   map[string]any `json:"spec,omitempty"`   // Vega-Lite, without data
}

// A Program is a question with the SQL that answers it.
type Program struct {
	Name     string   `json:"name"`
	Cue      string   `json:"cue"` // the question, in plain words
	SQL      string   `json:"sql"`
	Dialect  string   `json:"dialect"` // "duckdb"
	Slots    []Slot   `json:"slots"`
	Tables   []string `json:"tables"`   // table names that the SQL reads
	Kind     string   `json:"kind"`     // aggregation, filtering, ranking, correlation, time_series, comparison, data_quality, custom
	Template string   `json:"template"` // id of the template that made it; empty for custom SQL
	Chart    *Chart   `json:"chart,omitempty"`
	Reason   []string `json:"reason"` // why it was chosen, each with numbers
	Score    float64  `json:"score"`
}
