package evil

import (
	"net"
	"strings"
	"time"

	"millwright/internal/httpsource"
)

func slow() []Behaviour {
	const step = 50 * time.Millisecond
	limits := func(l httpsource.Limits) httpsource.Limits { return l }
	header := limits(httpsource.Limits{Header: 700 * time.Millisecond, Total: 5 * time.Second})
	idle := limits(httpsource.Limits{Idle: 700 * time.Millisecond, Total: 5 * time.Second})
	total := limits(httpsource.Limits{Total: 1500 * time.Millisecond})
	late, stalled, endless := fails("upstream-timeout"), fails("idle-timeout"), fails("total-timeout")
	return group("slow",
		Behaviour{Name: "never-answers", Options: once, Limits: header, Want: late, tcp: hold},
		Behaviour{Name: "never-reads", Options: once, Limits: header, Want: late, deaf: true, tcp: func(_ net.Conn, s *Source) { <-s.stop }},
		Behaviour{Name: "header-by-drops", Options: once, Limits: header, Want: late, tcp: func(c net.Conn, s *Source) {
			write(c, "HTTP/1.1 200 OK\r\nX-Slow: ")
			drip(c, s, step, "x")
		}},
		Behaviour{Name: "1xx-by-drops", Options: once, Limits: header, Want: late, tcp: func(c net.Conn, s *Source) { drip(c, s, step, "HTTP/1.1 103 Early Hints\r\n\r\n") }},
		Behaviour{Name: "body-by-drops", Options: once, Limits: total, Want: endless, tcp: func(c net.Conn, s *Source) {
			write(c, answer()+"[")
			drip(c, s, step, " ")
		}},
		Behaviour{Name: "records-by-drops", Options: once, Limits: total, Want: endless, tcp: func(c net.Conn, s *Source) {
			write(c, answer("Transfer-Encoding: chunked")+chunk("["))
			drip(c, s, step, chunk(`{"id":1},`))
		}},
		Behaviour{Name: "gzip-by-drops", Options: once, Limits: total, Want: endless, tcp: func(c net.Conn, s *Source) {
			write(c, answer("Content-Encoding: gzip")+"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03")
			drip(c, s, step, "n")
		}},
		Behaviour{Name: "stalls-before-the-body", Options: once, Limits: idle, Want: stalled, tcp: func(c net.Conn, s *Source) {
			write(c, answer("Content-Length: 100"))
			hold(c, s)
		}},
		Behaviour{Name: "stalls-in-the-body", Options: once, Limits: idle, Want: stalled, tcp: func(c net.Conn, s *Source) {
			write(c, answer()+`[{"id":1},`)
			hold(c, s)
		}},
		Behaviour{Name: "stalls-in-a-large-body", Options: once, Limits: idle, Want: stalled, tcp: func(c net.Conn, s *Source) {
			write(c, answer()+"["+strings.Repeat(`{"id":1,"name":"0123456789"},`, 200_000))
			hold(c, s)
		}},
		Behaviour{Name: "stalls-before-the-end-of-chunks", Options: once, Limits: idle, Want: stalled, tcp: func(c net.Conn, s *Source) {
			write(c, answer("Transfer-Encoding: chunked")+chunk(`[{"id":1}]`))
			hold(c, s)
		}},
		Behaviour{Name: "stalls-in-an-error-page", Options: once, Limits: idle, Want: fails("upstream-status"), tcp: func(c net.Conn, s *Source) {
			write(c, "HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\nno")
			hold(c, s)
		}},
		Behaviour{Name: "stalls-in-a-redirect", Options: once, Limits: idle, Want: Want{State: httpsource.CompleteUnverified}, tcp: func(c net.Conn, s *Source) {
			if s.Asked() > 1 {
				write(c, answer()+s.rows(0, 2))
				return
			}
			write(c, "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 100\r\n\r\n")
			hold(c, s)
		}},
		Behaviour{Name: "stalls-once-then-good", Limits: idle, Want: Want{State: httpsource.CompleteUnverified}, tcp: func(c net.Conn, s *Source) {
			if s.Asked() > 1 {
				write(c, answer()+s.rows(0, 20))
				return
			}
			write(c, answer()+s.rows(0, 20)[:100])
			hold(c, s)
		}},
	)
}
