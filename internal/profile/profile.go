// Package profile holds what analysis finds out about a dataset version: for
// each column its statistics, role and the evidence, and facts about the table.
package profile

import (
	"strings"

	"millwright/internal/table"
)

// A Role is what a column means.
type Role string

// The roles, in the order in which the rules are tried.
const (
	Empty      Role = "empty"
	Constant   Role = "constant"
	Key        Role = "key"
	ForeignKey Role = "fk"
	Code       Role = "code"
	Lat        Role = "lat"
	Lon        Role = "lon"
	GeoPoint   Role = "geopoint"
	Country    Role = "country"
	Region     Role = "region"
	City       Role = "city"
	Flag       Role = "flag"
	EventTime  Role = "event_time"
	AuditTime  Role = "audit_time"
	BirthDate  Role = "birth_date"
	Year       Role = "year"
	DatePart   Role = "date_part"
	Email      Role = "email"
	URL        Role = "url"
	UUID       Role = "uuid"
	IP         Role = "ip"
	ImageURL   Role = "image_url"
	Hash       Role = "hash"
	Color      Role = "color"
	JSONText   Role = "json_text"
	FreeText   Role = "free_text"
	Label      Role = "label"
	Category   Role = "category"
	OrdinalInt Role = "ordinal_int"
	Measure    Role = "measure"
	ListRole   Role = "list"  // LIST of scalars
	Child      Role = "child" // LIST of STRUCT: a child table
	MapRole    Role = "map"
	Container  Role = "container" // STRUCT; its leaves are columns of their own
	HighCard   Role = "high_card" // category with 101..1000 values: top-N only
	Unknown    Role = "unknown"
)

// A Subtype of a measure decides which aggregates make sense.
type Subtype string

// The measure subtypes.
const (
	Flow      Subtype = "flow"      // additive: amount, count
	Stock     Subtype = "stock"     // additive across entities, never across time: balance, population
	Ratio     Subtype = "ratio"     // never additive: share, rate
	Intensive Subtype = "intensive" // never additive: price, temperature
	Circular  Subtype = "circular"  // angle, direction
	Untyped   Subtype = "unknown"
)

// A Column is what is known of a column, or of a leaf inside a STRUCT.
type Column struct {
	ID          int         `json:"id,omitempty"` // Parquet field id; 0 for what is no field of the schema
	Path        []string    `json:"path"`         // column name, then field names: ["customer","tier"]
	Name        string      `json:"name"`         // the path joined with "."
	Label       string      `json:"label"`        // for people: "customer tier"
	Type        table.Type  `json:"type"`
	Virtual     string      `json:"virtual,omitempty"` // SQL over the table that gives the typed value when the column's own type is not it: a number or date in text, an epoch; empty means the path itself
	VirtualType *table.Type `json:"virtual_type,omitempty"`

	Rows      int64   `json:"rows"`
	Nulls     int64   `json:"nulls"`
	Distinct  int64   `json:"distinct"`         // exact, unless Approx; of a list of scalars its elements', of a map its keys'
	Approx    bool    `json:"approx,omitempty"` // counts are missing or not exact: the time for analysis was used up
	Min       string  `json:"min,omitempty"`    // as text
	Max       string  `json:"max,omitempty"`
	Avg       float64 `json:"avg,omitempty"`
	StdDev    float64 `json:"stddev,omitempty"`
	Q1        float64 `json:"q1,omitempty"`
	Median    float64 `json:"median,omitempty"`
	Q3        float64 `json:"q3,omitempty"`
	Skew      float64 `json:"skew,omitempty"`
	Kurtosis  float64 `json:"kurtosis,omitempty"` // excess
	Zeros     int64   `json:"zeros,omitempty"`
	Negative  int64   `json:"negative,omitempty"`
	Integers  int64   `json:"integers,omitempty"` // values without a fraction
	Decimals  int     `json:"decimals,omitempty"` // of a DOUBLE, the fewest of 2, 4 and 6 decimals with which every value is written exactly; 0 if 6 are not enough, or none is needed
	AvgLen    float64 `json:"avg_len,omitempty"`  // characters for text; elements for a list or map
	MaxLen    int64   `json:"max_len,omitempty"`
	AvgWords  float64 `json:"avg_words,omitempty"`
	ModeShare float64 `json:"mode_share"`    // of the non-null values
	Top       []Value `json:"top,omitempty"` // most frequent values, at most 50, none over 200 characters; of a list of scalars its elements, of a map its keys

	Role        Role     `json:"role"`
	Subtype     Subtype  `json:"subtype,omitempty"`      // of a measure, or of an ordinal that is one too
	AlsoMeasure bool     `json:"also_measure,omitempty"` // ordinal_int with a dual role
	Evidence    []string `json:"evidence"`               // the rules that fired, with their numbers

	Unit       string `json:"unit,omitempty"`       // what a person says it is measured in
	Hidden     bool   `json:"hidden,omitempty"`     // a person wants no program to read it
	Overridden *Found `json:"overridden,omitempty"` // what analysis found, where a person says otherwise
}

