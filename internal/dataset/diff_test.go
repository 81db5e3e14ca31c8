package dataset_test

import (
	"encoding/json"
	"testing"

	"millwright/internal/dataset"
	"millwright/internal/table"
)

func typed(id int, name string, t table.Type) table.Column {
	return table.Column{ID: id, Name: name, Key: name, Type: t}
}

func TestDiffSaysWhatChanged(t *testing.T) {
	bigint, text, double := table.Type{Kind: table.BigInt}, table.Type{Kind: table.Varchar}, table.Type{Kind: table.Double}
	list := func(elem table.Type) table.Type { return table.Type{Kind: table.List, Elem: &elem, ElemID: 90} }
	mapped := func(elem table.Type) table.Type {
		return table.Type{Kind: table.Map, Elem: &elem, ElemID: 91, KeyID: 92}
	}
	object := func(fields ...table.Column) table.Type { return table.Type{Kind: table.Struct, Fields: fields} }
	before := dataset.Version{
		Version: 3, Rows: 10, Verdict: json.RawMessage(`{"state":"complete"}`),
		Schema: columns(typed(1, "id", bigint), typed(2, "old", text), typed(3, "n", double), typed(4, "same", list(bigint)),
			typed(5, "o", object(typed(6, "a", bigint), typed(7, "gone", text))), typed(8, "items", list(object(typed(9, "x", bigint)))),
			typed(10, "m", mapped(bigint)), typed(11, "flag", table.Type{Kind: table.Boolean}), typed(12, "name", text)),
	}
	after := dataset.Version{
		Version: 5, Rows: 12, Key: []string{"id", "n"}, Verdict: json.RawMessage(`{"state":"limited"}`),
		Schema: columns(typed(13, "fresh", text), typed(1, "id", text), typed(3, "n", bigint), typed(4, "same", list(bigint)),
			typed(5, "o", object(typed(6, "a", double))), typed(8, "items", list(object(typed(9, "x", bigint), typed(14, "y", bigint)))),
			typed(10, "m", mapped(text)), typed(11, "flag", bigint), typed(12, "title", text)),
	}
	d := dataset.Diff(before, after)
	diff(t, "lines", d.Lines, []string{
		"new column fresh VARCHAR",
		"column id was widened from BIGINT to VARCHAR",
		"column n was narrowed from DOUBLE to BIGINT",
		"column o.a was widened from BIGINT to DOUBLE",
		"column o.gone VARCHAR is missing",
		"new column items[].y BIGINT",
		"column m{} was widened from BIGINT to VARCHAR",
		"column flag was retyped from BOOLEAN to BIGINT",
		"column title was called name",
		"column old VARCHAR is missing",
		"the merge key was none and is id, n",
		"10 rows became 12",
		`the verdict was "complete" and is "limited"`,
	})
	diff(t, "a change", d.Columns[1], dataset.Change{Column: "id", Kind: dataset.Widened, From: "BIGINT", To: "VARCHAR"})
	d.Columns, d.Lines = nil, nil
	diff(t, "the rest", d, dataset.Difference{From: 3, To: 5, KeyBefore: []string{}, KeyAfter: []string{"id", "n"},
		RowsBefore: 10, RowsAfter: 12, VerdictBefore: "complete", VerdictAfter: "limited"})

	back := dataset.Diff(after, before)
	if back.Lines[0] != "column id was narrowed from VARCHAR to BIGINT" || back.Columns[len(back.Columns)-1].Kind != dataset.Missing {
		t.Errorf("backwards: %q", back.Lines)
	}
}

func TestDiffOfEqualVersions(t *testing.T) {
	v := dataset.Version{Version: 1, Rows: 3, Schema: columns(column(1, "a")), Verdict: json.RawMessage(`[]`)}
	d := dataset.Diff(v, v)
	diff(t, "lines", d.Lines, []string{"the same columns and as many rows"})
	if text, err := json.Marshal(d); err != nil || string(text) !=
		`{"from":1,"to":1,"columns":[],"key_before":[],"key_after":[],"rows_before":3,"rows_after":3,"verdict_before":"","verdict_after":"","lines":["the same columns and as many rows"]}` {
		t.Errorf("got %s, %v", text, err)
	}
}
