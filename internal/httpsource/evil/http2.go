package evil

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"millwright/internal/httpsource"
)

// A peer speaks HTTP/2 frame by frame, so that it can break its rules.
type peer struct {
	net.Conn
	*http2.Framer
	*Source
	stream uint32 // of the request
	text   bytes.Buffer
	enc    *hpack.Encoder
}

// frames answers the first request of each connection with do, which may write
// whatever it likes; then the connection is closed.
func frames(do func(*peer), settings ...http2.Setting) func(net.Conn, *Source) {
	return func(c net.Conn, s *Source) {
		p := &peer{Conn: c, Framer: http2.NewFramer(c, c), Source: s}
		p.enc = hpack.NewEncoder(&p.text)
		p.AllowIllegalWrites = true
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil || p.WriteSettings(settings...) != nil {
			return
		}
		for {
			frame, err := p.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() && p.WriteSettingsAck() != nil {
					return
				}
			case *http2.HeadersFrame:
				p.stream = frame.StreamID
				do(p)
				return
			}
		}
	}
}

// block encodes header fields, in pairs.
func (p *peer) block(pairs ...string) []byte {
	p.text.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = p.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}) // to memory
	}
	return bytes.Clone(p.text.Bytes())
}

// head sends the header of a good answer.
func (p *peer) head() bool {
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, EndHeaders: true,
		BlockFragment: p.block(":status", "200", "content-type", "application/json")}) == nil
}

// body sends text; the last of it ends the answer.
func (p *peer) body(text string, last bool) bool {
	return p.WriteData(p.stream, last, []byte(text)) == nil
}

// good sends a whole answer and waits for the other side to leave.
func (p *peer) good() {
	_ = p.head() && p.body(p.rows(0, 20), true)
	hold(p.Conn, p.Source)
}

// half sends an answer up to its middle.
func (p *peer) half() bool {
	text := p.rows(0, 20)
	return p.head() && p.body(text[:len(text)/2], false)
}

// more sends CONTINUATION frames until the other side has enough.
func (p *peer) more(fragment func(i int) []byte) {
	for i := 0; p.WriteContinuation(p.stream, false, fragment(i)) == nil; i++ {
	}
}

func (p *peer) openHead() bool {
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, BlockFragment: p.block(":status", "200")}) == nil
}

