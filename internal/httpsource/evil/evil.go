// Package evil is a source that misbehaves, for tests.
//
// A [Behaviour] is one way of misbehaving, with what has to come of a run
// against it: a success that holds every record exactly once, or an error of a
// certain name. [Behaviours] lists the ways of bad servers, [Paging] is the
// conformance table of paging. Both are served from a loopback address by
// [Behaviour.Start], and every later test of what handles foreign data may use
// them.
package evil

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

// Canary is the bearer token that every request of this package carries. It may
// show up nowhere but at the source itself.
const Canary = "evil-canary-9f8e7d6c5b"

// A Behaviour is one way in which a source misbehaves.
type Behaviour struct {
	Group   string
	Name    string            // unique within the group
	Heavy   bool              // moves gigabytes
	Path    string            // of the request, after the address; "/" if empty
	Fields  string            // further members of the request, as JSON; SELF stands for the source's address
	Options string            // members of its options, as JSON
	Method  string            // GET if empty
	Limits  httpsource.Limits // zero fields are those of [ShortLimits]
	Want    Want

	http func(http.ResponseWriter, *http.Request, *Source)
	tcp  func(net.Conn, *Source) // the head of a request was read, unless deaf
	tls  func(*authority) (*handshake, error)
	deaf bool
}

// A Want is what has to come of a behaviour.
type Want struct {
	Errors string           // names of errors, any of which is right, with | between them; empty: the run succeeds
	State  httpsource.State // of the verdict of a success; empty: any
	Reason string           // of the verdict of a success; empty: any
	Alarm  string           // a part of a warning; empty: none is asked for
}

// Names lists the errors that are right.
func (w Want) Names() []string {
	if w.Errors == "" {
		return nil
	}
	return strings.Split(w.Errors, "|")
}

// Right reports whether an error of that name, empty for none, is right.
func (w Want) Right(name string) bool {
	if w.Errors == "" {
		return name == ""
	}
	return slices.Contains(w.Names(), name)
}

// String says what is wanted: "ok (complete)", "json-invalid".
func (w Want) String() string {
	if w.Errors != "" {
		return w.Errors
	}
	text := "ok"
	if w.State != "" {
		text += " (" + string(w.State) + ")"
	}
	if w.Alarm != "" {
		text += " with a warning"
	}
	return text
}

// ShortLimits are limits under which every light behaviour ends soon.
func ShortLimits() httpsource.Limits {
	return httpsource.Limits{
		Connect: 5 * time.Second, TLS: 5 * time.Second, Header: 10 * time.Second, Idle: 10 * time.Second, Total: 20 * time.Second,
		HeaderBytes: 64 << 10, WireBytes: 64 << 20, DecodedBytes: 128 << 20, RecordBytes: 4 << 20, DocumentBytes: 8 << 20,
	}
}

// Bounds returns the limits to run b with.
func (b Behaviour) Bounds() httpsource.Limits {
	l, short := b.Limits, ShortLimits()
	for _, d := range []struct{ to, or *time.Duration }{
		{&l.Connect, &short.Connect}, {&l.TLS, &short.TLS}, {&l.Header, &short.Header}, {&l.Idle, &short.Idle}, {&l.Total, &short.Total},
	} {
		if *d.to == 0 {
			*d.to = *d.or
		}
	}
	for _, n := range []struct{ to, or *int64 }{
		{&l.HeaderBytes, &short.HeaderBytes}, {&l.WireBytes, &short.WireBytes}, {&l.DecodedBytes, &short.DecodedBytes},
		{&l.RecordBytes, &short.RecordBytes}, {&l.DocumentBytes, &short.DocumentBytes},
	} {
		if *n.to == 0 {
			*n.to = *n.or
		}
	}
	return l
}

// Within is how long a run may take: its limit and five seconds.
func (b Behaviour) Within() time.Duration { return b.Bounds().Total + 5*time.Second }

// Request is the request to make, in the form that a person would send it, of a
// source at url.
func (b Behaviour) Request(url string) []byte {
	method, path := b.Method, b.Path
	if method == "" {
		method = http.MethodGet
	}
	if path == "" {
		path = "/"
	}
	members := []string{`"url":` + quote(url+path), `"method":` + quote(method)}
	if !strings.Contains(b.Fields, `"authType"`) {
		members = append(members, `"authType":"bearer"`, `"auth":{"bearerToken":`+quote(Canary)+`}`)
	}
	if b.Fields != "" {
		members = append(members, strings.ReplaceAll(b.Fields, "SELF", url))
	}
	members = append(members, `"options":{`+b.Options+`}`)
	return []byte("{" + strings.Join(members, ",") + "}")
}

// Behaviours lists the ways of bad servers, heavy ones included.
func Behaviours() []Behaviour {
	return slices.Concat(
		bombs(), encodings(), framing(), slow(), secure(), multiplexed(), statuses(), retries(), content(), syntax(),
		pages(), ahead(), proofs(), forms(), drift(), values(), sizes(), heavy(),
	)
}

// group gives behaviours their group.
func group(name string, list ...Behaviour) []Behaviour {
	for i := range list {
		list[i].Group = name
	}
	return list
}

// fails is a want of one of the named errors.
func fails(names ...string) Want { return Want{Errors: strings.Join(names, "|")} }
