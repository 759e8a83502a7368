package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
)

// service is `serve` at work: listeners that stay, and a generation that a reload replaces.
type service struct {
	app      *app
	rec      record
	log      *slog.Logger
	metrics  *metrics
	alarms   *alarms
	waiting  *witnesses
	progress *progressBoard

	receiver   net.Listener
	operations net.Listener // nil: off
	page       *page        // nil: off
	bound      boundAddresses

	current  atomic.Pointer[generation]
	draining atomic.Bool
	refused  atomic.Pointer[string] // why the last reload was not taken; nil: it was
}

// generation is everything that one reading of the configuration determines. It is made whole or not at all.
type generation struct {
	cfg           *config
	handler       http.Handler
	engine        *dirsync.Engine
	scheduler     *dirsync.Scheduler
	runnable      map[string]dirsync.Source // by name: those that are not misconfigured
	alarmURL      string                    // "" = none
	alarmClient   *http.Client
	env           lookupEnv
	misconfigured map[string]string // by source: why it cannot pull, whatever its secrets are
	interrupted   chan string       // sources whose runs the end of this generation cut off; buffered for all
}

// newService takes the addresses and makes the first generation. It starts nothing; call close in the end.
func newService(ctx context.Context, a *app, cfg *config, rec record, log *slog.Logger) (_ *service, err error) {
	s := &service{app: a, rec: rec, log: log, metrics: newMetrics(programVersion())}
	s.alarms, s.waiting, s.progress = newAlarms(rec, s.metrics, log, a.now), newWitnesses(rec, log, a.now), newProgressBoard()
	s.metrics.registry.MustRegister(&recordCollector{health: s.health, now: a.now, log: log})
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	first, err := s.newGeneration(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s.current.Store(first)
	if err := s.listen(cfg); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *service) listen(cfg *config) error {
	var err error
	if s.receiver, err = net.Listen("tcp", cfg.Listen); err != nil {
		return fmt.Errorf("listen for the receiver (listen): %w", err)
	}
	bound := *cfg
	bound.Listen, bound.PublicURL = s.receiver.Addr().String(), ""
	s.bound.Receiver = bound.receiverURL()
	if cfg.OpsListen != "" {
		if s.operations, err = net.Listen("tcp", cfg.OpsListen); err != nil {
			return fmt.Errorf("listen for operations (ops.listen): %w", err)
		}
		s.bound.Operations = "http://" + s.operations.Addr().String()
	}
	if s.page, err = s.openConsole(cfg); err == nil && s.page != nil {
		s.bound.Console = s.page.url
	}
	return err
}

// close gives the addresses back, whether run has been called or not.
func (s *service) close() {
	for _, l := range []net.Listener{s.receiver, s.operations} {
		if l != nil {
			_ = l.Close() // closed already, after run
		}
	}
	if s.page != nil {
		_ = s.page.listener.Close()
	}
}

// newGeneration makes everything that a configuration determines. What is wrong with one source alone is logged and leaves it without
// pulls; any other error makes no generation.
func (s *service) newGeneration(ctx context.Context, cfg *config) (*generation, error) {
	g := &generation{cfg: cfg, env: s.app.env, misconfigured: map[string]string{}, interrupted: make(chan string, len(cfg.Sources))}
	tokenSecret, err := cfg.tokenSecret(s.app.env)
	if err != nil {
		return nil, err
	}
	if g.handler, err = newReceiver(cfg, s.rec, tokenSecret, s.metrics, s.waiting.staged, s.log); err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	if g.alarmURL, err = cfg.alarmURL(s.app.env); err != nil {
		return nil, err
	}
	g.alarmClient, g.engine, g.runnable = newAlarmClient(transport), newEngine(s.rec, cfg.Users, s.log), map[string]dirsync.Source{}
	for _, w := range cfg.warnings() {
		s.log.Warn("configuration", logFault, w.Error())
	}
	var sources []dirsync.Source
	for i := range cfg.Sources {
		source, err := s.prepare(ctx, &cfg.Sources[i], transport)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			g.misconfigured[cfg.Sources[i].Name] = reasonOf(err)
			s.log.Error("source misconfigured: it is not pulled", logSource, cfg.Sources[i].Name, logReason, reasonOf(err))
			continue
		}
		sources = append(sources, source)
		g.runnable[source.Scope.Source] = source
	}
	g.scheduler, err = dirsync.NewScheduler(dirsync.SchedulerConfig{
		Engine: g.engine, Sources: sources, Parallel: cfg.ParallelPulls, Hints: cfg.Hints,
		Progress: func(source dirsync.Source, p dirsync.Progress) { s.progress.step(source.Scope.Source, p, s.app.now()) },
		Ended:    func(source dirsync.Source, r dirsync.Report, err error) { s.ended(g, source, r, err) },
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// prepare sees that the record knows a source and makes it ready to run. Secrets that cannot be read are logged; each run tries them again.
func (s *service) prepare(ctx context.Context, src *sourceConfig, transport http.RoundTripper) (dirsync.Source, error) {
	if _, err := ensureSource(ctx, s.rec, src); err != nil {
		return dirsync.Source{}, err
	}
	c, err := src.open(s.app.env, transport)
	if err != nil {
		return dirsync.Source{}, err
	}
	if why := src.unreadable(s.app.env); why != "" {
		s.log.Error("source misconfigured: it is not pulled until this can be read", logSource, src.Name, logReason, why)
	}
	return src.asking(c), nil
}

// whyNot says why a source cannot pull now; "" if it can.
func (g *generation) whyNot(src *sourceConfig) string {
	return cmp.Or(g.misconfigured[src.Name], src.unreadable(g.env))
}

// reasonOf is what a person has to know of why a source is misconfigured, in one line.
func reasonOf(err error) string {
	var several faults
	var one fault
	switch {
	case errors.As(err, &several):
		return several[0].What
	case errors.As(err, &one):
		return one.Path + " " + one.What
	}
	return err.Error()
}

// ended counts a run. One that was cut off by a reload is noted, so that the next generation takes it up at once.
func (s *service) ended(g *generation, source dirsync.Source, r dirsync.Report, err error) {
	s.progress.end(source.Scope.Source, r, err)
	if errors.Is(err, state.ErrLeased) {
		return // somebody else ran
	}
	if errors.Is(err, context.Canceled) {
		select {
		case g.interrupted <- source.Scope.Source:
		default:
		}
	}
	if !r.Run.EndedAt.IsZero() {
		s.metrics.ran(r.Run)
	}
	s.alarms.look()
}

const (
	headerTime = 10 * time.Second
	bodyTime   = 2 * time.Minute // a group of 100,000 members over a slow line, or an approval of many changes
	idleTime   = 2 * time.Minute
	headerSize = 64 << 10
	drainTime  = 20 * time.Second // below the 30 s that supervisors usually grant
)

// run serves until the context is over, then drains.
func (s *service) run(ctx context.Context, hangup <-chan os.Signal) error {
	receiver := s.newServer(http.HandlerFunc(s.receive))
	receiver.ReadTimeout = bodyTime
	operations, pages := s.newServer(s.operationsHandler()), &http.Server{}
	operations.WriteTimeout = time.Minute
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.schedule(ctx, hangup) })
	group.Go(func() error {
		return s.serveTLS(receiver, s.receiver, s.current.Load().cfg.CertFile, s.current.Load().cfg.KeyFile)
	})
	group.Go(func() error { return s.alarms.run(ctx, s.current.Load) })
	group.Go(func() error { return s.waiting.run(ctx, s.current.Load) })
	group.Go(func() error { return newUpkeep(s.rec, s.log, s.app.now).run(ctx, s.current.Load) })
	if s.operations != nil {
		group.Go(func() error { return ignoreClosed(operations.Serve(s.operations)) })
	}
	if s.page != nil {
		pages = s.newServer(s.page.Handler) // what streams, such as progress, extends its own time
		cfg := s.current.Load().cfg
		group.Go(func() error { return s.serveTLS(pages, s.page.listener, cfg.ConsoleCert, cfg.ConsoleKey) })
		group.Go(func() error { return s.page.pulls.run(ctx) })
		group.Go(func() error { return s.digest(ctx) })
	}
	group.Go(func() error {
		<-ctx.Done()
		s.draining.Store(true)
		s.progress.close() // who watches a run would be waited for
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		// The operations listener goes last, so that /readyz tells the balancer meanwhile.
		if err := receiver.Shutdown(drain); err != nil {
			s.log.Warn("requests were cut off", logError, err)
			_ = receiver.Close()
		}
		if err := pages.Shutdown(drain); err != nil {
			_ = pages.Close()
		}
		_ = operations.Shutdown(drain)
		return nil
	})
	return group.Wait()
}

// newServer makes a server that bounds what a client can take of it. Call it for as many listeners as there are.
func (s *service) newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, WriteTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: headerSize,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// serveTLS serves a listener until the server is shut down; with a certificate only over TLS.
func (s *service) serveTLS(server *http.Server, listener net.Listener, certFile, keyFile string) error {
	if certFile == "" {
		return ignoreClosed(server.Serve(listener))
	}
	c, err := newCertificate(certFile, keyFile, s.log)
	if err != nil {
		return err
	}
	server.TLSConfig = c.config()
	return ignoreClosed(server.ServeTLS(listener, "", ""))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// schedule runs the scheduler of the present generation, and of the next one after each reload, until the context is over.
func (s *service) schedule(ctx context.Context, hangup <-chan os.Signal) error {
	for {
		g := s.current.Load()
		generationCtx, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- g.scheduler.Run(generationCtx) }()
		next := s.awaitReload(ctx, hangup)
		if next != nil {
			s.current.Store(next)
		}
		stop()
		if err := <-done; err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		for len(g.interrupted) > 0 {
			next.scheduler.Trigger(<-g.interrupted)
		}
	}
}

// awaitReload returns the generation that a hangup made, or nil when the context is over. A configuration that cannot be taken is
// logged and changes nothing.
func (s *service) awaitReload(ctx context.Context, hangup <-chan os.Signal) *generation {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		}
		next, err := s.reload(ctx)
		if err == nil {
			s.refused.Store(nil)
			s.metrics.reloads.WithLabelValues("taken").Inc()
			s.log.Info("configuration reloaded", logSources, len(next.cfg.Sources))
			return next
		}
		s.metrics.reloads.WithLabelValues("refused").Inc()
		why := err.Error()
		s.refused.Store(&why)
		var found faults
		if !errors.As(err, &found) {
			s.log.Error("configuration not reloaded, the old one stays", logError, err)
			continue
		}
		for _, f := range found {
			s.log.Error("configuration not reloaded, the old one stays", logFault, f.Error())
		}
	}
}

