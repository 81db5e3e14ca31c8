package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"millwright/internal/analyze"
	"millwright/internal/api"
	"millwright/internal/blob"
	"millwright/internal/catalog"
	"millwright/internal/compact"
	"millwright/internal/dataset"
	"millwright/internal/engine/duckdb"
	"millwright/internal/errs"
	"millwright/internal/evaluate"
	"millwright/internal/explore"
	"millwright/internal/generate"
	"millwright/internal/generate/ask"
	"millwright/internal/generate/link"
	"millwright/internal/httpsource"
	"millwright/internal/ingest"
	"millwright/internal/job"
	"millwright/internal/lineage"
	"millwright/internal/lineage/openlineage"
	"millwright/internal/meta"
	"millwright/internal/program/store"
	"millwright/internal/project"
	"millwright/internal/publish"
	"millwright/internal/recur"
	"millwright/internal/schedule"
	"millwright/internal/secret"
	"millwright/internal/source"
	"millwright/internal/tenant"
	"millwright/internal/transfer"
	"millwright/internal/upkeep"
	"millwright/internal/upload"
)

// ServedAsWorker reports whether this process was started as one of the engine's
// sandboxed workers, after it has served as one. main calls it first.
func ServedAsWorker() bool {
	if !duckdb.IsWorker() {
		return false
	}
	os.Exit(duckdb.ServeWorker())
	return true
}

// An App is a built Millwright.
type App struct {
	config  Config
	log     *slog.Logger
	db      *meta.DB
	blobs   *blob.Dir
	engine  *duckdb.Engine
	client  *httpsource.Client
	jobs    *job.Runner
	tenants *tenant.Store
	server  *api.Server
	first   secret.String

	programs *store.Store         // holds runs that are not written yet
	publish  *publish.Service     // holds calls that are not written yet
	answers  *evaluate.Cache      // may be making answers
	emitter  *openlineage.Emitter // nil unless a collector of lineage is configured
}

