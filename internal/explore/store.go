package explore

import (
	"context"
	"database/sql"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// Create begins a conversation with c's project, program, user, title and model. It
// fails with errs.NotFound if the project or the program does not exist.
func (s *Store) Create(ctx context.Context, c Conversation) (_ Conversation, err error) {
	defer errs.Wrap(&err, "explore.Create")
	now := s.now()
	c = Conversation{ID: newID(), ProjectID: c.ProjectID, ProgramID: c.ProgramID, UserID: c.UserID, Title: c.Title, Model: c.Model, CreatedAt: now, UpdatedAt: now}
	if c.Title, err = checkTitle(c.Title); err != nil {
		return Conversation{}, err
	}
	_, err = s.DB.Write().ExecContext(ctx, `INSERT INTO conversations (id, project_id, program_id, user_id, title, model, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, c.ID, c.ProjectID, meta.NullText(c.ProgramID), c.UserID, c.Title, c.Model, meta.Micros(now), meta.Micros(now))
	if meta.IsDangling(err) {
		err = errs.New(errs.NotFound, "no such project or query program").Because(err)
	}
	if err != nil {
		return Conversation{}, err
	}
	return c, nil
}

// Get returns a conversation; errs.NotFound if there is none, or it was deleted.
func (s *Store) Get(ctx context.Context, id ID) (_ Conversation, err error) {
	defer errs.Wrap(&err, "explore.Get(%s)", id)
	return get(ctx, s.DB.Read(), id)
}

// List returns a project's conversations, oldest first; only those about a program
// if programID is not empty. Archived ones are among them.
func (s *Store) List(ctx context.Context, projectID, programID string) (_ []Conversation, err error) {
	defer errs.Wrap(&err, "explore.List(%s)", projectID)
	return meta.All(ctx, s.DB.Read(), scan, selectConversation+`WHERE project_id = ? AND (? = '' OR program_id = ?) AND deleted_at IS NULL ORDER BY created_at, id`,
		projectID, programID, programID)
}

// Update changes a conversation and returns it.
func (s *Store) Update(ctx context.Context, id ID, change Change) (_ Conversation, err error) {
	defer errs.Wrap(&err, "explore.Update(%s)", id)
	return s.edit(ctx, id, func(c *Conversation) (err error) {
		if change.Title != nil {
			if c.Title, err = checkTitle(*change.Title); err != nil {
				return err
			}
		}
		if change.Model != nil {
			c.Model = *change.Model
		}
		if change.Starred != nil {
			c.Starred = *change.Starred
		}
		if change.Archived != nil {
			c.Archived = *change.Archived
		}
		return nil
	})
}

// Delete hides a conversation, or with permanent removes it with its messages, and
// returns it as it then is, or was.
func (s *Store) Delete(ctx context.Context, id ID, permanent bool) (c Conversation, err error) {
	defer errs.Wrap(&err, "explore.Delete(%s)", id)
	now := s.now()
	c, err = s.edit(ctx, id, func(c *Conversation) error {
		c.DeletedAt = &now
		return nil
	})
	if err == nil && permanent {
		_, err = s.DB.Write().ExecContext(ctx, `DELETE FROM conversations WHERE id = ?`, id)
	}
	return c, err
}

func (s *Store) edit(ctx context.Context, id ID, change func(*Conversation) error) (c Conversation, err error) {
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		var err error
		if c, err = get(ctx, tx, id); err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		c.UpdatedAt = s.now()
		return save(ctx, tx, c)
	})
	if err != nil {
		return Conversation{}, err
	}
	return c, nil
}

// Add appends messages to a conversation, in one transaction, and returns them with
// their places. They are one turn, which is new if the first of them names none. What
// a person says first becomes the title, if there is none.
func (s *Store) Add(ctx context.Context, id ID, messages ...Message) (_ []Message, err error) {
	defer errs.Wrap(&err, "explore.Add(%s)", id)
	err = s.DB.Tx(ctx, func(tx *sql.Tx) error {
		c, err := get(ctx, tx, id)
		if err != nil {
			return err
		}
		var last int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(place), 0) FROM messages WHERE conversation_id = ?`, id).Scan(&last); err != nil {
			return err
		}
		if last+int64(len(messages)) > MaxMessages {
			return errs.New(errs.TooLarge, "the conversation has %d messages, and no more fit", last).Named("conversation-full").Fix("begin another conversation")
		}
		turn := newID()
		if len(messages) > 0 && messages[0].Turn != "" {
			turn = messages[0].Turn
		}
		c.UpdatedAt = s.now()
		for i := range messages {
			m := &messages[i]
			m.ID, m.ConversationID, m.Place, m.Turn, m.CreatedAt = newID(), id, last+int64(i)+1, turn, c.UpdatedAt
			if err := m.check(); err != nil {
				return err
			}
			if err := insert(ctx, tx, *m); err != nil {
				return err
			}
			if m.Role == User && m.Place == 1 && c.Title == untitled {
				c.Title = titleOf(m.Content)
			}
		}
		return save(ctx, tx, c)
	})
	if err != nil {
		return nil, err
	}
	return messages, nil
}

