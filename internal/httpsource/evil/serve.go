package evil

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Run is a behaviour that is being served. Close it when done.
type Run struct {
	*Source
	RootCAs *x509.CertPool // nil means the system's
	Trust   *[][]byte      // the certificates in RootCAs, for another process; nil if RootCAs is

	close func()
}

// Close ends the source and waits for what it was doing.
func (r *Run) Close() { r.close() }

// Roots returns the pool that holds what a Run says is to be trusted.
func Roots(trust *[][]byte) (*x509.CertPool, error) {
	if trust == nil {
		return nil, nil
	}
	roots := x509.NewCertPool()
	for _, der := range *trust {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		roots.AddCert(cert)
	}
	return roots, nil
}

// Start serves b from a loopback address.
func (b Behaviour) Start() (*Run, error) { return b.StartAt("127.0.0.1:0") }

// StartAt serves b from an address of one's own choice.
func (b Behaviour) StartAt(address string) (*Run, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Source{Self: "http://" + l.Addr().String(), stop: make(chan struct{})}
	run := &Run{Source: s}
	var shake *handshake
	if b.tls != nil {
		ca, err := newAuthority()
		if err == nil {
			shake, err = b.tls(ca)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		run.Trust = &[][]byte{}
		for _, c := range shake.trust {
			*run.Trust = append(*run.Trust, c.Raw)
		}
		if run.RootCAs, err = Roots(run.Trust); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		s.Self = "https://" + l.Addr().String()
	}
	if b.tcp != nil {
		if shake != nil && shake.config != nil {
			l = tls.NewListener(l, shake.config)
		}
		run.close = serveTCP(l, s, b)
		return run, nil
	}
	run.close = serveHTTP(l, s, b, shake)
	return run, nil
}

func serveHTTP(l net.Listener, s *Source, b Behaviour, shake *handshake) func() {
	server := &http.Server{
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.asked.Add(1)
			b.http(w, r, s)
		}),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if shake != nil {
			server.TLSConfig = shake.config
			_ = server.ServeTLS(l, "", "") // ends with Close
			return
		}
		_ = server.Serve(l) // ends with Close
	}()
	return func() {
		close(s.stop)
		_ = server.Close()
		// Close does not wait for handlers; Shutdown does.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		<-done
	}
}

func serveTCP(l net.Listener, s *Source, b Behaviour) func() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wg.Go(func() {
				defer func() {
					mu.Lock()
					delete(open, conn)
					mu.Unlock()
					conn.Close()
				}()
				s.asked.Add(1)
				if b.deaf || readHead(conn) == nil {
					b.tcp(conn, s)
				}
			})
		}
	})
	return func() {
		close(s.stop)
		l.Close()
		mu.Lock()
		for conn := range open {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	}
}

// readHead reads a request, because closing a connection with unread bytes
// resets it, which would be another behaviour.
func readHead(conn net.Conn) error {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// hold waits until the other side closes or the source goes away.
func hold(conn net.Conn, s *Source) {
	_, _ = io.Copy(io.Discard, conn)
	_ = s
}

// write sends text and reports whether the other side still listens.
func write(w io.Writer, text string) bool {
	_, err := io.WriteString(w, text)
	return err == nil
}

// forever writes text until the other side has enough.
func forever(w io.Writer, text string) {
	for write(w, text) {
	}
}

// drip writes text again and again with pauses in between.
func drip(w io.Writer, s *Source, every time.Duration, text string) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			if !write(w, text) {
				return
			}
		}
	}
}

// reset ends a connection without the courtesy of a FIN.
func reset(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	conn.Close()
}

// answer is the beginning of a good answer with more header lines.
func answer(lines ...string) string {
	text := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
	for _, l := range lines {
		text += l + "\r\n"
	}
	return text + "\r\n"
}
