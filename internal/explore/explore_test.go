package explore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/errs"
	"millwright/internal/explore"
	"millwright/internal/meta/metatest"
)

func newStore(t *testing.T) *explore.Store {
	t.Helper()
	db := metatest.Open(t)
	metatest.Projects(t, db, "p", "q")
	now := time.Date(2026, 3, 1, 9, 0, 0, 1500, time.UTC) // stands still: order must not need the clock
	return &explore.Store{DB: db, Now: func() time.Time { return now }}
}

func begin(t *testing.T, s *explore.Store, project, title string) explore.Conversation {
	t.Helper()
	c, err := s.Create(t.Context(), explore.Conversation{ProjectID: project, UserID: "u", Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(content string) explore.Message {
	return explore.Message{Role: explore.User, UserID: "u", Type: explore.Text, Content: content, Status: explore.Finished, Recipient: "all"}
}

func TestMessagesKeepTheirOrderAndTheirTurn(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := begin(t, s, "p", "")
	asked, err := s.Add(t.Context(), c.ID, says("How many?"))
	if err != nil {
		t.Fatal(err)
	}
	answer := []explore.Message{
		{Turn: asked[0].Turn, Role: explore.Assistant, Type: explore.Call, Content: `{"name":"n"}`, Status: explore.Finished, Recipient: "n", Hidden: true},
		{Turn: asked[0].Turn, Role: explore.Tool, Type: explore.Response, Content: `{"rows":[]}`, Status: explore.Finished, Recipient: "all"},
	}
	if _, err := s.Add(t.Context(), c.ID, answer...); err != nil {
		t.Fatal(err)
	}
	next, err := s.Add(t.Context(), c.ID, says("And now?"))
	if err != nil || next[0].Turn == asked[0].Turn {
		t.Errorf("another question is the same turn, or %v", err)
	}
	for hidden, want := range map[bool]string{true: "How many?|{\"name\":\"n\"}|{\"rows\":[]}|And now?", false: "How many?|{\"rows\":[]}|And now?"} {
		list, err := s.Messages(t.Context(), c.ID, hidden)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for i, m := range list {
			texts = append(texts, m.Content)
			if m.ID == "" || m.ConversationID != c.ID || i < 2 && m.Turn != asked[0].Turn {
				t.Errorf("message %d: %+v", i, m)
			}
		}
		if got := strings.Join(texts, "|"); got != want {
			t.Errorf("hidden %t: got %s, want %s", hidden, got, want)
		}
	}
}

func TestTheFirstQuestionIsTheTitle(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, c := range []struct{ title, question, want string }{
		{"", "How many\n orders?", "How many orders?"},
		{"  ", strings.Repeat("é", 100), strings.Repeat("é", 79) + "…"},
		{"My own", "How many?", "My own"},
	} {
		made := begin(t, s, "p", c.title)
		if _, err := s.Add(t.Context(), made.ID, says(c.question), says("more")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), made.ID); err != nil || got.Title != c.want {
			t.Errorf("%q after %q: got %q, %v, want %q", c.title, c.question, got.Title, err, c.want)
		}
	}
}

func TestChangesStay(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := begin(t, s, "p", "a")
	yes, title, model := true, " b ", "m"
	if _, err := s.Update(t.Context(), c.ID, explore.Change{Title: &title, Model: &model, Starred: &yes, Archived: &yes}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), c.ID)
	want := c
	want.Title, want.Model, want.Starred, want.Archived = "b", "m", true, true
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	again, err := s.Update(t.Context(), c.ID, explore.Change{})
	if err != nil || !cmp.Equal(again, got) {
		t.Errorf("no change changes something: %v\n%s", err, cmp.Diff(got, again))
	}
}

func TestListsAreOfOneProject(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	first, second := begin(t, s, "p", "1"), begin(t, s, "p", "2")
	begin(t, s, "q", "3")
	gone := begin(t, s, "p", "4")
	if _, err := s.Delete(t.Context(), gone.ID, false); err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context(), "p", "")
	if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
		t.Errorf("got %v, %v", list, err)
	}
	if list, err := s.List(t.Context(), "p", "nothing"); err != nil || len(list) != 0 {
		t.Errorf("about a program that nothing is about: %v, %v", list, err)
	}
}

func TestWhatIsDeletedIsGone(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, permanent := range []bool{false, true} {
		c := begin(t, s, "p", "a")
		if _, err := s.Add(t.Context(), c.ID, says("x")); err != nil {
			t.Fatal(err)
		}
		gone, err := s.Delete(t.Context(), c.ID, permanent)
		if err != nil || gone.ID != c.ID || gone.DeletedAt == nil {
			t.Errorf("permanent %t: %+v, %v", permanent, gone, err)
		}
		_, err = s.Get(t.Context(), c.ID)
		_, err2 := s.Add(t.Context(), c.ID, says("x"))
		if errs.KindOf(err) != errs.NotFound || errs.KindOf(err2) != errs.NotFound {
			t.Errorf("permanent %t: Get %v, Add %v", permanent, err, err2)
		}
		left, err := s.Messages(t.Context(), c.ID, true)
		if err != nil || permanent && len(left) != 0 {
			t.Errorf("permanent %t: %d messages are left, %v", permanent, len(left), err)
		}
	}
}

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := begin(t, s, "p", "a")
	for rule, u := range map[string]struct {
		message explore.Message
		want    errs.Kind
	}{
		"empty":             {says(" \n"), errs.Invalid},
		"too long":          {says(strings.Repeat("x", explore.MaxQuestion+1)), errs.TooLarge},
		"not UTF-8":         {says("a\xff"), errs.Invalid},
		"unknown role":      {explore.Message{Role: "boss", Type: explore.Text, Content: "x"}, errs.Invalid},
		"an answer, broken": {explore.Message{Role: explore.Tool, Type: explore.Response, Content: "{"}, errs.Internal},
	} {
		if _, err := s.Add(t.Context(), c.ID, says("fine"), u.message); errs.KindOf(err) != u.want {
			t.Errorf("%s: %v, want %s", rule, err, u.want)
		}
	}
	if left, err := s.Messages(t.Context(), c.ID, true); err != nil || len(left) != 0 {
		t.Errorf("half of what was refused is kept: %v, %v", left, err)
	}
	for rule, c := range map[string]explore.Conversation{"control characters": {ProjectID: "p", Title: "a\x00b"}, "too long": {ProjectID: "p", Title: strings.Repeat("x", 201)}} {
		if _, err := s.Create(t.Context(), c); errs.KindOf(err) != errs.Invalid {
			t.Errorf("title with %s: %v", rule, err)
		}
	}
	if _, err := s.Create(t.Context(), explore.Conversation{ProjectID: "nothing", Title: "x"}); errs.KindOf(err) != errs.NotFound {
		t.Errorf("unknown project: %v", err)
	}
}