// A Value is a value and how often it occurs.
type Value struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

// NonNull returns the number of values.
func (c Column) NonNull() int64 { return c.Rows - c.Nulls }

// SQL returns the expression, over the table, that gives the column's typed
// value: Virtual if there is one, else the path.
func (c Column) SQL() string {
	if c.Virtual != "" {
		return c.Virtual
	}
	return PathSQL(c.Path)
}

// ValueType returns the type of SQL's value.
func (c Column) ValueType() table.Type {
	if c.VirtualType != nil {
		return *c.VirtualType
	}
	return c.Type
}

// PathSQL returns the expression for a column, or for a field inside a STRUCT.
func PathSQL(path []string) string {
	if len(path) == 1 {
		return table.Quote(path[0])
	}
	// Without the parentheses "a"."b" would be column b of a table named a.
	var b strings.Builder
	b.WriteString("(" + table.Quote(path[0]) + ")")
	for _, name := range path[1:] {
		b.WriteString("." + table.Quote(name))
	}
	return b.String()
}

// NullShare returns the share of nulls, 0..1; 0 for an empty table.
func (c Column) NullShare() float64 {
	if c.Rows == 0 {
		return 0
	}
	return float64(c.Nulls) / float64(c.Rows)
}

// Facts are what is known of the table as a whole.
type Facts struct {
	Grain         string      `json:"grain"`                    // what one row is, singular: "order"
	Plural        string      `json:"plural"`                   // "orders"
	Keys          []string    `json:"keys,omitempty"`           // columns each of which alone identifies a row, best first
	TimeColumn    string      `json:"time_column,omitempty"`    // best event time
	EntityColumn  string      `json:"entity_column,omitempty"`  // best label, or key
	TimeSpanDays  float64     `json:"time_span_days,omitempty"` // of TimeColumn
	Panel         bool        `json:"panel,omitempty"`          // (time, entity) is unique with at least 3 periods per entity
	PanelEntity   string      `json:"panel_entity,omitempty"`
	PanelTime     string      `json:"panel_time,omitempty"`     // an event time or a year
	RegularSeries bool        `json:"regular_series,omitempty"` // exactly one row per period
	EvenPeriods   []string    `json:"even_periods,omitempty"`   // times and years that all have the same number of rows: counting over them says nothing
	WidePeriods   []string    `json:"wide_periods,omitempty"`   // at least 6 numeric columns named as years or months
	Dependencies  [][2]string `json:"dependencies,omitempty"`   // a determines b
	Duplicates    [][2]string `json:"duplicates,omitempty"`     // keep the first, ignore the second
	Notes         []string    `json:"notes,omitempty"`
}

// A ChildTable is a nested array of objects, queryable as a table of its own.
// It holds one row an element; its KeyColumns carry the parent's key, so that a
// join from the child meets each parent row once and nothing is counted twice.
type ChildTable struct {
	Table      string       `json:"table"`                 // "orders__items"
	Parent     string       `json:"parent"`                // the table that Column is in; itself a child table for an array in an array
	Column     string       `json:"column"`                // the LIST column in the parent, dotted if inside a STRUCT
	ParentKeys []string     `json:"parent_keys,omitempty"` // columns of the parent that identify its row; none if it has no key
	KeyColumns []string     `json:"key_columns"`           // the child's columns that hold them, in the same order; ["_row_id"] without keys: a row number that the parent does not show
	View       string       `json:"view"`                  // SELECT over Parent that makes the table
	Schema     table.Schema `json:"schema"`                // of View
	Grain      string       `json:"grain"`                 // what one row is, singular: "item"
	Plural     string       `json:"plural"`                // "items"
	Columns    []Column     `json:"columns"`
	Rows       int64        `json:"rows"`
}

// A Profile is what analysis found about one dataset version.
type Profile struct {
	Table    string       `json:"table"`
	Rows     int64        `json:"rows"`
	Columns  []Column     `json:"columns"` // in table order; leaves of a STRUCT follow it
	Facts    Facts        `json:"facts"`
	Children []ChildTable `json:"children,omitempty"`
}

// Column returns the column of that dotted name.
func (p *Profile) Column(name string) (Column, bool) {
	for _, c := range p.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}
