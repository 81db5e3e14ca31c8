package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/explore"
)

// A Conversation about the data of a project, as clients see it.
type Conversation struct {
	ID               string     `json:"id"`
	ProjectID        string     `json:"project_id"`
	QueryProgramID   *string    `json:"queryprogram_id" doc:"The program that it is about"`
	UserID           string     `json:"user_id" doc:"Who began it"`
	Title            string     `json:"title"`
	DefaultSlugModel *string    `json:"default_slug_model" doc:"The caller's own word"`
	Starred          bool       `json:"starred"`
	Archived         bool       `json:"archived"`
	IsStarred        bool       `json:"is_starred" doc:"The same as starred"`
	IsArchived       bool       `json:"is_archived" doc:"The same as archived"`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
	DeletedAt        *time.Time `json:"deleted_at"`
}

func conversationWire(c explore.Conversation) Conversation {
	return Conversation{ID: c.ID, ProjectID: c.ProjectID, QueryProgramID: orNull(c.ProgramID), UserID: c.UserID, Title: c.Title, DefaultSlugModel: orNull(c.Model),
		Starred: c.Starred, IsStarred: c.Starred, Archived: c.Archived, IsArchived: c.Archived, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, DeletedAt: c.DeletedAt}
}

// A Message of a conversation, as clients see it.
type Message struct {
	ID             string    `json:"id"`
	ConversationID string    `json:"conversation_id"`
	NodeID         string    `json:"node_id" doc:"The same as id"`
	AuthorRole     string    `json:"author_role" enum:"user,assistant,tool"`
	AuthorUserID   *string   `json:"author_user_id"`
	AuthorName     *string   `json:"author_name"`
	ContentType    string    `json:"content_type" enum:"text,function-call,function-response"`
	ContentText    string    `json:"content_text" doc:"Text; of a call and a response, JSON in text"`
	Status         string    `json:"status" enum:"finished_successfully,finished_with_error"`
	Recipient      string    `json:"recipient"`
	Channel        *string   `json:"channel" doc:"Always null"`
	Weight         float64   `json:"weight" doc:"1; 0 of what is not for people"`
	EndTurn        bool      `json:"end_turn" doc:"Whether it is somebody else's turn now"`
	RequestID      string    `json:"request_id" doc:"The same for a question and all that answers it"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

func messageWire(m explore.Message) Message {
	w := Message{ID: m.ID, ConversationID: m.ConversationID, NodeID: m.ID, AuthorRole: string(m.Role), AuthorUserID: orNull(m.UserID), AuthorName: orNull(m.Name),
		ContentType: m.Type, ContentText: m.Content, Status: m.Status, Recipient: m.Recipient, Weight: 1, EndTurn: m.Type != explore.Call, RequestID: m.Turn,
		CreatedAt: m.CreatedAt, UpdatedAt: m.CreatedAt}
	if m.Hidden {
		w.Weight = 0
	}
	return w
}

type conversationFields struct {
	_                struct{} `json:"-" additionalProperties:"true"`
	ProjectID        string   `json:"project_id,omitempty" doc:"Where it is begun; it stays there"`
	QueryProgramID   *string  `json:"queryprogram_id,omitempty" doc:"A program that it is about: it is asked first"`
	Title            *string  `json:"title,omitempty" doc:"At most 200 characters; the first question if absent" example:"Sales"`
	DefaultSlugModel *string  `json:"default_slug_model,omitempty" doc:"The caller's own word"`
	Starred          *bool    `json:"is_starred,omitempty" doc:"In a change"`
	Archived         *bool    `json:"is_archived,omitempty" doc:"In a change"`
}

// conversation returns a conversation of a project that the caller sees.
func (s *Server) conversation(ctx context.Context, id string) (explore.Conversation, error) {
	c, err := s.Explore.Get(ctx, id)
	if err != nil {
		return c, err
	}
	if _, err := s.project(ctx, c.ProjectID); err != nil {
		return explore.Conversation{}, errs.New(errs.NotFound, "no such conversation")
	}
	return c, nil
}

// ownConversation returns a conversation that the caller may go on with, or change:
// its own, or one of a team in which it may change things.
func (s *Server) ownConversation(ctx context.Context, id string) (explore.Conversation, error) {
	c, err := s.conversation(ctx, id)
	if err != nil || c.UserID == caller(ctx).User.ID {
		return c, err
	}
	_, err = s.changeable(ctx, c.ProjectID)
	return c, err
}

func (s *Server) explorations(a huma.API) {
	route(s, a, "GET /v1/explore", "explore", "The conversations of a project, oldest first", func(ctx context.Context, in *struct {
		ProjectID      string `query:"project_id" required:"true" doc:"Of which project"`
		QueryProgramID string `query:"queryprogram_id" doc:"Only those about this program"`
	}) (*out[[]Conversation], error) {
		if _, err := s.project(ctx, in.ProjectID); err != nil {
			return nil, err
		}
		list, err := s.Explore.List(ctx, in.ProjectID, in.QueryProgramID)
		return okList(each(list, conversationWire)), err
	})
	route(s, a, "POST /v1/explore", "explore", "Begin a conversation about the data of a project", s.createConversation)
	route(s, a, "GET /v1/explore/{id}", "explore", "One conversation", func(ctx context.Context, in *IDInput) (*out[Conversation], error) {
		c, err := s.conversation(ctx, in.ID)
		return ok(conversationWire(c)), err
	})
	route(s, a, "PATCH /v1/explore/{id}", "explore", "Change a conversation", func(ctx context.Context, in *struct {
		IDInput
		Body conversationFields
	}) (*out[Conversation], error) {
		b := in.Body
		return s.changeConversation(ctx, in.ID, explore.Change{Title: b.Title, Model: b.DefaultSlugModel, Starred: b.Starred, Archived: b.Archived})
	})
	route(s, a, "PATCH /v1/explore/{id}/archive", "explore", "Put a conversation away", func(ctx context.Context, in *IDInput) (*out[Conversation], error) {
		archived := true
		return s.changeConversation(ctx, in.ID, explore.Change{Archived: &archived})
	})
	route(s, a, "DELETE /v1/explore/{id}", "explore", "Delete a conversation", func(ctx context.Context, in *DeleteInput) (*out[Conversation], error) {
		if _, err := s.ownConversation(ctx, in.ID); err != nil {
			return nil, err
		}
		c, err := s.Explore.Delete(ctx, in.ID, in.Permanent)
		return ok(conversationWire(c)), err
	})
	route(s, a, "GET /v1/explore/{id}/messages", "explore", "What was said, in order", func(ctx context.Context, in *struct {
		IDInput
		IncludeHidden bool `query:"include_hidden" doc:"What is not for people too"`
	}) (*out[[]Message], error) {
		if _, err := s.conversation(ctx, in.ID); err != nil {
			return nil, err
		}
		list, err := s.Explore.Messages(ctx, in.ID, in.IncludeHidden)
		return okList(each(list, messageWire)), err
	})
	route(s, a, "GET /v1/explore/{id}/graph", "explore", "What was said, with what belongs to one answer in groups", s.conversationGraph)
	s.says(a)
}

func (s *Server) createConversation(ctx context.Context, in *struct{ Body conversationFields }) (*out[Conversation], error) {
	b := in.Body
	if b.ProjectID == "" {
		return nil, missing("project_id")
	}
	if _, err := s.project(ctx, b.ProjectID); err != nil {
		return nil, pointAt(err, "/project_id")
	}
	if id := text(b.QueryProgramID); id != "" {
		r, err := s.program(ctx, id)
		if err == nil && r.ProjectID != b.ProjectID {
			err = errs.New(errs.NotFound, "no such query program")
		}
		if err != nil {
			return nil, pointAt(err, "/queryprogram_id")
		}
	}
	c, err := s.Explore.Create(ctx, explore.Conversation{ProjectID: b.ProjectID, ProgramID: text(b.QueryProgramID), UserID: caller(ctx).User.ID, Title: text(b.Title), Model: text(b.DefaultSlugModel)})
	return ok(conversationWire(c)), err
}

func (s *Server) changeConversation(ctx context.Context, id string, change explore.Change) (*out[Conversation], error) {
	if _, err := s.ownConversation(ctx, id); err != nil {
		return nil, err
	}
	c, err := s.Explore.Update(ctx, id, change)
	return ok(conversationWire(c)), err
}

// A ConversationGraph is a conversation as a known client draws it.
type ConversationGraph struct {
	ConversationID string      `json:"conversation_id"`
	Items          []GraphItem `json:"items"`
}

// A GraphItem is a message, or a group of the messages that answer one.
type GraphItem struct {
	ID        string         `json:"id"`
	CreatedAt time.Time      `json:"created_at"`
	Kind      string         `json:"kind" enum:"node,group"`
	Message   *Message       `json:"message,omitempty" doc:"Of a node"`
	Status    string         `json:"status"`
	Items     []GraphMessage `json:"items,omitempty" doc:"Of a group"`
}

// A GraphMessage is a message in a group.
type GraphMessage struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Kind      string    `json:"kind" enum:"node"`
	Message   Message   `json:"message"`
	Status    string    `json:"status"`
}

func (s *Server) conversationGraph(ctx context.Context, in *IDInput) (*out[ConversationGraph], error) {
	if _, err := s.conversation(ctx, in.ID); err != nil {
		return nil, err
	}
	list, err := s.Explore.Messages(ctx, in.ID, false)
	if err != nil {
		return nil, err
	}
	g := ConversationGraph{ConversationID: in.ID, Items: []GraphItem{}}
	group := -1 // the item of the turn that is being answered
	for _, m := range list {
		w := messageWire(m)
		if m.Role == explore.User {
			g.Items, group = append(g.Items, GraphItem{ID: m.ID, CreatedAt: m.CreatedAt, Kind: "node", Message: &w, Status: m.Status}), -1
			continue
		}
		if group < 0 {
			g.Items = append(g.Items, GraphItem{ID: m.Turn, CreatedAt: m.CreatedAt, Kind: "group"})
			group = len(g.Items) - 1
		}
		g.Items[group].Items = append(g.Items[group].Items, GraphMessage{ID: m.ID, CreatedAt: m.CreatedAt, Kind: "node", Message: w, Status: m.Status})
		g.Items[group].Status = m.Status
	}
	return ok(g), nil
}
