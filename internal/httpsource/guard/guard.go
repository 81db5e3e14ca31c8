// Package guard holds the one dialer through which every outbound byte passes.
//
// It decides by the address that is about to be connected to, after the name
// was resolved, so that no spelling of a host and no change of DNS between two
// look-ups gets around it. What it cannot classify it refuses.
package guard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"millwright/internal/errs"
)

// Config says where connections may go.
type Config struct {
	Allow    []netip.Prefix // private ranges that an operator opened; none by default
	Timeout  time.Duration  // for one connection, resolving included; 0 means 10 s
	Resolver *net.Resolver  // nil means Go's own resolver; it is used as it is
}

// A Dialer connects to public addresses and to allowed ranges, and to nothing
// else. It is safe for concurrent use.
type Dialer struct {
	allow  []netip.Prefix
	safe   *ssrf.Guardian
	dialer net.Dialer
}

// New returns a Dialer for cfg.
func New(cfg Config) *Dialer {
	d := &Dialer{
		allow: cfg.Allow,
		safe: ssrf.New(
			ssrf.WithAnyPort(),
			// Azure's WireServer: a public address that answers inside every Azure machine.
			ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("168.63.129.16/32")),
			// The rest of AMT and of the translation prefixes that hide an IPv4 address.
			ssrf.WithDeniedV6Prefixes(netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16")),
		),
	}
	resolver := cfg.Resolver
	if resolver == nil {
		// The C library's resolver accepts spellings such as "0x7f.1".
		resolver = &net.Resolver{PreferGo: true}
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	d.dialer = net.Dialer{Timeout: timeout, Resolver: resolver, ControlContext: d.control}
	return d
}

// DialContext connects to address over TCP. It fails with an error named
// "address-not-allowed" if every address of the host is refused, or with the
// network's own error. It opens no connection to a refused address.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" && network != "tcp4" && network != "tcp6" {
		return nil, errs.New(errs.Invalid, "connections over %s are not allowed", network).Named("address-not-allowed")
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		// An empty host would dial this machine.
		return nil, errs.New(errs.Invalid, "the address names no host").Named("address-not-allowed").
			Fix("write the address as https://host/path")
	}
	conn, err := d.dialer.DialContext(ctx, network, address)
	var refused *refusal
	if errors.As(err, &refused) {
		return nil, refused.explain(host)
	}
	return conn, err
}

// control runs for each address right before the connection is made.
func (d *Dialer) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return &refusal{class: "a network other than TCP"}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusal{class: "an address that cannot be read"}
	}
	return d.check(ap.Addr())
}

func (d *Dialer) check(addr netip.Addr) error {
	plain := addr.WithZone("").Unmap()
	for _, p := range d.allow {
		if p.Contains(plain) {
			return nil
		}
	}
	// A mapped IPv4 address is judged as what it is, and also as IPv6 if it has a zone.
	if addr.Zone() != "" || d.safe.SafeAddr(plain) != nil {
		return &refusal{addr: plain, class: Class(plain)}
	}
	return nil
}

// A refusal is the reason why one address was not connected to.
type refusal struct {
	addr  netip.Addr
	class string
}

func (r *refusal) Error() string { return "address not allowed: " + r.class }

func (r *refusal) explain(host string) error {
	e := errs.New(errs.Invalid, "the host %q is %s, which connections may not reach", host, r.class).
		Named("address-not-allowed").At("/url")
	if r.addr.IsValid() {
		e.Msg = e.Msg + " (" + r.addr.String() + ")"
		bits := 32
		if r.addr.Is6() {
			bits = 128
		}
		e.Fix("use a public address",
			"or, to allow this one, start the server with --allow-cidr "+netip.PrefixFrom(r.addr, bits).String()+" (MILLWRIGHT_ALLOW_CIDR)")
	}
	return e
}

// Class names the kind of a non-public address for a person: "a loopback
// address", "a private address".
func Class(addr netip.Addr) string {
	addr = addr.Unmap()
	in := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if netip.MustParsePrefix(p).Contains(addr) {
				return true
			}
		}
		return false
	}
	switch {
	case addr.IsUnspecified(), in("0.0.0.0/8"):
		return "an unspecified address"
	case addr.IsLoopback():
		return "a loopback address"
	case in("169.254.169.254/32", "169.254.170.2/32", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128"):
		return "a cloud metadata address"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case in("100.64.0.0/10"):
		return "a carrier-grade NAT address"
	case addr.IsPrivate():
		return "a private address"
	case in("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"):
		return "an IPv6 address that stands for an IPv4 address"
	}
	return "a reserved address"
}
