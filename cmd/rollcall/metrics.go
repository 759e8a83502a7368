package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// metrics is what /metrics shows: counters fed by receiver and runs, and gauges read from the record at each scrape. Labels are names
// from the configuration and words of ours, never people. It is safe for concurrent use.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	events      *prometheus.CounterVec
	runs        *prometheus.CounterVec
	runDuration *prometheus.HistogramVec
	reloads     *prometheus.CounterVec
	pushAlarm   *prometheus.GaugeVec
	groupAlarm  *prometheus.GaugeVec
}

func newMetrics(program string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_scim_requests_total", Help: "SCIM requests answered. source is empty where no key told whose it was.",
		}, []string{"source", "endpoint", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rollcall_scim_request_duration_seconds", Help: "Time to answer a SCIM request.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"endpoint", "method"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_scim_events_total", Help: "Events in what providers push that an operator should hear of.",
		}, []string{"source", "event"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_runs_total", Help: "Scheduled runs by how they ended.",
		}, []string{"source", "outcome"}),
		runDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rollcall_run_duration_seconds", Help: "Time of a scheduled run, from pull to apply.",
			Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600},
		}, []string{"source"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rollcall_config_reloads_total", Help: "Reloads of the configuration by result: taken or refused.",
		}, []string{"result"}),
		pushAlarm: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rollcall_push_alarm", Help: "1 while pushes of 24 hours, since the start, have deactivated more than the gate allows a pull. 0 with push_gate: off.",
		}, []string{"source"}),
		groupAlarm: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "rollcall_group_alarm", Help: "1 while a group lacks more members than the gate lets go, because a push of the last 24 hours took them out at once. 0 with push_gate: off.",
		}, []string{"source"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rollcall_build_info", Help: "Always 1; the version is the label.", ConstLabels: prometheus.Labels{"version": program},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.durations, m.events, m.runs, m.runDuration, m.reloads, m.pushAlarm, m.groupAlarm, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Answered implements scimapi.Metrics.
func (m *metrics) Answered(source, endpoint, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(source, endpoint, method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(endpoint, method).Observe(took.Seconds())
}

// Noticed implements scimapi.Metrics.
func (m *metrics) Noticed(source string, event scimapi.Event, n int) {
	m.events.WithLabelValues(source, string(event)).Add(float64(n))
}

// ran counts a run.
func (m *metrics) ran(run state.Run) {
	m.runs.WithLabelValues(run.Scope.Source, run.Outcome).Inc()
	m.runDuration.WithLabelValues(run.Scope.Source).Observe(run.EndedAt.Sub(run.StartedAt).Seconds())
}

// scrapeTime bounds what a scrape may take from the record.
const scrapeTime = 5 * time.Second

// recordCollector reads gauges about each source from the record when they are asked for.
type recordCollector struct {
	health func(ctx context.Context) ([]explain.Health, error)
	now    func() time.Time
	log    *slog.Logger
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("rollcall_"+name, help, append([]string{"source"}, labels...), nil)
}

var (
	accountsGauge      = gauge("accounts", "Accounts on record by whether they are active.", "active")
	lastPushGauge      = gauge("last_push_timestamp_seconds", "When the source last pushed; to a minute. 0 = never.")
	lastPullGauge      = gauge("last_pull_timestamp_seconds", "When the last run started. 0 = never.")
	lastWholeGauge     = gauge("last_complete_pull_timestamp_seconds", "When the last run with a complete snapshot started. 0 = never.")
	driftGauge         = gauge("drift", "Changes that the last run planned and did not apply.")
	noticedGauge       = gauge("noticed", "What the last run noticed and planned no change for, such as unexplained: active here, unknown at the source.", "kind")
	heldGauge          = gauge("held_changes", "Changes that wait for an approval.")
	keysGauge          = gauge("keys", "Keys by status.", "status")
	keyExpiryGauge     = gauge("key_expiry_timestamp_seconds", "When the last of the source's live keys expires. Absent if one never does.")
	misconfiguredGauge = gauge("misconfigured", "1 if the source cannot pull because of its configuration.")
)

// Describe implements prometheus.Collector. Which sources there are is known only at a scrape.
func (c *recordCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		accountsGauge, lastPushGauge, lastPullGauge, lastWholeGauge, driftGauge, noticedGauge, heldGauge, keysGauge, keyExpiryGauge, misconfiguredGauge,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *recordCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	sources, err := c.health(ctx)
	if err != nil {
		c.log.Warn("metrics could not read the record", logError, err)
		ch <- prometheus.NewInvalidMetric(accountsGauge, err)
		return
	}
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, h := range sources {
		name := h.Scope.Source
		set(accountsGauge, float64(h.Active), name, "true")
		set(accountsGauge, float64(h.Total-h.Active), name, "false")
		set(lastPushGauge, unixSeconds(h.LastPushAt), name)
		set(lastPullGauge, unixSeconds(h.LastPullAt), name)
		set(lastWholeGauge, unixSeconds(h.LastWholeAt), name)
		set(driftGauge, float64(h.Drift), name)
		for _, kind := range plan.NoticeKinds() {
			set(noticedGauge, float64(h.Noticed[kind]), name, string(kind))
		}
		set(heldGauge, float64(h.Held.Changes), name)
		counts := map[string]int{"live": 0, "expired": 0, "revoked": 0}
		for _, k := range h.Keys {
			counts[keyStatus(k, c.now())]++
		}
		for status, n := range counts {
			set(keysGauge, float64(n), name, status)
		}
		if until := h.KeysEnd(c.now()); !until.IsZero() {
			set(keyExpiryGauge, unixSeconds(until), name)
		}
		set(misconfiguredGauge, truth(h.Misconfigured != ""), name)
	}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
