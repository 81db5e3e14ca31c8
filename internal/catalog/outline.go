package catalog

import (
	"context"
	"encoding/json"
	"sync"

	"millwright/internal/dataset"
	"millwright/internal/errs"
	"millwright/internal/profile"
)

// An outline is what queries need of a profile: the roles of the columns and the child
// tables. A profile of thousands of columns is megabytes of JSON; every query of the
// project would read all of it to find out that it needs nothing of it.
type outline struct {
	columns  []columnRole
	children []profile.ChildTable // without statistics
}

type columnRole struct{ name, role string }

// maxOutlines bounds what is kept; beyond it everything is forgotten.
const maxOutlines = 512

// outlines remembers the outline of each dataset's profile by the profile's mark.
type outlines struct {
	mu   sync.Mutex // guards the field below
	kept map[string]marked
}

type marked struct {
	mark dataset.ProfileMark
	*outline
}

func (o *outlines) find(id string, mark dataset.ProfileMark) (*outline, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m, ok := o.kept[id]
	return m.outline, ok && m.mark == mark
}

func (o *outlines) keep(id string, mark dataset.ProfileMark, of *outline) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.kept == nil || len(o.kept) >= maxOutlines {
		o.kept = map[string]marked{}
	}
	o.kept[id] = marked{mark, of}
}

// outline returns the outline of what analysis found about a version of the dataset,
// or about the one that it was appended to; an empty one if none was analysed yet.
func (c *Catalog) outline(ctx context.Context, d dataset.Dataset, version int64) (*outline, error) {
	// Before the read: what is stored meanwhile must not pass for this one.
	mark, err := c.Datasets.NewestProfileMark(ctx, d.ID, version)
	if errs.KindOf(err) == errs.NotFound {
		return &outline{}, nil
	}
	if err != nil {
		return nil, err
	}
	if known, ok := c.outlines.find(d.ID, mark); ok {
		return known, nil
	}
	text, err := c.Datasets.NewestProfile(ctx, d.ID, version)
	if err != nil {
		return nil, err
	}
	p := profile.Profile{}
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, errs.New(errs.Internal, "a stored profile cannot be read").Because(err)
	}
	o := &outline{children: p.Children}
	for i := range o.children {
		o.children[i].Columns = nil
	}
	for _, col := range p.Columns {
		o.columns = append(o.columns, columnRole{col.Name, string(col.Role)})
	}
	c.outlines.keep(d.ID, mark, o)
	return o, nil
}
