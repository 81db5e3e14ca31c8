// Package explore keeps conversations about the data of a project: who said what, in
// which order, and which messages belong to one answer. What is answered is decided
// elsewhere.
package explore

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// An ID names a conversation or a message: a UUIDv7 in text.
type ID = string

// A Conversation belongs to a project.
type Conversation struct {
	ID        ID
	ProjectID string
	ProgramID string // the program it is about; "" for none
	UserID    string // who began it
	Title     string
	Model     string // a client's own word
	Starred   bool
	Archived  bool
	CreatedAt time.Time
	UpdatedAt time.Time  // the last message counts
	DeletedAt *time.Time // nil while it lives
}

// A Role says who speaks.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // what a query program answered
)

// The types of content.
const (
	Text     = "text"              // content is what to read
	Call     = "function-call"     // content is JSON: {name, endpoint, arguments}
	Response = "function-response" // content is JSON: the result, or why there is none
)

// The states of a message. It is stored when it is finished.
const (
	Finished = "finished_successfully"
	Failed   = "finished_with_error"
)

// A Message is a part of a conversation.
type Message struct {
	ID             ID
	ConversationID ID
	Place          int64 // counts from 1
	Turn           ID    // the same for a question and all that answers it
	Role           Role
	UserID         string // of who asked; "" for answers
	Name           string // of who speaks, for people
	Type           string // Text, Call or Response
	Content        string // text or JSON, as Type says
	Status         string // Finished or Failed
	Recipient      string // "all", or the tool that a call is for
	Hidden         bool   // not for people
	CreatedAt      time.Time
}

// A Change says what to change of a conversation; nil leaves a field as it is.
type Change struct {
	Title    *string
	Model    *string
	Starred  *bool
	Archived *bool
}

// Limits of a conversation.
const (
	MaxQuestion = 20_000    // bytes of what a person may say at once
	MaxMessages = 2_000     // in one conversation
	MaxContent  = 512 << 10 // bytes of a message; longer results are kept shortened
)

// A Store keeps conversations in the metadata database. Whether a caller may see one
// is for the caller to check, by project.
type Store struct {
	DB  *meta.DB
	Now func() time.Time // the clock
}

func (s *Store) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func newID() ID { return uuid.Must(uuid.NewV7()).String() }

func noConversation() error { return errs.New(errs.NotFound, "no such conversation") }

// untitled is what a conversation is called until somebody has said something.
const untitled = "New conversation"

// checkTitle returns the title without the space around it.
func checkTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	if title == "" {
		return untitled, nil
	}
	if utf8.RuneCountInString(title) > 200 || !utf8.ValidString(title) || strings.ContainsFunc(title, unicode.IsControl) {
		return "", errs.New(errs.Invalid, "the title is too long, or holds characters that cannot be shown").Named("bad-name").At("/title").
			Fix("send a title of at most 200 characters on one line")
	}
	return title, nil
}

// titleOf is the first words of what was said first.
func titleOf(question string) string {
	title := strings.Join(strings.FieldsFunc(question, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if runes := []rune(title); len(runes) > 80 {
		title = strings.TrimSpace(string(runes[:79])) + "…"
	}
	if title == "" {
		return untitled
	}
	return title
}

// check fails unless the message can be kept.
func (m Message) check() error {
	switch m.Role {
	case User, Assistant, Tool:
	default:
		return errs.New(errs.Invalid, "unknown author_role %q", m.Role).At("/author_role").Fix("use user, assistant or tool")
	}
	switch {
	case m.Role == User && strings.TrimSpace(m.Content) == "":
		return errs.New(errs.Invalid, "the message is empty").Named("field-missing").At("/content").Fix(`send {"content": "How many orders are there per month?"}`)
	case m.Role == User && len(m.Content) > MaxQuestion:
		return errs.New(errs.TooLarge, "the message is longer than %d bytes", MaxQuestion).Named("message-too-long").At("/content").Fix("ask a shorter question")
	case !utf8.ValidString(m.Content):
		return errs.New(errs.Invalid, "the message is not UTF-8").At("/content")
	case m.Type != Text && !json.Valid([]byte(m.Content)):
		return errs.New(errs.Internal, "a message of the type %s must be JSON", m.Type)
	}
	return nil
}
