package evil

import (
	"fmt"
	"net"
	"strings"

	"millwright/internal/httpsource"
)

// once keeps a failure from being tried five times over.
const once = `"retry":{"attempts":1}`

// tell writes one text and closes.
func tell(text func(*Source) string) func(net.Conn, *Source) {
	return func(c net.Conn, s *Source) { write(c, text(s)) }
}

func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

func framing() []Behaviour {
	return sorted(group("framing", append(append(endless(), lengths()...), breaks()...)...))
}

func endless() []Behaviour {
	header := fails("response-header-too-large")
	big := strings.Repeat("x", 32<<10)
	item := `{"id":1,"name":"` + strings.Repeat("n", 4<<10) + `"},`
	begin := func(head, text string) func(net.Conn, *Source) {
		return func(c net.Conn, _ *Source) {
			if write(c, head) {
				forever(c, text)
			}
		}
	}
	return []Behaviour{
		{Name: "endless-body", Options: once, Limits: httpsource.Limits{WireBytes: 8 << 20}, Want: fails("response-too-large"), tcp: begin(answer()+"[", item)},
		{Name: "endless-chunks", Options: once, Limits: httpsource.Limits{WireBytes: 8 << 20}, Want: fails("response-too-large"), tcp: begin(answer("Transfer-Encoding: chunked")+chunk("["), chunk(item))},
		{Name: "endless-string", Options: once, Want: fails("record-too-large"), tcp: begin(answer()+`["`, big)},
		{Name: "endless-number", Options: once, Want: fails("record-too-large"), tcp: begin(answer()+`[1`, strings.Repeat("1", 32<<10))},
		{Name: "endless-key", Options: once, Want: fails("record-too-large"), tcp: begin(answer()+`[{"`, big)},
		{Name: "endless-blanks", Options: once, Want: fails("record-too-large"), tcp: begin(answer()+`[`, strings.Repeat(" ", 32<<10))},
		{Name: "endless-nesting", Options: once, Want: fails("json-too-deep"), tcp: begin(answer(), strings.Repeat("[", 32<<10))},
		{Name: "endless-chunk-extension", Options: once, Want: fails("bad-http", "response-header-too-large", "connection-lost"), tcp: begin(answer("Transfer-Encoding: chunked")+"5;a=", big)},
		{Name: "endless-chunk-extensions", Options: once, Limits: httpsource.Limits{Total: 3e9}, Want: fails("bad-http", "response-header-too-large", "response-too-large", "total-timeout"), tcp: begin(answer("Transfer-Encoding: chunked")+chunk("["), "1;a="+strings.Repeat("y", 200)+"\r\n \r\n")},
		{Name: "endless-header-line", Options: once, Want: header, tcp: begin("HTTP/1.1 200 OK\r\nX-Long: ", big)},
		{Name: "endless-headers", Options: once, Want: header, tcp: begin("HTTP/1.1 200 OK\r\n", "X-Many: 1\r\n")},
		{Name: "endless-status-line", Options: once, Want: fails("response-header-too-large", "bad-http"), tcp: begin("HTTP/1.1 200 ", big)},
		{Name: "endless-1xx", Options: once, Want: fails("response-header-too-large", "bad-http", "connection-lost"), tcp: begin("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")},
		{Name: "endless-trailers", Options: once, Limits: httpsource.Limits{Total: 3e9}, Want: fails("response-header-too-large", "bad-http", "connection-lost", "total-timeout"), tcp: begin(answer("Transfer-Encoding: chunked")+chunk("[1]")+"0\r\n", "X-Trailer: 1\r\n")},
	}
}