// Build opens the data folder, creating it at the first start, and wires every
// part. The caller must Run or Close the App.
func Build(ctx context.Context, config Config, log *slog.Logger) (_ *App, err error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Data, err = filepath.Abs(config.Data); err != nil {
		return nil, err
	}
	a := &App{config: config, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if a.db, err = meta.Open(ctx, filepath.Join(config.Data, upkeep.Database)); err != nil {
		return nil, err
	}
	vault, err := secret.OpenVault(config.Data)
	if err != nil {
		return nil, err
	}
	if a.blobs, err = blob.OpenDir(config.Data); err != nil {
		return nil, err
	}
	a.blobs.Step = config.Step
	a.engine, err = duckdb.Open(duckdb.Config{Workers: config.Workers, SpillDir: filepath.Join(config.Data, "spill"), Log: log})
	if err != nil {
		return nil, err
	}
	if !a.engine.Sandbox().Full() {
		log.Warn("this kernel confines the SQL workers only in part; let nobody run SQL whom you do not trust", "sandbox", a.Sandbox())
	}
	if err := a.wire(vault, a.blobs); err != nil {
		return nil, err
	}
	return a, a.seed(ctx)
}

// wire builds the parts that hold no resources of their own.
func (a *App) wire(vault *secret.Vault, blobs blob.Store) (err error) {
	now := time.Now
	scratch, err := emptyFolder(filepath.Join(a.config.Data, "tmp"))
	if err != nil {
		return err
	}
	a.client = httpsource.New(httpsource.Config{Allow: a.config.prefixes(), TempDir: scratch, Now: now})
	a.tenants = &tenant.Store{DB: a.db, Now: now}
	sources := &source.Store{DB: a.db, Vault: vault, Now: now}
	datasets := &dataset.Store{DB: a.db, Now: now}
	edges := &lineage.Store{DB: a.db, Now: now}
	programs := &store.Store{DB: a.db, Now: now}
	tables := &catalog.Catalog{Datasets: datasets, Blobs: blobs}
	evaluator := &evaluate.Evaluator{Engine: a.engine, Datasets: &readable{db: a.db, catalog: tables}, Stager: blobs, History: programs, Log: a.log,
		Limits: evaluate.Limits{Timeout: a.config.QueryTimeout, DownloadTimeout: a.config.DownloadTimeout}, Cache: evaluate.NewCache(a.config.CacheBytes), Repeatable: duckdb.Repeatable}
	a.programs, a.answers = programs, evaluator.Cache
	a.publish = &publish.Service{DB: a.db, Programs: programs, Evaluator: evaluator, Now: now}
	files := &upload.Store{DB: a.db, Dir: filepath.Join(a.config.Data, "uploads"), Max: a.config.MaxUpload, Now: now}
	runs := &ingest.Service{DB: a.db, Client: a.client, Sources: sources, Datasets: datasets, Lineage: edges, Uploads: files,
		Blobs: blobs, Engine: a.engine, Log: a.log, Now: now, Work: filepath.Join(a.config.Data, "unfinished"), Slice: a.config.SliceBytes, Step: a.config.Step}
	study := &analyze.Service{Analyzer: &analyze.Analyzer{Engine: a.engine}, DB: a.db, Datasets: datasets, Catalog: tables}
	links := &link.Store{DB: a.db, Now: now}
	questions := &generate.Service{DB: a.db, Datasets: datasets, Programs: programs, Evaluator: evaluator, Links: links}
	tidy := &compact.Service{DB: a.db, Datasets: datasets, Catalog: tables, Lineage: edges, Blobs: blobs, Engine: a.engine}
	tell := &openlineage.Teller{Datasets: datasets, Sources: sources, Version: api.Version}
	a.emitter = a.collectorOf(tell)
	adviser, err := a.adviser()
	if err != nil {
		return err
	}
	a.jobs, err = job.NewRunner(a.db, map[string]job.Handler{
		ingest.JobType:    a.told(runs.Handle),
		ingest.LoadType:   a.told(runs.Handle),
		ingest.RetypeType: a.told(runs.HandleRetype),
		ingest.PackType:   runs.HandlePack,
		analyze.JobType:   job.Newest(study.Handle),
		generate.JobType:  a.withCompaction(job.Newest(questions.Handle), tidy),
		compact.JobType:   a.told(tidy.Handle),
	}, job.Config{Workers: 4, Aside: []string{analyze.JobType, generate.JobType, compact.JobType, ingest.PackType}, Grace: a.config.Grace, Log: a.log, Now: now, Recovered: runs.Settle})
	if err != nil {
		return err
	}
	if a.emitter != nil {
		a.emitter.Jobs = a.jobs
	}
	moves := &transfer.Service{DB: a.db, Projects: &project.Store{DB: a.db, Now: now}, Sources: sources, Datasets: datasets, Lineage: edges, Programs: programs,
		Catalog: tables, Blobs: blobs, Engine: a.engine, Jobs: a.jobs, Log: a.log, Now: now, AfterImport: []string{analyze.JobType},
		Check: checked(evaluator), APIs: exportedAPIs(a.publish)}
	a.server = &api.Server{Transfer: moves, Tenants: a.tenants, Projects: &project.Store{DB: a.db, Now: now}, Sources: sources, Datasets: datasets,
		Lineage: edges, Programs: programs, Schedules: &schedule.Store{DB: a.db, Now: now}, Jobs: a.jobs, Blobs: blobs, Ingest: runs, Evaluator: evaluator,
		Asker: &ask.Service{DB: a.db, Datasets: datasets, Programs: programs, Evaluator: evaluator, Adviser: adviser}, Links: links,
		Publish:  a.publish,
		Explore:  &explore.Store{DB: a.db, Now: now},
		Teller:   tell,
		AfterRun: []string{analyze.JobType, generate.JobType}, AfterLoad: []string{analyze.JobType}, Uploads: files, Log: a.log, Now: now, Ready: a.db.Ping,
		RatePerMinute: a.config.RatePerMinute, Origins: a.config.Origins}
	return nil
}

// emptyFolder makes the folder, without what a killed process left in it.
func emptyFolder(path string) (string, error) {
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o700)
}

// seed makes what the first start needs: an organisation, a team, a user with a
// key, and a project.
func (a *App) seed(ctx context.Context) error {
	if err := a.server.Sources.CheckVault(ctx); err != nil {
		return err
	}
	created, err := a.tenants.Seed(ctx, a.config.APIKey)
	if err != nil {
		return err
	}
	if created != nil {
		a.first = created.Secret
	}
	who, err := a.tenants.First(ctx)
	if err != nil {
		return err
	}
	projects, err := a.server.Projects.List(ctx, who.TeamIDs, "", true)
	if err != nil || len(projects) > 0 || len(who.TeamIDs) == 0 {
		return err
	}
	_, err = a.server.Projects.Create(ctx, project.Project{TeamID: who.TeamIDs[0], Name: "First project"})
	return err
}

