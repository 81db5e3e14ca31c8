package evaluate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
)

// encoding is part of every key. Raise it when the same result is encoded in
// another way, so that no caller keeps an answer of the old kind.
const encoding = "1"

// A digest makes a short name of things that no other things have.
type digest struct{ sum hash.Hash }

func newDigest(kind string) digest {
	d := digest{sha256.New()}
	d.text(kind)
	return d
}

// text adds a text with its length, so that two texts never look like two others.
func (d digest) text(parts ...string) {
	var length [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(length[:], uint64(len(p)))
		d.sum.Write(length[:])
		d.sum.Write([]byte(p))
	}
}

// json adds a value whose JSON tells everything, maps in the order of their keys.
func (d digest) json(values ...any) {
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			text = fmt.Appendf(nil, "%T %#v", v, v) // unreachable for what is given to it
		}
		d.text(string(text))
	}
}

// arguments adds values with their Go types, which JSON would lose and which
// decide how the engine computes.
func (d digest) arguments(args map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		d.text(name, fmt.Sprintf("%T %#v", args[name], args[name]))
	}
	d.text("")
}

func (d digest) String() string {
	return base64.RawURLEncoding.EncodeToString(d.sum.Sum(nil)[:18])
}

// MakeFingerprint names the tables by all that an answer depends on: what they are
// called, the immutable files they are made of, and how their columns are
// described. Who knows how long tables stay the same may keep it in Fingerprint.
func (t Tables) MakeFingerprint() string {
	d := newDigest("tables")
	d.text(t.Dir)
	for _, table := range t.Tables {
		d.text(table.Name, table.View, fmt.Sprint(len(table.Files)))
		d.text(table.Files...)
		d.json(table.Schema)
	}
	d.json(t.Versions, t.Roles)
	return d.String()
}

// key names the answer to the plan in a form. It is "" if the SQL may say
// something else the next time.
func (e *Evaluator) key(pl plan, form string, r Request) string {
	if e.Cache == nil || e.Repeatable == nil || !e.Repeatable(pl.query.SQL) {
		return ""
	}
	tables := pl.tables.Fingerprint
	if tables == "" {
		tables = pl.tables.MakeFingerprint()
	}
	d := newDigest("answer")
	d.text(encoding, form, pl.query.Scope, pl.query.SQL, tables, r.Program.Name, r.Program.Cue)
	d.arguments(pl.query.Args)
	d.json(pl.bound.Values, pl.query.MaxRows, pl.query.MaxBytes, pl.query.Timeout, r.CountRows)
	return d.String()
}

// tagOf returns the ETag of an answer: the key, by which it can be told later that
// nothing has changed, and something that no other answer has, because two runs of
// a query may give their rows another order.
func tagOf(key, unique string) string { return `"` + key + "." + unique + `"` }

// knows reports whether one of the ETags is of an answer to the key.
func knows(tags []string, key string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		return strings.HasPrefix(strings.TrimPrefix(tag, "W/"), `"`+key+".")
	})
}