func lengths() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	cut := fails("body-truncated")
	rows := func(n int, lines func(body string) []string) func(net.Conn, *Source) {
		return tell(func(s *Source) string {
			body := s.rows(0, n)
			return answer(lines(body)...) + body
		})
	}
	length := func(add int) func(string) []string {
		return func(body string) []string { return []string{fmt.Sprintf("Content-Length: %d", len(body)+add)} }
	}
	fixed := func(lines ...string) func(string) []string { return func(string) []string { return lines } }
	return []Behaviour{
		{Name: "length-right", Want: ok, tcp: rows(20, length(0))},
		{Name: "length-too-long", Options: once, Want: cut, tcp: rows(20, length(50))},
		{Name: "length-too-short", Options: once, Want: cut, tcp: rows(20, length(-50))},
		{Name: "length-negative", Options: once, Want: fails("bad-http"), tcp: rows(20, fixed("Content-Length: -5"))},
		{Name: "length-garbage", Options: once, Want: fails("bad-http"), tcp: rows(20, fixed("Content-Length: 12abc"))},
		{Name: "length-overflow", Options: once, Want: fails("bad-http"), tcp: rows(20, fixed("Content-Length: 99999999999999999999999"))},
		{Name: "length-zero-with-body", Options: once, Want: fails("empty-body"), tcp: rows(20, fixed("Content-Length: 0"))},
		{Name: "length-twice-the-same", Want: ok, tcp: rows(20, func(b string) []string { return append(length(0)(b), length(0)(b)...) })},
		{Name: "length-twice-different", Options: once, Want: fails("bad-http"), tcp: rows(20, func(b string) []string { return append(length(0)(b), length(7)(b)...) })},
		{Name: "length-and-chunked", Want: ok, tcp: tell(func(s *Source) string {
			return answer("Content-Length: 3", "Transfer-Encoding: chunked") + chunk(s.rows(0, 20)) + "0\r\n\r\n"
		})},
		{Name: "length-huge", Options: once, Want: cut, tcp: rows(20, fixed("Content-Length: 9223372036854775807"))},
		{Name: "transfer-encoding-unknown", Options: once, Want: fails("bad-http"), tcp: rows(20, fixed("Transfer-Encoding: gzip, chunked"))},
		{Name: "no-length-whole", Want: Want{State: httpsource.CompleteUnverified, Alarm: "does not say where its answer ends"}, tcp: rows(20, fixed())},
		{Name: "no-length-cut-in-a-record", Options: once, Want: cut, tcp: tell(func(s *Source) string { return answer() + s.rows(0, 20)[:333] })},
		{Name: "no-length-cut-between-records", Options: once, Want: cut, tcp: tell(func(s *Source) string { b := s.rows(0, 20); return answer() + b[:len(b)-1] })},
		{Name: "no-length-lines-cut-between-records", Want: Want{State: httpsource.CompleteUnverified, Alarm: "does not say where its answer ends"}, tcp: tell(func(s *Source) string {
			s.note(record(0), record(1))
			return answer() + record(0) + "\n" + record(1) + "\n"
		})},
		{Name: "http-1.0", Want: ok, tcp: tell(func(s *Source) string {
			return "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + s.rows(0, 20)
		})},
		{Name: "more-bytes-than-declared", Want: ok, tcp: tell(func(s *Source) string {
			b := s.rows(0, 20)
			return strings.Replace(answer(fmt.Sprintf("Content-Length: %d", len(b))), "Connection: close\r\n", "", 1) + b + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
		})},
		{Name: "trailers", Want: ok, tcp: tell(func(s *Source) string {
			return answer("Transfer-Encoding: chunked", "Trailer: X-Sum") + chunk(s.rows(0, 20)) + "0\r\nX-Sum: 1\r\n\r\n"
		})},
		{Name: "chunks-of-one-byte", Want: ok, tcp: tell(func(s *Source) string {
			var b strings.Builder
			b.WriteString(answer("Transfer-Encoding: chunked"))
			for _, c := range s.rows(0, 20) {
				b.WriteString(chunk(string(c)))
			}
			return b.String() + "0\r\n\r\n"
		})},
	}
}

