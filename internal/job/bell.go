package job

import (
	"context"
	"database/sql"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// Names of the queues and of the notification that makes River look at one.
const (
	mainQueue   = "default"
	asideQueue  = "aside" // for the types of [Config].Aside
	insertTopic = "river_insert"
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

// A bell wakes River's fetch loops. Ringing while it rings is one ring.
type bell struct{ main, aside chan struct{} }

func newBell() *bell { return &bell{make(chan struct{}, 1), make(chan struct{}, 1)} }

// ring makes River fetch from a queue. It may be called inside the transaction that
// submits the job: the fetch needs the only writer connection and so comes after it.
func (b *bell) ring(queue string) {
	rung := b.main
	if queue == asideQueue {
		rung = b.aside
	}
	select {
	case rung <- struct{}{}:
	default:
	}
}

// WaitForNotification blocks until the bell rings or ctx is done.
func (b *bell) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-b.main:
		return inserted(mainQueue), nil
	case <-b.aside:
		return inserted(asideQueue), nil
	}
}

func inserted(queue string) *riverdriver.Notification {
	return &riverdriver.Notification{Topic: insertTopic, Payload: `{"queue":"` + queue + `"}`}
}

// The rest of riverdriver.Listener: there is no connection to look after.

func (*bell) Close(context.Context) error            { return nil }
func (*bell) Connect(context.Context) error          { return nil }
func (*bell) Listen(context.Context, string) error   { return nil }
func (*bell) Ping(context.Context) error             { return nil }
func (*bell) Schema() string                         { return "" }
func (*bell) SetAfterConnectExec(string)             {}
func (*bell) Unlisten(context.Context, string) error { return nil }