// Messages returns a conversation's messages in order, the hidden ones only if asked
// for.
func (s *Store) Messages(ctx context.Context, id ID, hidden bool) (_ []Message, err error) {
	defer errs.Wrap(&err, "explore.Messages(%s)", id)
	return meta.All(ctx, s.DB.Read(), scanMessage, selectMessage+`WHERE conversation_id = ? AND (? OR hidden = 0) ORDER BY place`, id, hidden)
}

func get(ctx context.Context, q meta.Querier, id ID) (Conversation, error) {
	c, found, err := meta.One(ctx, q, scan, selectConversation+`WHERE id = ? AND deleted_at IS NULL`, id)
	if err == nil && !found {
		err = noConversation()
	}
	return c, err
}

func save(ctx context.Context, tx meta.Querier, c Conversation) error {
	_, err := tx.ExecContext(ctx, `UPDATE conversations SET title = ?, model = ?, starred = ?, archived = ?, updated_at = ?, deleted_at = ? WHERE id = ?`,
		c.Title, c.Model, c.Starred, c.Archived, meta.Micros(c.UpdatedAt), meta.NullMicros(c.DeletedAt), c.ID)
	return err
}

func insert(ctx context.Context, tx meta.Querier, m Message) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO messages (id, conversation_id, place, turn, author_role, author_user_id, author_name, content_type, content, status,
		recipient, hidden, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, m.ID, m.ConversationID, m.Place, m.Turn, m.Role, m.UserID, m.Name, m.Type,
		m.Content, m.Status, m.Recipient, m.Hidden, meta.Micros(m.CreatedAt))
	return err
}

const (
	selectConversation = `SELECT id, project_id, coalesce(program_id, ''), user_id, title, model, starred, archived, created_at, updated_at, deleted_at FROM conversations `
	selectMessage      = `SELECT id, conversation_id, place, turn, author_role, author_user_id, author_name, content_type, content, status, recipient, hidden, created_at FROM messages `
)

func scan(r meta.Row) (c Conversation, err error) {
	var created, updated int64
	var deleted sql.NullInt64
	err = r.Scan(&c.ID, &c.ProjectID, &c.ProgramID, &c.UserID, &c.Title, &c.Model, &c.Starred, &c.Archived, &created, &updated, &deleted)
	c.CreatedAt, c.UpdatedAt, c.DeletedAt = meta.Time(created), meta.Time(updated), meta.NullTime(deleted)
	return c, err
}

func scanMessage(r meta.Row) (m Message, err error) {
	var created int64
	err = r.Scan(&m.ID, &m.ConversationID, &m.Place, &m.Turn, &m.Role, &m.UserID, &m.Name, &m.Type, &m.Content, &m.Status, &m.Recipient, &m.Hidden, &created)
	m.CreatedAt = meta.Time(created)
	return m, err
}
