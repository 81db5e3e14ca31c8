package program

import (
	"slices"
	"strings"

	"millwright/internal/errs"
)

// problems collects what is wrong, so that a caller sees all of it at once.
type problems []*errs.Error

func (p *problems) add(e *errs.Error) { *p = append(*p, e) }

// slot adds a fault of a slot or of its value. Empty fixes are left out.
func (p *problems) slot(pointer, msg string, fixes ...string) {
	fixes = slices.Compact(slices.DeleteFunc(fixes, func(fix string) bool { return fix == "" }))
	p.add(errs.New(errs.Invalid, "%s", msg).Named("slot-invalid").At(pointer).Fix(fixes...))
}

// err returns one error for all of them; nil if there is none.
func (p problems) err() error {
	switch len(p) {
	case 0:
		return nil
	case 1:
		return p[0]
	}
	const shown = 5
	all := errs.New(errs.Invalid, "").Named(p[0].Type)
	var msgs []string
	for i, e := range p {
		for _, f := range e.Fields {
			all.Fields = append(all.Fields, errs.Field{Pointer: f.Pointer, Msg: e.Public()})
		}
		// A fix makes sense only beside its own fault.
		if i < shown {
			msgs = append(msgs, e.Public())
		}
	}
	if len(p) > shown {
		msgs = append(msgs, "and more")
	}
	all.Msg = strings.Join(msgs, "; ")
	return all
}

// pointer returns the RFC 6901 pointer of the parts.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString("/")
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	return b.String()
}
