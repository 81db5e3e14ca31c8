package analyze

import (
	"slices"

	"millwright/internal/profile"
)

// override lets what a person says of columns prevail over what was found out.
// What is inside a hidden column is hidden with it.
func (r *run) override(leaves []*leaf) {
	var hidden [][]string
	for _, l := range leaves {
		o := r.overrides[l.col.ID]
		if l.col.ID == 0 {
			o = profile.Override{}
		}
		inside := func(path []string) bool {
			return len(path) < len(l.col.Path) && slices.Equal(path, l.col.Path[:len(path)])
		}
		if slices.ContainsFunc(hidden, inside) {
			o.Hidden = true
		}
		l.col = o.Apply(l.col)
		if l.col.Hidden {
			hidden = append(hidden, l.col.Path)
		}
	}
}

// masked runs find while hidden columns have no role: what nobody is to see cannot
// be the key or the clock of a table. What find learns of the roles and subtypes of
// other columns stays, under what a person says of them.
func (r *run) masked(leaves []*leaf, find func() error) error {
	roles := make([]profile.Role, len(leaves))
	for i, l := range leaves {
		roles[i] = l.col.Role
		if l.col.Hidden {
			l.col.Role = profile.Unknown
		}
	}
	err := find()
	for i, l := range leaves {
		if l.col.Hidden {
			l.col.Role = roles[i]
		}
		if o := r.overrides[l.col.ID]; o.Subtype != "" && l.col.Role == profile.Measure {
			l.col.Subtype = o.Subtype
		}
	}
	return err
}

// shown leaves out of the facts what is said by comparing with a hidden column.
func shown(f profile.Facts, leaves []*leaf) profile.Facts {
	hidden := map[string]bool{}
	for _, l := range leaves {
		hidden[l.col.Name] = l.col.Hidden
	}
	either := func(pair [2]string) bool { return hidden[pair[0]] || hidden[pair[1]] }
	f.Duplicates = slices.DeleteFunc(f.Duplicates, either)
	f.Dependencies = slices.DeleteFunc(f.Dependencies, either)
	f.WidePeriods = slices.DeleteFunc(f.WidePeriods, func(name string) bool { return hidden[name] })
	return f
}
