package decode

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// keyColumn holds the key of a member that became a row. A record that has a
// member of this name itself keeps it as record_key.
const keyColumn = "key"

// keyed emits the members of the object that comes next as rows.
func (s *splitter) keyed() error {
	return s.members(func(name string) error {
		raw, err := s.value()
		if err != nil {
			return err
		}
		quoted, err := jsontext.AppendQuote(nil, name)
		if err != nil {
			return err
		}
		j := &s.join
		j.begin()
		if err := j.put(keyColumn, "", quoted); err != nil {
			return err
		}
		if raw.Kind() == '{' {
			err = j.spread(raw, "record_")
		} else {
			err = j.put("value", "", raw)
		}
		if err != nil {
			return err
		}
		return s.out(j.end())
	})
}

// A keySet is what speaks for an object being a map of ids to records.
type keySet struct {
	names   []string // the path to it
	members int64
	objects int64
	ids     int64            // keys that no person would give to a field
	keys    map[string]int64 // in the first records
	sampled int64
}

// alike is how much the sampled records have in common, from 0 to 1.
func (k *keySet) alike() float64 { return share(k.keys, k.sampled) }

// isMap reports whether the object is a map. A record may hold several objects
// of one form too, such as a billing and a shipping address; what it does not
// have is keys that are ids, or many of them.
func (k *keySet) isMap() bool {
	if k.members < 2 || k.objects < k.members || k.alike() < 0.5 || len(k.keys) == 0 {
		return false
	}
	return k.ids == k.members || k.members >= 5 && k.alike() >= 0.7
}

func (k *keySet) count(name string, kind jsontext.Kind) {
	k.members++
	if kind == '{' {
		k.objects++
	}
	if looksLikeID(name) {
		k.ids++
	}
}

// looksLikeID reports whether a key is more likely an id than the name of a
// field: it holds digits, an address or a path.
func looksLikeID(key string) bool {
	return strings.ContainsAny(key, "0123456789@/:") && !strings.HasPrefix(key, "@") && !strings.HasPrefix(key, "$")
}

// share is how many of the keys a sampled object has on average, from 0 to 1.
func share(keys map[string]int64, sampled int64) float64 {
	if len(keys) == 0 {
		return 1
	}
	sum := int64(0)
	for _, n := range keys {
		sum += n
	}
	return float64(sum) / float64(int64(len(keys))*sampled)
}
