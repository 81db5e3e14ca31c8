package profile

import (
	"fmt"
	"slices"
	"strings"

	"millwright/internal/table"
)

// An Override is what a person says of a column, over what analysis finds. Empty
// fields leave that to analysis.
type Override struct {
	Role    Role    `json:"role,omitempty"`
	Subtype Subtype `json:"subtype,omitempty"` // of a measure
	Unit    string  `json:"unit,omitempty"`    // for people: "EUR", "km"
	Label   string  `json:"label,omitempty"`   // for people, instead of the name's words
	Hidden  bool    `json:"hidden,omitempty"`  // no program reads it
}

// IsZero reports whether nothing is said.
func (o Override) IsZero() bool { return o == Override{} }

// Found is what analysis found out about a column that was overridden.
type Found struct {
	Role     Role     `json:"role"`
	Subtype  Subtype  `json:"subtype,omitempty"`
	Label    string   `json:"label"`
	Evidence []string `json:"evidence"`

	AlsoMeasure bool `json:"also_measure,omitempty"`
}

// Settable returns the roles that a person can give to a column.
func Settable() []Role {
	return []Role{Key, ForeignKey, Code, Lat, Lon, Country, Region, City, Flag, EventTime, AuditTime, BirthDate, Year, DatePart,
		Email, URL, UUID, IP, ImageURL, Hash, Color, JSONText, FreeText, Label, Category, HighCard, OrdinalInt, Measure}
}

// Subtypes returns the subtypes that a person can give to a measure.
func Subtypes() []Subtype { return []Subtype{Flow, Stock, Ratio, Intensive, Circular, Untyped} }

// Unfit returns why the column cannot have the role; empty if it can.
func (o Override) Unfit(c Column) string {
	t := c.ValueType()
	switch o.Role {
	case "":
		if o.Subtype != "" && c.Role != Measure && !c.AlsoMeasure {
			return fmt.Sprintf("%s is no measure, so it has no subtype", c.Name)
		}
		return ""
	case Measure, Lat, Lon, Year, OrdinalInt:
		if !t.IsNumeric() {
			return fmt.Sprintf("%s holds %s, and a column of the role %s holds numbers", c.Name, t, o.Role)
		}
	case EventTime, AuditTime, BirthDate:
		if !t.IsTemporal() {
			return fmt.Sprintf("%s holds %s, and a column of the role %s holds dates or times", c.Name, t, o.Role)
		}
	case Key:
		if c.Nulls > 0 || c.Approx || c.Distinct != c.Rows {
			return fmt.Sprintf("%s has %d different values in %d rows, and a key has another one in each", c.Name, c.Distinct, c.Rows)
		}
	}
	switch {
	case !slices.Contains(Settable(), o.Role):
		return fmt.Sprintf("%q is no role that a column can be given", o.Role)
	case o.Subtype != "" && o.Role != Measure && o.Role != OrdinalInt:
		return fmt.Sprintf("a column of the role %s has no subtype", o.Role)
	case t.IsNested() || t.Kind == table.Other:
		return fmt.Sprintf("%s holds %s, and only single values have a role that can be chosen", c.Name, t)
	}
	return ""
}

// Apply returns the column with what the person says, instead of what a person said
// before. What analysis found stays in Overridden, and evidence says both. What does
// not fit is left out, and evidence says why: the data may have changed since.
func (o Override) Apply(c Column) Column {
	if c.Overridden != nil {
		found := *c.Overridden
		c.Role, c.Subtype, c.AlsoMeasure, c.Label, c.Evidence = found.Role, found.Subtype, found.AlsoMeasure, found.Label, slices.Clone(found.Evidence)
		c.Unit, c.Hidden, c.Overridden = "", false, nil
	}
	if o.IsZero() {
		return c
	}
	found := Found{Role: c.Role, Subtype: c.Subtype, AlsoMeasure: c.AlsoMeasure, Label: c.Label, Evidence: slices.Clone(c.Evidence)}
	c.Overridden = &found
	if why := o.Unfit(c); why != "" {
		c.Evidence = append(c.Evidence, "a person's choice was left out: "+why)
		o.Role, o.Subtype = "", ""
	}
	var said []string
	if o.Role != "" {
		c.Role, c.Subtype, c.AlsoMeasure = o.Role, "", false
		if o.Role == Measure {
			c.Subtype = found.Subtype
			if c.Subtype == "" {
				c.Subtype = Untyped
			}
		}
		said = append(said, fmt.Sprintf("the role is %s (analysis found %s)", o.Role, found.Role))
	}
	if o.Subtype != "" {
		c.Subtype, c.AlsoMeasure = o.Subtype, c.Role == OrdinalInt
		said = append(said, fmt.Sprintf("it is a %s measure", o.Subtype))
	}
	if o.Label != "" {
		c.Label = o.Label
		said = append(said, fmt.Sprintf("it is called %q", o.Label))
	}
	if o.Unit != "" {
		said = append(said, fmt.Sprintf("the unit is %q", o.Unit))
	}
	if o.Hidden {
		said = append(said, "it is hidden")
	}
	c.Unit, c.Hidden = o.Unit, o.Hidden
	if len(said) > 0 {
		c.Evidence = append(c.Evidence, "a person says: "+strings.Join(said, ", "))
	}
	return c
}
