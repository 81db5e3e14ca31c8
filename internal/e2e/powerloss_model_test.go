package e2e_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A disk is a folder as the kernel knows it, and what of it would be there after a
// loss of power: bytes that were synced, and names that were synced with their folder.
type disk struct {
	root  string
	names map[string]*content // as processes see them; folders have no content
	kept  map[string]*content // as they are on the disk
	at    map[string]int      // where the next write into a file goes
}

// content is what a file holds.
type content struct {
	now, kept []byte
	loose     []patch // writes since the last sync
}

type patch struct {
	at    int
	bytes []byte
}

func newDisk(root string) *disk {
	return &disk{root: root, names: map[string]*content{}, kept: map[string]*content{}, at: map[string]int{}}
}

func (d *disk) inside(path string) bool { return strings.HasPrefix(path, d.root+"/") }

// A diskChange is what a system call does to a disk, when.
type diskChange struct {
	line int
	do   func(d *disk)
	sync bool // it makes something durable
	mark int  // if not 0, a message that says how many versions were acknowledged by now
}

var (
	opened   = regexp.MustCompile(`"((?:[^"\\]|\\.)*)", ([A-Z_|]+)`)
	atOffset = regexp.MustCompile(`, (\d+)(?:, (\d+))?\)?$`)
	marking  = regexp.MustCompile(`/v1/marker-(\d+) `)
)

// diskChanges turns system calls into what they do. A write counts from where it began,
// a sync when it ended, for what was written before it began.
func diskChanges(root string, calls []kernelCall) (all []diskChange) {
	add := func(line int, sync bool, do func(*disk)) {
		all = append(all, diskChange{line: line, sync: sync, do: do})
	}
	for _, c := range calls {
		if m := marking.FindStringSubmatch(c.text); m != nil && c.name == "read" {
			n, _ := strconv.Atoi(m[1])
			all = append(all, diskChange{line: c.begin, mark: n, do: func(*disk) {}})
		}
		if !c.ok {
			continue
		}
		switch {
		case c.name == "openat" || c.name == "open":
			if m := opened.FindStringSubmatch(c.text); m != nil && strings.Contains(m[2], "O_CREAT") || m != nil && strings.Contains(m[2], "O_TRUNC") {
				path, flags := unescape(m[1]), m[2]
				add(c.begin, false, func(d *disk) { d.open(string(path), flags) })
			}
		case c.name == "write" || c.name == "pwrite64":
			if m := quoted.FindStringSubmatch(c.text); m != nil && strings.HasPrefix(c.path, root+"/") {
				data, path, offset := unescape(m[1]), c.path, -1
				if n := atOffset.FindStringSubmatch(c.text); c.name == "pwrite64" && n != nil {
					offset, _ = strconv.Atoi(n[2])
				}
				add(c.begin, false, func(d *disk) { d.write(path, data, offset) })
			}
		case c.name == "ftruncate":
			if n := atOffset.FindStringSubmatch(c.text); n != nil {
				size, _ := strconv.Atoi(n[1])
				path := c.path
				add(c.begin, false, func(d *disk) { d.truncate(path, size) })
			}
		case strings.HasPrefix(c.name, "mkdir"):
			path := c.path
			add(c.begin, false, func(d *disk) { d.name(path, nil) })
		case strings.HasPrefix(c.name, "unlink") || c.name == "rmdir":
			if m := quoted.FindStringSubmatch(c.text); m != nil {
				path := string(unescape(m[1]))
				if !filepath.IsAbs(path) {
					path = filepath.Join(c.path, path)
				}
				add(c.begin, false, func(d *disk) { delete(d.names, path) })
			}
		case strings.HasPrefix(c.name, "rename"):
			from, to := c.path, c.to
			add(c.begin, false, func(d *disk) { d.link(from, to); delete(d.names, from) })
		case strings.HasPrefix(c.name, "link"):
			from, to := c.path, c.to
			add(c.begin, false, func(d *disk) { d.link(from, to) })
		case isSync(c):
			path := c.path
			var done func()
			add(c.begin, false, func(d *disk) { done = d.sync(path) })
			add(c.end, true, func(*disk) { done() })
		}
	}
	slices.SortStableFunc(all, func(a, b diskChange) int { return a.line - b.line })
	return all
}