// FirstKey returns the key that the first start generated, to be shown once;
// empty at later starts.
func (a *App) FirstKey() secret.String { return a.first }

// Sandbox says what confines the SQL workers on this system.
func (a *App) Sandbox() string {
	r := a.engine.Sandbox()
	if r.Full() {
		return "full"
	}
	return fmt.Sprintf("partial: landlock %d, network %t, seccomp %t, address space %t", r.Landlock, r.Network, r.Seccomp, r.AddressSpace)
}

// temporaryKey names the keys of sessions that have no server to talk to.
const temporaryKey = "Command line"

// TemporaryKey makes a key of the first user, and the function that revokes it.
// Keys that a killed session left behind are revoked first.
func (a *App) TemporaryKey(ctx context.Context) (secret.String, func(context.Context) error, error) {
	who, err := a.tenants.First(ctx)
	if err != nil {
		return secret.String{}, nil, err
	}
	keys, err := a.tenants.Keys(ctx, who.User.ID)
	if err != nil {
		return secret.String{}, nil, err
	}
	for _, k := range keys {
		if k.Name == temporaryKey {
			if _, err := a.tenants.DeleteKey(ctx, who.User.ID, k.ID); err != nil {
				return secret.String{}, nil, err
			}
		}
	}
	key, err := a.tenants.CreateKey(ctx, who.User.ID, temporaryKey)
	if err != nil {
		return secret.String{}, nil, err
	}
	return key.Secret, func(ctx context.Context) error {
		_, err := a.tenants.DeleteKey(ctx, who.User.ID, key.ID)
		return err
	}, nil
}

// Run serves until ctx is done, then lets requests and jobs finish for the
// configured grace, and closes everything. It calls ready with the address once
// requests are answered.
func (a *App) Run(ctx context.Context, ready func(net.Addr)) (err error) {
	defer func() { err = errors.Join(err, a.Close()) }()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", a.config.Addr)
	if err != nil {
		return errs.New(errs.Unavailable, "cannot serve on %s: another program may be using it", a.config.Addr).
			Named("address-in-use").Fix("choose another with --addr 127.0.0.1:7401").Because(err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.jobs.Run(ctx) })
	group.Go(func() error { return a.programs.KeepRuns(ctx) })
	group.Go(func() error { return a.publish.KeepUsage(ctx) })
	if a.emitter != nil {
		group.Go(func() error { return a.emitter.Run(ctx) })
	}
	if !a.config.Passing {
		recurring := &recur.Runner{Schedules: a.server.Schedules, Start: a.scheduled, Log: a.log}
		group.Go(func() error { return recurring.Run(ctx) })
		group.Go(func() error { return collector(a.config, a.db, a.blobs, a.log).Run(ctx) })
	}
	handler := a.server.Handler()
	group.Go(func() error { return a.server.WatchAgents(ctx) })
	group.Go(func() error { return serve(ctx, ln, handler, a.config.Grace, a.log) })
	ready(ln.Addr())
	return group.Wait()
}

// Close gives up what Build has opened. Run calls it.
func (a *App) Close() error {
	var all []error
	if a.client != nil {
		a.client.Close()
		a.client = nil
	}
	if a.engine != nil {
		all = append(all, a.engine.Close())
		a.engine = nil
	}
	if a.answers != nil {
		a.answers.Close()
		a.answers = nil
	}
	if a.programs != nil {
		all = append(all, a.programs.Flush(context.Background()))
		a.programs = nil
	}
	if a.publish != nil {
		all = append(all, a.publish.FlushUsage(context.Background()))
		a.publish = nil
	}
	if a.db != nil {
		all = append(all, a.db.Close())
		a.db = nil
	}
	return errors.Join(all...)
}

// serve answers requests on ln until ctx is done, then gives the running ones
// grace to finish. It closes ln.
func serve(ctx context.Context, ln net.Listener, h http.Handler, grace time.Duration, log *slog.Logger) error {
	// Streams have no end of their own: they are told to end when serving ends.
	streams, endStreams := context.WithCancel(context.WithoutCancel(ctx))
	defer endStreams()
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return streams },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		// Half of the grace for requests that end by themselves, then streams end.
		stop := time.AfterFunc(grace/2, endStreams)
		defer stop.Stop()
		drained <- srv.Shutdown(late)
	})
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-drained; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return srv.Close()
}
