package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Bridge lets an agent that talks over pipes talk to a server that talks HTTP. It
// passes every message on as it is.
type Bridge struct {
	Endpoint string // of the server, with what narrows the session
	Key      string
	Client   *http.Client // must not end answers that take long

	mu       sync.Mutex // guards the fields below
	session  string
	protocol string
	out      *bufio.Writer
}

// Run passes messages on until in ends, which it closes if ctx is done before. It
// returns when the calls that were made by then are answered.
func (b *Bridge) Run(ctx context.Context, in io.ReadCloser, out io.Writer) error {
	b.out = bufio.NewWriter(out)
	ctx, end := context.WithCancel(ctx)
	defer end()
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	var calls, listener errgroup.Group
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxBody)
	for lines.Scan() {
		line := bytes.Clone(lines.Bytes())
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		m := readMessage(line)
		if m.isCall() && m.Method != "initialize" {
			calls.Go(func() error { return b.pass(ctx, m, line) })
			continue
		}
		// What comes after these counts on their having been read.
		if err := b.pass(ctx, m, line); err != nil {
			return err
		}
		if m.Method == "initialize" {
			listener.Go(func() error { return b.listen(ctx) })
		}
	}
	err := lines.Err()
	if ctx.Err() != nil {
		err = nil
	}
	if failed := calls.Wait(); err == nil {
		err = failed
	}
	b.hangUp(ctx)
	end()
	if failed := listener.Wait(); err == nil {
		err = failed
	}
	return err
}

// A message is what the bridge has to know of one.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result struct {
		ProtocolVersion string `json:"protocolVersion"`
	} `json:"result"`
}

func readMessage(line []byte) (m message) {
	// What cannot be read is passed on, and the server says what is wrong with it.
	_ = json.Unmarshal(line, &m)
	return m
}

func (m message) isCall() bool { return m.Method != "" && len(m.ID) > 0 }

func (b *Bridge) request(ctx context.Context, method string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, b.Endpoint, body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Header.Set("Authorization", "Bearer "+b.Key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	if b.session != "" {
		r.Header.Set(sessionHeader, b.session)
	}
	if b.protocol != "" {
		r.Header.Set("Mcp-Protocol-Version", b.protocol)
	}
	return r, nil
}

// pass sends a message and writes what comes back. A call that cannot be sent gets
// an answer that says so; only what the agent cannot be told is an error.
func (b *Bridge) pass(ctx context.Context, m message, line []byte) error {
	r, err := b.request(ctx, http.MethodPost, bytes.NewReader(line))
	if err != nil {
		return err
	}
	resp, err := b.Client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return b.refuse(m, "the Millwright server cannot be reached: is it running?")
	}
	defer resp.Body.Close()
	if id := resp.Header.Get(sessionHeader); id != "" {
		b.mu.Lock()
		b.session = id
		b.mu.Unlock()
	}
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return b.refuse(m, explain(resp))
	case strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		return b.copyEvents(resp.Body)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return b.refuse(m, "the answer broke off")
	}
	return b.write(text)
}

// explain returns what a refusal of the server says.
func explain(resp *http.Response) string {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	var said struct{ Detail string }
	if err == nil && json.Unmarshal(text, &said) == nil && said.Detail != "" {
		return said.Detail
	}
	return strings.TrimSpace(fmt.Sprintf("the server answered %s: %s", resp.Status, text))
}

// refuse answers a call that went nowhere.
func (b *Bridge) refuse(m message, why string) error {
	if !m.isCall() {
		return nil
	}
	text, err := encode(map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": map[string]any{"code": -32000, "message": why}})
	if err != nil {
		return err
	}
	return b.write(text)
}

// listen writes what the server says of itself, such as that there are other tools
// now. It begins again when the stream breaks off.
func (b *Bridge) listen(ctx context.Context) error {
	for wait := time.Second; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		r, err := b.request(ctx, http.MethodGet, nil)
		if err != nil {
			return err
		}
		if resp, err := b.Client.Do(r); err == nil {
			ok := resp.StatusCode == http.StatusOK
			if ok {
				wait = time.Second
				err = b.copyEvents(resp.Body)
			}
			resp.Body.Close()
			if err != nil || !ok && resp.StatusCode != http.StatusServiceUnavailable {
				return err // a session that is over is not listened to
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// copyEvents writes the data of each event. It ends without an error when the stream
// does, however that ends.
func (b *Bridge) copyEvents(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAnswer)
	var data []byte
	for lines.Scan() {
		if text, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:")); ok {
			data = append(data, bytes.TrimPrefix(text, []byte(" "))...)
			continue
		}
		if len(lines.Bytes()) == 0 && len(data) > 0 {
			if err := b.write(data); err != nil {
				return err
			}
			data = data[:0]
		}
	}
	return nil
}

// write writes one message as one line.
func (b *Bridge) write(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return fmt.Errorf("the server's message is not JSON: %w", err)
	}
	line.WriteByte('\n')
	b.mu.Lock()
	defer b.mu.Unlock()
	if v := readMessage(text).Result.ProtocolVersion; v != "" && b.protocol == "" {
		b.protocol = v
	}
	if _, err := b.out.Write(line.Bytes()); err != nil {
		return err
	}
	return b.out.Flush()
}

// hangUp ends the session.
func (b *Bridge) hangUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if r, err := b.request(ctx, http.MethodDelete, nil); err == nil && r.Header.Get(sessionHeader) != "" {
		if resp, err := b.Client.Do(r); err == nil {
			resp.Body.Close()
		}
	}
}
