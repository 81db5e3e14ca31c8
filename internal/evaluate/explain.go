package evaluate

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"millwright/internal/program"
)

// An Explanation is how the engine would run a program.
type Explanation struct {
	SQL           string         // what it is given
	Values        map[string]any // of every slot
	Text          string         // the plan, an operator a line, indented below the one that reads it
	Plan          []PlanStep     // the same, read
	EstimatedRows *int64         // of the result, as far as the engine guesses
	Columns       []Column       // of the result
	Tables        []TableRead    // by name
}

// A PlanStep is one operator of a plan.
type PlanStep struct {
	Depth         int // 0 for the one that gives the result; the next deeper ones below it are what it reads
	Operator      string
	Details       map[string]string
	EstimatedRows *int64
}

// A TableRead is a table that a program names.
type TableRead struct {
	Name    string
	Version int64 // of its dataset
}

// Explain asks the engine how it would run the request. Slots that need a value
// and have none get an example.
func (e *Evaluator) Explain(ctx context.Context, req Request) (Explanation, error) {
	pl, names, err := e.prepare(ctx, req)
	if err != nil {
		return Explanation{}, err
	}
	text, err := e.Engine.Explain(ctx, pl.query)
	if err != nil {
		return Explanation{}, pl.explainPlace(err)
	}
	d, err := e.Engine.Describe(ctx, pl.query)
	if err != nil {
		return Explanation{}, pl.explainPlace(err)
	}
	x := Explanation{SQL: pl.bound.SQL, Values: pl.bound.Values, Text: text, Plan: readPlan(text), Tables: []TableRead{}}
	for _, c := range d.Columns {
		x.Columns = append(x.Columns, columnOf(c, pl.tables.Roles))
	}
	for _, name := range names {
		x.Tables = append(x.Tables, TableRead{name, pl.tables.Versions[name]})
	}
	for _, step := range x.Plan {
		if step.EstimatedRows != nil {
			x.EstimatedRows = step.EstimatedRows
			break
		}
	}
	return x, nil
}

// prepare is plan with examples for the slots that lack a value; it returns the
// tables that the SQL names, too.
func (e *Evaluator) prepare(ctx context.Context, req Request) (plan, []string, error) {
	values := program.Example(req.Program)
	maps.Copy(values, req.Values)
	req.Values = values
	pl, err := e.plan(ctx, req)
	if err != nil {
		return plan{}, nil, err
	}
	all, err := e.Datasets.TableNames(ctx, req.ProjectID)
	if err != nil {
		return plan{}, nil, err
	}
	names, err := program.Mentions(pl.bound.SQL, all)
	return pl, names, err
}

// detail is how the engine's drivers tell one thing of an operator.
var detail = regexp.MustCompile(`  ([A-Z][A-Za-z ]*): `)

// readPlan reads a plan as [engine.Engine] gives it. What it cannot read it
// leaves in the operator's name.
func readPlan(text string) []PlanStep {
	var steps []PlanStep
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		if body == "" {
			continue
		}
		step := PlanStep{Depth: (len(line) - len(body)) / 2, Operator: body, Details: map[string]string{}}
		at := detail.FindAllStringSubmatchIndex(body, -1)
		for i, m := range at {
			if i == 0 {
				step.Operator = body[:m[0]]
			}
			end := len(body)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			step.Details[body[m[2]:m[3]]] = strings.TrimSpace(body[m[1]:end])
		}
		if n, err := strconv.ParseInt(step.Details["Estimated Cardinality"], 10, 64); err == nil {
			step.EstimatedRows = &n
			delete(step.Details, "Estimated Cardinality")
		}
		steps = append(steps, step)
	}
	return steps
}

// A Graph is what a program does, for drawing: from datasets over steps to the
// columns of its result.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// A Node is one thing in a graph.
type Node struct {
	ID      string
	Kind    string // dataset, child, function, query, join, filter, aggregate, window, distinct, combine, sort, limit, result or column
	Label   string
	Detail  string // the SQL of a step, the type of a column
	Version int64  // of a dataset and of a child table
	Role    string // of a column
}

