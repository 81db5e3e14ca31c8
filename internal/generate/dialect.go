package generate

import (
	"millwright/internal/generate/template"
	"millwright/internal/profile"
	"millwright/internal/program"
	"millwright/internal/program/store"
)

// InDialect writes a generated program anew in another dialect, with the defaults
// that it has; links are those of the table's columns, for a program that joins. It
// reports false for a program that no template writes any more: what a person edited
// belongs to the dialect that it was edited in.
func InDialect(p *profile.Profile, old program.Program, d template.Dialect, links ...template.Link) (program.Program, bool) {
	s, own := template.NewSource(p, d), template.NewSource(p, template.DuckDB())
	s.Links, own.Links = links, links
	relate(s, old)
	relate(own, old)
	for _, t := range template.All() {
		if t.ID != old.Template {
			continue
		}
		made, same := t.Make(s), t.Make(own)
		for i := range min(len(made), len(same)) {
			// It is the same program only if DuckDB's text is the one that is stored.
			if same[i].Program.SQL != old.SQL || store.Identity(same[i].Program) != store.Identity(old) {
				continue
			}
			fresh := made[i].Program
			fresh.Name, fresh.Cue, fresh.Slots = old.Name, old.Cue, made[i].Program.Slots
			return fresh, true
		}
	}
	return program.Program{}, false
}

// relate tells the source of the pair that a program about a correlation is about.
func relate(s *template.Source, p program.Program) {
	var pair []profile.Column
	for _, slot := range p.Slots {
		if name, ok := slot.Default.(string); ok && (slot.Name == "x" || slot.Name == "y") {
			if c, ok := s.Profile.Column(name); ok {
				pair = append(pair, c)
			}
		}
	}
	if len(pair) == 2 {
		s.Related = []template.Relation{{X: pair[0], Y: pair[1]}}
	}
}
