package decode

import (
	"bytes"
	"hash/maphash"
)

// A nameSet holds the names of one object, to find one that comes twice. Its cost
// grows with the number of names only, whatever they are.
type nameSet struct {
	names [][]byte // not copied
	slots []int32  // by hash: 1 + an index into names, 0 if empty; unused while there are few
	seed  maphash.Seed
}

// few names are compared one by one.
const few = 8

func (n *nameSet) clear() {
	clear(n.names) // lets go of their memory
	n.names = n.names[:0]
	if len(n.slots) > 4096 {
		n.slots = nil
	}
	clear(n.slots)
}

// add reports false if the name is in the set already.
func (n *nameSet) add(name []byte) bool {
	if len(n.names) < few {
		for _, other := range n.names {
			if bytes.Equal(name, other) {
				return false
			}
		}
		n.names = append(n.names, name)
		return true
	}
	if len(n.names) == few || 2*len(n.names) >= len(n.slots) {
		n.grow()
	}
	at, found := n.find(name)
	if found {
		return false
	}
	n.names = append(n.names, name)
	n.slots[at] = int32(len(n.names))
	return true
}

// find returns the slot of a name, or the one where it would be.
func (n *nameSet) find(name []byte) (int, bool) {
	mask := len(n.slots) - 1
	for at := int(maphash.Bytes(n.seed, name)) & mask; ; at = (at + 1) & mask {
		i := n.slots[at]
		if i == 0 {
			return at, false
		}
		if bytes.Equal(n.names[i-1], name) {
			return at, true
		}
	}
}

func (n *nameSet) grow() {
	if len(n.slots) == 0 {
		n.seed = maphash.MakeSeed()
	}
	size := max(4*few, len(n.slots))
	for size < 4*len(n.names) {
		size *= 2
	}
	n.slots = make([]int32, size)
	for i, name := range n.names {
		at, _ := n.find(name)
		n.slots[at] = int32(i + 1)
	}
}
