package transfer

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// hashes name the bytes of a file.
type hashes struct{ md5, sha256 string }

func sums(text []byte) hashes {
	h, _, _ := sumsOf(bytes.NewReader(text)) // a reader of memory does not fail
	return h
}

func sumsOf(r io.Reader) (h hashes, n int64, err error) {
	tag, sum := md5.New(), sha256.New()
	n, err = io.Copy(io.MultiWriter(tag, sum), r)
	return hashes{hex.EncodeToString(tag.Sum(nil)), hex.EncodeToString(sum.Sum(nil))}, n, err
}
