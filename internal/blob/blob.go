// Package blob keeps named immutable bytes: content-hash objects that are
// written once, durably, and never changed.
package blob

import (
	"context"
	"io"
)

// An Object is a stored blob.
type Object struct {
	Key    string // where it is: "{scope}/{first 2 hex}/{sha256 hex}{ext}"
	Size   int64  // bytes
	SHA256 string // hex of the content
	ETag   string // changes with the content: the first half of SHA256
}

// A Store keeps objects. Each scope (a project) is a folder of its own, so that
// a sandbox can be given one scope and nothing else.
type Store interface {
	// Stage returns a new empty folder for work in progress, and a function that
	// removes it with all it still holds. What is staged is invisible until Publish.
	Stage(ctx context.Context) (dir string, remove func(), err error)

	// Seal does ahead what of Publish takes long: it makes the staged file read-only and
	// durable, and hashes it, if sum is empty; else sum is the hash, of whoever wrote the
	// file. It is of no effect on what is published.
	Seal(ctx context.Context, path, sum string) error

	// Publish makes the staged file an object of the scope under its content hash:
	// fsync, hash, rename, fsync of the folder. It consumes the file. Publishing the
	// same content twice returns the same object. ext starts with a dot.
	Publish(ctx context.Context, scope, path, ext string) (Object, error)

	// Open returns the object's bytes; errs.NotFound if there is no such object.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)

	// LocalPath returns an absolute path to the object's bytes, to be read only.
	LocalPath(ctx context.Context, key string) (string, error)

	// ScopeDir returns the absolute folder that holds all of a scope's objects,
	// creating it if it is missing.
	ScopeDir(ctx context.Context, scope string) (string, error)

	// Remove deletes an object; a missing one is no error.
	Remove(ctx context.Context, key string) error
}
