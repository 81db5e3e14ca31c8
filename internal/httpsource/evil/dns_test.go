package evil_test

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A zone answers one question; n counts the questions of that type for that name.
type zone func(q dnsmessage.Question, n int) (rcode dnsmessage.RCode, answers []dnsmessage.ResourceBody)

// always answers every question with the addresses of its family.
func always(addrs ...string) zone {
	return func(q dnsmessage.Question, _ int) (dnsmessage.RCode, []dnsmessage.ResourceBody) {
		return dnsmessage.RCodeSuccess, records(q, addrs...)
	}
}

// inTurn answers each question for A records with the next of the addresses.
func inTurn(addrs ...string) zone {
	return func(q dnsmessage.Question, n int) (dnsmessage.RCode, []dnsmessage.ResourceBody) {
		return dnsmessage.RCodeSuccess, records(q, addrs[min(n, len(addrs)-1)])
	}
}

func failing(rcode dnsmessage.RCode) zone {
	return func(dnsmessage.Question, int) (dnsmessage.RCode, []dnsmessage.ResourceBody) { return rcode, nil }
}

func records(q dnsmessage.Question, addrs ...string) []dnsmessage.ResourceBody {
	var out []dnsmessage.ResourceBody
	for _, text := range addrs {
		switch a := netip.MustParseAddr(text); {
		case q.Type == dnsmessage.TypeA && a.Is4():
			out = append(out, &dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			out = append(out, &dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return out
}

// nameServer starts a DNS server on loopback and returns a resolver that asks
// it for everything. A nil zone answers nothing at all.
func nameServer(t *testing.T, z zone) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var asked atomic.Int64
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 || z == nil {
				continue
			}
			q, count := m.Questions[0], 0
			if q.Type == dnsmessage.TypeA {
				count = int(asked.Add(1)) - 1
			}
			var bodies []dnsmessage.ResourceBody
			m.Response, m.Additionals = true, nil
			m.RCode, bodies = z(q, count)
			for _, body := range bodies {
				h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
				if c, ok := body.(*dnsmessage.CNAMEResource); ok {
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: c})
					continue
				}
				// An address behind a CNAME belongs to the name that it leads to.
				if len(m.Answers) > 0 {
					if c, ok := m.Answers[0].Body.(*dnsmessage.CNAMEResource); ok {
						h.Name = c.CNAME
					}
				}
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: body})
			}
			if out, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}
