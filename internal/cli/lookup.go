package cli

import (
	"context"
	"net/url"
	"strings"

	"millwright/internal/errs"
	"millwright/internal/program"
)

// A named thing has an id, a name that people gave it, and one that SQL knows.
type named interface {
	names() (id, name, table string)
}

func (d datasourceLine) names() (id, name, table string) { return d.ID, d.Name, d.TableName }

// choose returns the one of all that a person means: by its id, the name of its
// table, or its own name in any case.
func choose[T named](all []T, what, wanted string) (none T, err error) {
	var matches []T
	var known, tables []string
	for _, one := range all {
		id, name, table := one.names()
		if id == wanted || table == wanted {
			return one, nil
		}
		if strings.EqualFold(name, wanted) {
			matches = append(matches, one)
			tables = append(tables, "name it "+table)
		}
		known = append(known, name, table)
	}
	switch len(matches) {
	case 0:
		err := errs.New(errs.NotFound, "there is no %s named %q", what, wanted)
		if near, ok := program.Nearest(wanted, known); ok {
			return none, err.Fix("name it " + near)
		}
		return none, err.Fix("make one with 'millwright connect'")
	case 1:
		return matches[0], nil
	}
	return none, usage("%q means %d %ss", wanted, len(matches), what).Fix(tables...)
}

// A datasetLine is a dataset as the server shows it.
type datasetLine struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	TableName string `json:"table_name"`
	Version   int64  `json:"version"`
}

func (d datasetLine) names() (id, name, table string) { return d.ID, d.Name, d.TableName }

func (d datasetLine) path() string { return "/v1/datalines/" + url.PathEscape(d.ID) }

// dataset returns the dataset of the project that name means; see choose.
func (s *session) dataset(ctx context.Context, name string) (datasetLine, error) {
	var all []datasetLine
	if err := s.call(ctx, "GET", "/v1/datalines/project/"+s.project, nil, nil, &all); err != nil {
		return datasetLine{}, err
	}
	return choose(all, "dataset", name)
}
