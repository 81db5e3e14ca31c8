package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/program"
)

// An Explanation is how a program would run.
type Explanation struct {
	Plan          string         `json:"plan" doc:"An operator a line, each indented below the one that reads it"`
	Operators     []PlanOperator `json:"operators" doc:"The same, read: the first gives the result"`
	EstimatedRows *int64         `json:"estimated_rows" doc:"Of the result, as the engine guesses; null if it does not"`
	SQL           string         `json:"sql" doc:"What the engine is given; slots that need a value and have none got an example"`
	Request       map[string]any `json:"request" doc:"The slot values, defaults included"`
	Tables        []TableRead    `json:"tables"`
	Columns       []ResultColumn `json:"columns" doc:"Of the result"`
}

// A PlanOperator is one operator of a plan.
type PlanOperator struct {
	Depth         int               `json:"depth" doc:"0 for the one that gives the result"`
	Operator      string            `json:"operator" example:"HASH_GROUP_BY"`
	Details       map[string]string `json:"details"`
	EstimatedRows *int64            `json:"estimated_rows"`
}

// A TableRead is a table that a program reads.
type TableRead struct {
	TableName string `json:"table_name"`
	Version   int64  `json:"version" doc:"Of its dataset; of a child table, of the dataset that it is made of"`
}

func explanationWire(x evaluate.Explanation) Explanation {
	return Explanation{Plan: x.Text, EstimatedRows: x.EstimatedRows, SQL: x.SQL, Request: x.Values, Columns: each(x.Columns, columnWire),
		Operators: each(x.Plan, func(p evaluate.PlanStep) PlanOperator {
			return PlanOperator{p.Depth, p.Operator, p.Details, p.EstimatedRows}
		}),
		Tables: each(x.Tables, func(t evaluate.TableRead) TableRead { return TableRead{t.Name, t.Version} })}
}

// A ProgramGraph is what a program does, for drawing: from datasets over steps to
// the columns of its result.
type ProgramGraph struct {
	Nodes []GraphNode `json:"nodes"`
	Edges []GraphEdge `json:"edges"`
}

// A GraphNode is one thing in a graph.
type GraphNode struct {
	ID      string `json:"id"`
	Type    string `json:"type" enum:"dataset,child,function,query,join,filter,aggregate,window,distinct,combine,sort,limit,result,column"`
	Label   string `json:"label"`
	Detail  string `json:"detail" doc:"The SQL of a step, the type of a column"`
	Version *int64 `json:"version" doc:"Of a dataset and of a child table"`
	Role    string `json:"role" doc:"Of a column"`
}

// A GraphEdge says that rows go from one node to another.
type GraphEdge struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	Target string `json:"target"`
}

func graphWire(g evaluate.Graph) ProgramGraph {
	return ProgramGraph{
		Nodes: each(g.Nodes, func(n evaluate.Node) GraphNode {
			w := GraphNode{ID: n.ID, Type: n.Kind, Label: n.Label, Detail: n.Detail, Role: n.Role}
			if n.Version != 0 {
				w.Version = &n.Version
			}
			return w
		}),
		Edges: each(g.Edges, func(e evaluate.Edge) GraphEdge { return GraphEdge{e.From + ">" + e.To, e.From, e.To} })}
}

// slotValues are values for the slots of a program.
type slotValues struct {
	_      struct{}       `json:"-" additionalProperties:"true"`
	Values map[string]any `json:"values,omitempty" doc:"Slot values"`
	Slots  map[string]any `json:"slots,omitempty" doc:"The same as values"`
}

func (v slotValues) all() map[string]any {
	if v.Values != nil {
		return v.Values
	}
	return v.Slots
}

func (s *Server) programPlans(a huma.API) {
	route(s, a, "POST /v1/queryprograms/{id}/explain", "queryprograms", "How a program would run: the plan, the tables and versions, about how many rows; nothing is run",
		func(ctx context.Context, in *struct {
			IDInput
			Body *slotValues
		}) (*out[Explanation], error) {
			r, err := s.program(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			req := evaluate.Request{ProjectID: r.ProjectID, Program: r.Program}
			if in.Body != nil {
				req.Values = in.Body.all()
			}
			return s.explanation(ctx, req)
		})
	route(s, a, "POST /v1/queryprograms/explain", "queryprograms", "The same for a program that is not stored", s.explainText)
	route(s, a, "GET /v1/queryprograms/{id}/graph", "queryprograms", "What a program does: from datasets over steps to the columns of its result", func(ctx context.Context, in *IDInput) (*out[ProgramGraph], error) {
		return s.graph(ctx, "", in.ID)
	})
	route(s, a, "POST /v1/actions/evaluate/queryprogram/graph", "queryprograms", "The same (the older route)", func(ctx context.Context, in *struct {
		Body struct {
			_              struct{} `json:"-" additionalProperties:"true"`
			ProjectID      string   `json:"project_id,omitempty" doc:"Whose program it is"`
			QueryProgramID string   `json:"queryprogram_id" doc:"Which program"`
		}
	}) (*out[ProgramGraph], error) {
		return s.graph(ctx, in.Body.ProjectID, in.Body.QueryProgramID)
	})
}

func (s *Server) explanation(ctx context.Context, req evaluate.Request) (*out[Explanation], error) {
	x, err := s.Evaluator.Explain(ctx, req)
	return ok(explanationWire(x)), err
}

func (s *Server) explainText(ctx context.Context, in *struct {
	Body struct {
		ProgramFields
		Values map[string]any `json:"values,omitempty" doc:"Slot values"`
	}
}) (*out[Explanation], error) {
	b := in.Body
	if _, err := s.project(ctx, text(b.ProjectID)); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	slots, _, err := b.slots()
	if err != nil {
		return nil, err
	}
	p := program.Program{Cue: text(b.cue()), SQL: text(b.code())}
	if slots != nil {
		p.Slots = *slots
	}
	return s.explanation(ctx, evaluate.Request{ProjectID: text(b.ProjectID), Program: p, Values: b.Values})
}

// graph answers for a program, which is in the project if one is named.
func (s *Server) graph(ctx context.Context, projectID, id string) (*out[ProgramGraph], error) {
	r, err := s.program(ctx, id)
	if err != nil {
		return nil, err
	}
	if projectID != "" && r.ProjectID != projectID {
		return nil, errs.New(errs.NotFound, "no such query program").At("/queryprogram_id")
	}
	g, err := s.Evaluator.Graph(ctx, evaluate.Request{ProjectID: r.ProjectID, Program: r.Program})
	return ok(graphWire(g)), err
}