// multiplexed are the ways of HTTP/2.
func multiplexed() []Behaviour {
	ok := Want{State: httpsource.CompleteUnverified}
	tooLarge, broken := fails("response-header-too-large"), fails("bad-http")
	soon := httpsource.Limits{Header: 700 * time.Millisecond, Idle: 700 * time.Millisecond, Total: 3 * time.Second}
	first := func(do func(*peer)) func(*peer) {
		return func(p *peer) {
			if p.Asked() == 1 {
				do(p)
				return
			}
			p.good()
		}
	}
	goAway := func(code http2.ErrCode) func(*peer) {
		return func(p *peer) { _ = p.half() && p.WriteGoAway(p.stream, code, []byte("so long")) == nil }
	}
	long := func(i int) []byte {
		return []byte("\x00\x07x-bomb" + strconv.Itoa(i%10) + "\x7f\x80\x1e" + strings.Repeat("x", 127+3840))
	}
	all := []Behaviour{
		{Name: "good", Want: ok, tcp: frames((*peer).good)},
		{Name: "goaway-mid-stream-then-good", Want: ok, tcp: frames(first(goAway(http2.ErrCodeNo)))},
		{Name: "goaway-with-an-error-then-good", Want: ok, tcp: frames(first(goAway(http2.ErrCodeEnhanceYourCalm)))},
		{Name: "goaway-before-the-answer-then-good", Want: ok, tcp: frames(first(func(p *peer) { _ = p.WriteGoAway(0, http2.ErrCodeNo, nil) }))},
		{Name: "goaway-each-time", Options: once, Want: fails("connection-lost"), tcp: frames(goAway(http2.ErrCodeNo))},
		{Name: "refused-stream-then-good", Want: ok, tcp: frames(first(func(p *peer) {
			_ = p.WriteRSTStream(p.stream, http2.ErrCodeRefusedStream)
			p.again((*peer).good)
		}))},
		{Name: "reset-mid-stream-then-good", Want: ok, tcp: frames(first(func(p *peer) {
			_ = p.half() && p.WriteRSTStream(p.stream, http2.ErrCodeInternal) == nil
			p.again((*peer).good)
		}))},
		{Name: "closed-mid-stream-then-good", Want: ok, tcp: frames(first(func(p *peer) { p.half() }))},
		{Name: "continuation-flood", Want: tooLarge, tcp: frames(func(p *peer) { _ = p.openHead(); p.more(long) })},
		{Name: "continuation-flood-of-empty-frames", Options: once, Limits: soon, Want: fails("upstream-timeout"), tcp: frames(func(p *peer) {
			_ = p.openHead()
			p.more(func(int) []byte { return nil })
		})},
		{Name: "continuation-never-comes", Options: once, Limits: soon, Want: fails("upstream-timeout"), tcp: frames(func(p *peer) { _ = p.openHead(); hold(p.Conn, p.Source) })},
		{Name: "hpack-bomb", Want: tooLarge, tcp: frames(func(p *peer) {
			// One long field that is named ten thousand times by its number.
			block := append(p.block(":status", "200", "x-bomb", strings.Repeat("x", 3000)), bytes.Repeat([]byte{0xbe}, 10_000)...)
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, EndHeaders: true, EndStream: true, BlockFragment: block})
			hold(p.Conn, p.Source)
		})},
		{Name: "hpack-bomb-in-pieces", Want: fails("response-header-too-large", "bad-http"), tcp: frames(func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, BlockFragment: p.block(":status", "200", "x-bomb", strings.Repeat("x", 3000))})
			p.more(func(int) []byte { return bytes.Repeat([]byte{0xbe}, 100) })
		})},
		{Name: "hpack-garbage", Want: broken, tcp: frames(func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, EndHeaders: true, BlockFragment: bytes.Repeat([]byte{0xff}, 50)})
			hold(p.Conn, p.Source)
		})},
		{Name: "window-stall-in-the-body", Options: once, Limits: soon, Want: fails("idle-timeout"), tcp: frames(func(p *peer) { p.half(); hold(p.Conn, p.Source) })},
		{Name: "window-stall-in-the-request", Method: "POST", Fields: `"body":{"type":"raw","contentType":"application/json","content":"{\"q\":1}"}`, Options: once, Limits: soon,
			Want: fails("total-timeout", "upstream-timeout"), tcp: frames(func(p *peer) { hold(p.Conn, p.Source) }, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})},
		{Name: "settings-flood", Options: once, Limits: soon, Want: fails("upstream-timeout"), tcp: frames(func(p *peer) {
			p.drain()
			for p.WriteSettings() == nil {
			}
		})},
		{Name: "ping-flood", Options: once, Limits: soon, Want: fails("upstream-timeout"), tcp: frames(func(p *peer) {
			p.drain()
			for p.WritePing(false, [8]byte{}) == nil {
			}
		})},
		{Name: "ping-flood-that-nobody-reads", Options: once, Limits: soon, Want: fails("upstream-timeout", "total-timeout"), tcp: frames(func(p *peer) {
			for p.WritePing(false, [8]byte{}) == nil {
			}
		})},
		{Name: "empty-data-flood", Options: once, Limits: soon, Want: fails("idle-timeout", "total-timeout", "bad-http", "connection-lost"), tcp: frames(func(p *peer) {
			_ = p.head()
			for p.body("", false) {
			}
		})},
		{Name: "pushes", Want: broken, tcp: frames(func(p *peer) {
			_ = p.WritePushPromise(http2.PushPromiseParam{StreamID: p.stream, PromiseID: 2, EndHeaders: true, BlockFragment: p.block(":method", "GET", ":path", "/", ":scheme", "https", ":authority", "x")})
			hold(p.Conn, p.Source)
		})},
		{Name: "frame-too-large", Want: broken, tcp: frames(func(p *peer) {
			_ = p.head() && p.body(strings.Repeat(" ", 1<<20), false)
			hold(p.Conn, p.Source)
		})},
		{Name: "data-before-the-header", Want: broken, tcp: frames(func(p *peer) { _ = p.body("[]", true); hold(p.Conn, p.Source) })},
		{Name: "field-name-in-capitals", Want: broken, tcp: frames(func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, EndHeaders: true, BlockFragment: p.block(":status", "200", "X-Upper", "1")})
			hold(p.Conn, p.Source)
		})},
		{Name: "more-than-the-window", Want: broken, tcp: frames(func(p *peer) {
			_ = p.head()
			for p.body(strings.Repeat(" ", 16<<10), false) {
			}
		})},
		{Name: "length-longer-than-the-body", Options: once, Want: fails("bad-http", "body-truncated", "connection-lost"), tcp: frames(func(p *peer) {
			_ = p.WriteHeaders(http2.HeadersFrameParam{StreamID: p.stream, EndHeaders: true, BlockFragment: p.block(":status", "200", "content-type", "application/json", "content-length", "999")})
			_ = p.body("[]", true)
			hold(p.Conn, p.Source)
		})},
		{Name: "no-settings", Want: broken, deaf: true, tcp: func(c net.Conn, s *Source) {
			_ = http2.NewFramer(c, c).WritePing(false, [8]byte{})
			hold(c, s)
		}},
		{Name: "speaks-http-1", Want: broken, tcp: func(c net.Conn, s *Source) {
			write(c, answer()+"[]")
			hold(c, s)
		}},
	}
	for i := range all {
		all[i].deaf = true
		all[i].tls = shakes(nil, false, func(c *tls.Config) { c.NextProtos = []string{"h2"} })
	}
	return group("http2", all...)
}

// drain reads what comes, until the connection ends, so that the other side is
// never held up.
func (p *peer) drain() { go func() { _, _ = io.Copy(io.Discard, p.Conn) }() }

// again answers the next request on the same connection.
func (p *peer) again(do func(*peer)) {
	for {
		frame, err := p.ReadFrame()
		if err != nil {
			return
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			p.stream = h.StreamID
			do(p)
			return
		}
	}
}
