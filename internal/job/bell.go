package job

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Names of the queue and of the notification that makes River look at it.
const (
	queueName   = "default"
	insertTopic = "river_insert"
	insertNote  = `{"queue":"` + queueName + `"}`
)

// quietDriver is River's SQLite driver with its notifications rung inside the
// process. As it comes, the driver polls an outbox table twenty times a second
// on the one writer connection and adds a row to it for each job; we are the
// only process, so a channel does it: no polling, and a job starts at once.
type quietDriver struct {
	*riversqlite.Driver
	bell *bell
}

func newDriver(db *sql.DB, b *bell) *quietDriver {
	return &quietDriver{riversqlite.New(db), b}
}

// SupportsListenNotify makes River write no outbox rows.
func (d *quietDriver) SupportsListenNotify() bool { return false }

// GetListener returns the bell.
func (d *quietDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.bell
}

// A bell wakes River's fetch loop. Ringing while it rings is one ring.
type bell struct{ rung chan struct{} }

func newBell() *bell { return &bell{make(chan struct{}, 1)} }

// ring makes River fetch. It may be called inside the transaction that submits
// the job: the fetch needs the only writer connection and so comes after it.
func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// WaitForNotification blocks until the bell rings or ctx is done.
func (b *bell) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-b.rung:
		return &riverdriver.Notification{Topic: insertTopic, Payload: insertNote}, nil
	}
}

// The rest of riverdriver.Listener: there is no connection to look after.

func (*bell) Close(context.Context) error            { return nil }
func (*bell) Connect(context.Context) error          { return nil }
func (*bell) Listen(context.Context, string) error   { return nil }
func (*bell) Ping(context.Context) error             { return nil }
func (*bell) Schema() string                         { return "" }
func (*bell) SetAfterConnectExec(string)             {}
func (*bell) Unlisten(context.Context, string) error { return nil }