// reload reads the configuration anew and makes a generation of it.
func (s *service) reload(ctx context.Context) (*generation, error) {
	cfg, err := loadConfig(s.app.configFile)
	if err != nil {
		return nil, err
	}
	old := s.current.Load().cfg
	for _, fixed := range []struct{ setting, old, new string }{
		{"listen", old.Listen, cfg.Listen}, {"ops.listen", old.OpsListen, cfg.OpsListen}, {"state", old.State, cfg.State},
		{"console.listen", old.ConsoleListen, cfg.ConsoleListen}, {"console.public_url", old.ConsoleURL, cfg.ConsoleURL},
		{"console.tls.cert", old.ConsoleCert, cfg.ConsoleCert}, {"console.tls.key", old.ConsoleKey, cfg.ConsoleKey},
		{"tls.cert", old.CertFile, cfg.CertFile}, {"tls.key", old.KeyFile, cfg.KeyFile},
	} {
		if fixed.old != fixed.new {
			return nil, fmt.Errorf("%s has changed, which needs a restart", fixed.setting)
		}
	}
	return s.newGeneration(ctx, cfg)
}

// health reads how every source of the present configuration is.
func (s *service) health(ctx context.Context) ([]explain.Health, error) {
	g := s.current.Load()
	var all []explain.Health
	for i := range g.cfg.Sources {
		src := &g.cfg.Sources[i]
		h, err := health(ctx, s.rec, src.scope(), src, g.whyNot(src), s.app.now())
		if err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	return all, nil
}

// readyTime bounds what /readyz waits for the record.
const readyTime = 2 * time.Second

// operationsHandler answers /healthz (the process lives), /readyz (it can do its work) and /metrics.
func (s *service) operationsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answerPlain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		switch err := s.rec.Health(ctx); {
		case s.draining.Load():
			answerPlain(w, http.StatusServiceUnavailable, "going down")
		case err != nil:
			s.log.Error("not ready", logError, err)
			answerPlain(w, http.StatusServiceUnavailable, "the record cannot be used; the log says why")
		default:
			answerPlain(w, http.StatusOK, "ready")
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

func answerPlain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