// An Edge says that rows go from one node to another.
type Edge struct{ From, To string }

// Graph returns what the request's program does, step by step as its SQL says.
func (e *Evaluator) Graph(ctx context.Context, req Request) (Graph, error) {
	pl, names, err := e.prepare(ctx, req)
	if err != nil {
		return Graph{}, err
	}
	blocks, err := program.Outline(req.Program.SQL)
	if err != nil {
		return Graph{}, err
	}
	d, err := e.Engine.Describe(ctx, pl.query)
	if err != nil {
		return Graph{}, pl.explainPlace(err)
	}
	var g Graph
	for _, name := range names {
		g.table(name, pl.tables.Versions)
	}
	last := g.blocks(blocks, names)
	g.Nodes = append(g.Nodes, Node{ID: "result", Kind: "result", Label: "result"})
	g.edge(last, "result")
	for i, c := range d.Columns {
		column := columnOf(c, pl.tables.Roles)
		id := "column:" + strconv.Itoa(i)
		g.Nodes = append(g.Nodes, Node{ID: id, Kind: "column", Label: column.Name, Detail: column.Type.String(), Role: column.Role})
		g.edge([]string{"result"}, id)
	}
	return g, nil
}

func (g *Graph) edge(from []string, to string) {
	for _, id := range from {
		if e := (Edge{id, to}); !slices.Contains(g.Edges, e) {
			g.Edges = append(g.Edges, e)
		}
	}
}

func (g *Graph) has(id string) bool {
	return slices.ContainsFunc(g.Nodes, func(n Node) bool { return n.ID == id })
}

// table adds a table and, for a child table, the dataset that it is made of.
func (g *Graph) table(name string, versions map[string]int64) {
	id, kind := "table:"+name, "dataset"
	if g.has(id) {
		return
	}
	if parent := parentOf(name, versions); parent != "" {
		kind = "child"
		g.table(parent, versions)
		defer g.edge([]string{"table:" + parent}, id)
	}
	g.Nodes = append(g.Nodes, Node{ID: id, Kind: kind, Label: name, Version: versions[name]})
}

// parentOf returns the table of a plan that a child table is made of; "" for a
// dataset. A child is called after its parent: parent__field.
func parentOf(name string, versions map[string]int64) string {
	best := ""
	for other := range versions {
		if strings.HasPrefix(name, other+"__") && len(other) > len(best) {
			best = other
		}
	}
	return best
}

// blocks adds the steps and returns where the rows of the last block come from.
func (g *Graph) blocks(blocks []program.Block, tables []string) []string {
	ends := make([][]string, len(blocks))
	for i, b := range blocks {
		var from []string
		for _, name := range b.Tables {
			from = append(from, g.source(name, tables))
		}
		for _, other := range b.Blocks {
			from = append(from, ends[other]...)
		}
		for n, step := range b.Steps {
			id := "step:" + strconv.Itoa(i) + "." + strconv.Itoa(n)
			g.Nodes = append(g.Nodes, Node{ID: id, Kind: string(step.Kind), Label: string(step.Kind), Detail: step.Text})
			g.edge(from, id)
			from = []string{id}
		}
		if b.Name != "" {
			id := "query:" + strconv.Itoa(i)
			g.Nodes = append(g.Nodes, Node{ID: id, Kind: "query", Label: b.Name})
			g.edge(from, id)
			from = []string{id}
		}
		ends[i] = from
	}
	return ends[len(ends)-1]
}

// source returns the node of a table or of a function that makes rows.
func (g *Graph) source(name string, tables []string) string {
	for _, known := range tables {
		if strings.EqualFold(known, name) {
			return "table:" + known
		}
	}
	id := "function:" + name
	if !g.has(id) {
		g.Nodes = append(g.Nodes, Node{ID: id, Kind: "function", Label: name})
	}
	return id
}