func breaks() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	cut, bad := fails("body-truncated", "connection-lost"), fails("bad-http")
	chunked := answer("Transfer-Encoding: chunked")
	text := func(t string) func(net.Conn, *Source) { return tell(func(*Source) string { return t }) }
	good := func(head, tail string) func(net.Conn, *Source) {
		return tell(func(s *Source) string { return head + s.rows(0, 20) + tail })
	}
	return []Behaviour{
		{Name: "fin-before-the-header", Options: once, Want: fails("connection-lost"), tcp: text("")},
		{Name: "fin-in-the-status-line", Options: once, Want: fails("body-truncated", "connection-lost", "bad-http"), tcp: text("HTTP/1.1 2")},
		{Name: "fin-in-the-header", Options: once, Want: fails("body-truncated", "connection-lost", "bad-http"), tcp: text("HTTP/1.1 200 OK\r\nContent-Ty")},
		{Name: "rst-before-the-header", Options: once, Want: fails("connection-lost"), tcp: func(c net.Conn, _ *Source) { reset(c) }},
		{Name: "rst-in-the-body", Options: once, Want: cut, tcp: func(c net.Conn, s *Source) {
			write(c, answer("Content-Length: 100000")+s.rows(0, 20))
			reset(c)
		}},
		{Name: "rst-in-the-body-then-good", Want: ok, tcp: func(c net.Conn, s *Source) {
			if s.Asked() == 1 {
				write(c, answer("Content-Length: 100000")+s.rows(0, 20))
				reset(c)
				return
			}
			write(c, answer()+s.rows(0, 20))
		}},
		{Name: "fin-in-a-chunk", Options: once, Want: cut, tcp: text(chunked + "ff\r\n[1,2,3")},
		{Name: "fin-without-the-last-chunk", Options: once, Want: cut, tcp: good(chunked+"3\r\n[1]\r\n", "")},
		{Name: "chunk-size-garbage", Options: once, Want: bad, tcp: text(chunked + "zz\r\n[]\r\n0\r\n\r\n")},
		{Name: "chunk-size-negative", Options: once, Want: bad, tcp: text(chunked + "-4\r\n[]\r\n0\r\n\r\n")},
		{Name: "chunk-size-overflow", Options: once, Want: bad, tcp: text(chunked + "fffffffffffffffff\r\n[]\r\n0\r\n\r\n")},
		{Name: "chunk-without-its-end", Options: once, Want: bad, tcp: text(chunked + "2\r\n[]XX0\r\n\r\n")},
		{Name: "no-http-at-all", Options: once, Want: bad, tcp: text("SSH-2.0-OpenSSH_9.9\r\n")},
		{Name: "http-0.9", Options: once, Want: bad, tcp: text("[{\"id\":1}]\n")},
		{Name: "http-2-unasked", Options: once, Want: fails("bad-http", "connection-lost"), tcp: text("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64")},
		{Name: "http-9.9", Options: once, Want: fails("bad-http", "connection-lost"), tcp: text("HTTP/9.9.9 200 OK\r\n\r\n[]")},
		{Name: "status-of-letters", Options: once, Want: bad, tcp: text("HTTP/1.1 abc OK\r\n\r\n[]")},
		{Name: "status-of-two-digits", Options: once, Want: bad, tcp: text("HTTP/1.1 20 OK\r\n\r\n[]")},
		{Name: "status-without-a-reason", Want: ok, tcp: good("HTTP/1.1 200\r\nConnection: close\r\n\r\n", "")},
		{Name: "lines-without-cr", Want: ok, tcp: good("HTTP/1.1 200 OK\nConnection: close\n\n", "")},
		{Name: "header-without-a-colon", Options: once, Want: bad, tcp: text("HTTP/1.1 200 OK\r\nnonsense\r\n\r\n[]")},
		{Name: "header-with-nul", Options: once, Want: fails("bad-http", "connection-lost"), tcp: text("HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n[]")},
		{Name: "header-folded", Want: ok, tcp: good("HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\nConnection: close\r\n\r\n", "")},
		{Name: "continue-unasked", Want: ok, tcp: good("HTTP/1.1 100 Continue\r\n\r\n"+answer(), "")},
		{Name: "early-hints", Want: ok, tcp: good("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"+answer(), "")},
		{Name: "switching-protocols", Options: once, Want: fails("upstream-status", "bad-http", "connection-lost"), tcp: text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n[]")},
		{Name: "body-after-204", Want: Want{State: httpsource.Complete, Reason: "no-body"}, tcp: text("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n[{\"id\":1}]")},
	}
}
