// Command millwright turns any HTTP API into a Parquet dataset with ready-made
// queries. See 'millwright --help'.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"millwright/internal/app"
	"millwright/internal/cli"
)

func main() {
	// The engine's sandboxed workers are this same binary.
	if app.ServedAsWorker() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C stops in order, the second one at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, cli.Env{Getenv: os.Getenv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, os.Args[1:]))
}
