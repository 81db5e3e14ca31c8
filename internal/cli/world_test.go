package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"millwright/internal/demo"
)

type shopKey struct{}

// A shop is the sample API and, beside it, whatever else goes wrong with APIs.
type shop struct {
	*http.ServeMux
	held chan struct{} // tells of each request that is held back
	done chan struct{} // ends them
	once sync.Once
}

// release lets held requests end, so that the server can.
func (s *shop) release() { s.once.Do(func() { close(s.done) }) }

// late is the number of a page that a test of a connection does not come to.
const late = 12

func newShop() *shop {
	s := &shop{ServeMux: http.NewServeMux(), held: make(chan struct{}, 8), done: make(chan struct{})}
	s.Handle("/", demo.Server{Orders: 300, Token: secrets["SHOP_TOKEN"]})
	// A page of three rows of their own, and the address of the next.
	page := func(w http.ResponseWriter, next string) {
		w.Header().Set("Content-Type", "application/json")
		n := 3 * len(next)
		fmt.Fprintf(w, `{"rows":[{"id":%d,"city":"Oslo"},{"id":%d,"city":"Rome"},{"id":%d,"city":"Oslo"}],"next":%q}`, n, n+1, n+2, next)
	}
	guarded := func(path string, ok func(*http.Request) bool) {
		s.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if !ok(r) {
				http.Error(w, `{"message":"who are you?"}`, http.StatusUnauthorized)
				return
			}
			page(w, "")
		})
	}
	guarded("/basic", func(r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return user == "ada" && password == secrets["SHOP_PASSWORD"]
	})
	guarded("/header", func(r *http.Request) bool { return r.Header.Get("X-Shop-Key") == secrets["SHOP_KEY"] })
	guarded("/query", func(r *http.Request) bool { return r.URL.Query().Get("api_key") == secrets["SHOP_KEY"] })
	guarded("/cookie", func(r *http.Request) bool {
		c, err := r.Cookie("shop")
		return err == nil && c.Value == secrets["SHOP_KEY"]
	})
	guarded("/filtered", func(r *http.Request) bool {
		return r.URL.Query().Get("status") == "open" && r.Header.Get("Accept-Language") == "no"
	})
	guarded("/search", func(r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		return err == nil && r.Method == "POST" && r.Header.Get("Content-Type") == "application/json" && strings.TrimSpace(string(body)) == `{"q":"lamp"}`
	})
	// News grow for those who ask for what is new since an id.
	s.HandleFunc("/news", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("since") {
		case "", "1":
			fmt.Fprint(w, `[{"id":1,"city":"Oslo"},{"id":2,"city":"Rome"},{"id":3,"city":"Oslo"}]`)
		case "3":
			fmt.Fprint(w, `[{"id":3,"city":"Oslo"},{"id":4,"city":"Bonn","extra":"x"},{"id":5,"city":"Oslo","extra":"y"}]`)
		default:
			fmt.Fprint(w, `[{"id":5,"city":"Oslo","extra":"y"}]`)
		}
	})
	// A late page never comes.
	s.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		if n := len(r.URL.Query().Get("page")); n < late {
			page(w, "/slow?page="+strings.Repeat("x", n+1))
			return
		}
		s.held <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
	})
	// A late page is refused.
	s.HandleFunc("/breaks", func(w http.ResponseWriter, r *http.Request) {
		switch n := len(r.URL.Query().Get("page")); {
		case n < late:
			page(w, "/breaks?page="+strings.Repeat("x", n+1))
		default:
			http.Error(w, `{"message":"not for you"}`, http.StatusForbidden)
		}
	})
	s.HandleFunc("/html", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><title>Sign in</title></html>")
	})
	return s
}

// A watcher reads lines as they come.
type watcher struct {
	lines chan string
	mu    sync.Mutex // guards the field below
	seen  strings.Builder
}

func newWatcher(r io.Reader) *watcher {
	w := &watcher{lines: make(chan string, 1000)}
	go func() {
		defer close(w.lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			w.mu.Lock()
			fmt.Fprintln(&w.seen, in.Text())
			w.mu.Unlock()
			select {
			case w.lines <- in.Text():
			default: // nobody waits any more
			}
		}
	}()
	return w
}

// wait returns the first match in a line to come; nil if there is none.
func (w *watcher) wait(pattern *regexp.Regexp) []string {
	for line := range w.lines {
		if m := pattern.FindStringSubmatch(line); m != nil {
			return m
		}
	}
	return nil
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.String()
}

// openTerminal returns the two ends of a terminal that is so wide.
func openTerminal(width uint16) (ctrl, tty *os.File, err error) {
	ctrl, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	fd := int(ctrl.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: width}); err != nil {
		return nil, nil, err
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	return ctrl, tty, err
}