// unescape reads a string as strace writes it.
func unescape(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		if at := strings.IndexByte("tnvfr", text[i]); at >= 0 {
			out = append(out, "\t\n\v\f\r"[at])
			continue
		}
		end := i
		for end < len(text) && end < i+3 && text[end] >= '0' && text[end] <= '7' {
			end++
		}
		if end == i {
			out = append(out, text[i])
			continue
		}
		n, _ := strconv.ParseUint(text[i:end], 8, 8)
		out = append(out, byte(n))
		i = end - 1
	}
	return out
}

func (d *disk) name(path string, c *content) {
	if d.inside(path) {
		d.names[path] = c
	}
}

func (d *disk) open(path, flags string) {
	if !d.inside(path) {
		return
	}
	c := d.names[path]
	if c == nil {
		c = &content{}
		d.names[path] = c
	}
	if strings.Contains(flags, "O_TRUNC") {
		d.truncate(path, 0)
	}
	d.at[path] = 0
	if strings.Contains(flags, "O_APPEND") {
		d.at[path] = len(c.now)
	}
}

func (d *disk) write(path string, data []byte, at int) {
	c := d.names[path]
	if c == nil {
		return // it has no name any more
	}
	if at < 0 {
		at = d.at[path]
		d.at[path] += len(data)
	}
	c.now = over(c.now, patch{at, data})
	c.loose = append(c.loose, patch{at, data})
}

// over returns b with the patch, in the same place if there is room.
func over(b []byte, p patch) []byte {
	if end := p.at + len(p.bytes); end > len(b) {
		b = append(b, make([]byte, end-len(b))...)
	}
	copy(b[p.at:], p.bytes)
	return b
}

func (d *disk) truncate(path string, size int) {
	c := d.names[path]
	if c == nil {
		return
	}
	if size <= len(c.now) {
		c.now = c.now[:size]
	} else {
		c.now = append(c.now, make([]byte, size-len(c.now))...)
	}
	c.loose = append(c.loose, patch{-1, bytes.Clone(c.now)})
}

// link gives a file another name.
func (d *disk) link(from, to string) {
	if c, ok := d.names[from]; ok && d.inside(to) {
		d.names[to] = c
	}
}

// sync begins to sync a file or a folder; done ends it.
func (d *disk) sync(path string) (done func()) {
	if c := d.names[path]; c != nil {
		snapshot, loose := bytes.Clone(c.now), len(c.loose)
		return func() { c.kept, c.loose = snapshot, c.loose[min(loose, len(c.loose)):] }
	}
	entries := map[string]*content{}
	for name, c := range d.names {
		if filepath.Dir(name) == path {
			entries[name] = c
		}
	}
	return func() {
		maps.DeleteFunc(d.kept, func(name string, _ *content) bool { return filepath.Dir(name) == path })
		maps.Copy(d.kept, entries)
	}
}

// How much of what was not synced is on the disk after a loss of power.
type loss int

const (
	allLost   loss = iota // neither names nor bytes
	bytesLost             // names are there, with the bytes of the last sync
	someLost              // each name and each write may be there or not
)

func (l loss) String() string { return [...]string{"all", "bytes", "some"}[l] }

// after writes what is left after a loss of power to a folder.
func (d *disk) after(l loss, r *rand.Rand, to string) error {
	names := maps.Clone(d.kept)
	if l != allLost {
		for name, c := range d.names {
			if l == bytesLost || r.IntN(2) == 0 {
				names[name] = c
			}
		}
		for name := range d.kept {
			if _, still := d.names[name]; !still && (l == bytesLost || r.IntN(2) == 0) {
				delete(names, name)
			}
		}
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		path := filepath.Join(to, strings.TrimPrefix(name, d.root))
		c := names[name]
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			continue // its folder has no name
		}
		if c == nil {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			continue
		}
		data := c.kept
		if l == someLost {
			data = bytes.Clone(data)
			for _, p := range c.loose {
				switch {
				case r.IntN(2) == 0:
				case p.at < 0:
					data = bytes.Clone(p.bytes)
				default:
					data = over(data, p)
				}
			}
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
