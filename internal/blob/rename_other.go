//go:build !linux

package blob

import "os"

// renameNew renames a file unless the new name is taken; then it fails with
// fs.ErrExist and both files stay.
func renameNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
