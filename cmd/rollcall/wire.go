package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/okta"
	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// This file is the only place where concrete types meet: the store, the connectors, the engine and the receiver.

// record is the store as the commands use it.
type record interface {
	dirsync.Store
	state.Keys
	state.Tombstones
	state.Requests
	state.History
	state.Stagings
	state.Retention
	state.Alarms
	state.Eraser
	state.Movers
	state.Sealer
	state.Operators
	state.Sessions
	state.Invites
	state.Deeds
	state.Lister
	state.Seats
	state.Digests
	state.RunHeads
	state.RequestHeads
	Backup(ctx context.Context, path string) error
	Health(ctx context.Context) error
	Close() error
}

// openRecord opens the database, or makes it. An older one is refused with the mend; a newer one too.
func openRecord(ctx context.Context, path string) (record, error) {
	store, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", path, err)
	}
	return store, nil
}

// openReader opens the database to read. One that is not there yet is as good as empty, and is not made for that. Call done when it is
// no longer needed.
func openReader(ctx context.Context, path string) (reader dirsync.Reader, done func() error, err error) {
	version, _, err := sqlite.SchemaVersion(ctx, path)
	from, tidy := path, func() error { return nil }
	if err == nil && version == 0 {
		var empty string
		empty, err = os.MkdirTemp("", "rollcall-empty-")
		from, tidy = filepath.Join(empty, "empty.db"), func() error { return os.RemoveAll(empty) }
	}
	var opened *sqlite.Reader
	if err == nil {
		opened, err = sqlite.OpenReader(ctx, from)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the database %s: %w", path, errors.Join(err, tidy()))
	}
	return opened, func() error { return errors.Join(opened.Close(), tidy()) }, nil
}

// hasRecord tells whether there is a database.
func hasRecord(ctx context.Context, path string) (bool, error) {
	version, _, err := sqlite.SchemaVersion(ctx, path)
	if err != nil {
		return false, fmt.Errorf("open the database %s: %w", path, err)
	}
	return version > 0, nil
}

// restoreRecord puts a backup in the database's place, and returns where what was there is kept; old tells that it has to be upgraded.
func restoreRecord(ctx context.Context, from, path string) (kept string, old bool, err error) {
	if kept, err = sqlite.Restore(ctx, from, path); err != nil {
		return "", false, fmt.Errorf("restore %s: %w", from, err)
	}
	have, want, err := sqlite.SchemaVersion(ctx, path)
	return kept, have < want, err
}

// upgrade is what upgradeRecord did: from 0 means that it made the database, backup "" that there was nothing to upgrade.
type upgrade struct {
	from, to int64
	backup   string
}

// upgradeRecord brings the database to this program's schema, a copy put beside it first, or makes it.
func upgradeRecord(ctx context.Context, path string) (upgrade, error) {
	var u upgrade
	var err error
	if u.from, u.to, err = sqlite.SchemaVersion(ctx, path); err == nil && u.from != u.to {
		u.backup, err = sqlite.Upgrade(ctx, path) // needs the file for itself
	}
	if err != nil {
		return u, fmt.Errorf("upgrade the database %s: %w", path, err)
	}
	return u, nil
}

// newTransport makes the way to identity providers: proxy and trusted certificates as configured.
func newTransport(c *config) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 8
	if c.Proxy != "" {
		proxy, err := url.Parse(c.Proxy)
		if err != nil {
			return nil, fmt.Errorf("outbound.proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	if c.CAFile != "" {
		pool, err := trustedBeside(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("outbound.ca_file: %w", err)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return t, nil
}

// connector opens the connector of a source whose secrets can be read; nil for a push-only one.
func (s *sourceConfig) connector(env lookupEnv, transport http.RoundTripper) (connectors.Connector, error) {
	if unreadable := s.secretFaults(env); len(unreadable) > 0 {
		return nil, unreadable
	}
	return s.open(env, transport)
}

// open opens the connector of a source, whatever becomes of its secrets: they are read when they are needed.
func (s *sourceConfig) open(env lookupEnv, transport http.RoundTripper) (connectors.Connector, error) {
	text := func(ref secret) func() (string, error) { return ref.reader(env, secret.read) }
	bytes := func(ref secret) func() ([]byte, error) {
		read := ref.reader(env, secret.readWhole)
		if read == nil {
			return nil
		}
		return func() ([]byte, error) {
			whole, err := read()
			return []byte(whole), err
		}
	}
	switch {
	case s.Entra != nil:
		e := s.Entra
		return entra.Open(entra.Config{
			TenantID: e.TenantID, ClientID: e.ClientID, ClientSecret: text(e.ClientSecret),
			Certificate: bytes(e.Certificate), CertificatePassword: text(e.CertificatePassword), FederatedToken: text(e.FederatedToken),
			ManagedIdentity: e.managedIdentity(), AccessToken: text(e.AccessToken), AppID: e.AppID, Share: s.Limits.APIShare,
			Cloud: e.Cloud, GraphURL: e.GraphURL, LoginURL: e.LoginURL, Transitive: e.Transitive, Transport: transport,
		})
	case s.Okta != nil:
		o := s.Okta
		return okta.Open(okta.Config{
			OrgURL: o.OrgURL, AppID: o.AppID, APIToken: text(o.APIToken), ClientID: o.ClientID, PrivateKey: bytes(o.PrivateKey), KeyID: o.KeyID,
			Suspended: o.Suspended, Share: s.Limits.APIShare, Transport: transport,
		})
	}
	return nil, nil
}

// reader reads a secret whenever it is called, so that one that changes needs no restart; nil for none.
func (s secret) reader(env lookupEnv, read func(secret, lookupEnv) (string, error)) func() (string, error) {
	if s == (secret{}) {
		return nil
	}
	return func() (string, error) { return read(s, env) }
}

// managedIdentity is which identity of the machine asks: a user-assigned one by its client id, or "system"; "" is none.
func (e *entraConfig) managedIdentity() string {
	if !e.ManagedIdentity {
		return ""
	}
	return cmp.Or(e.ClientID, "system")
}

// objectID brings a person's id at a kind of provider into the form that pulls give it, or says in what form it is wanted.
func objectID(kind, text string) (string, error) {
	switch kind {
	case "entra":
		return entra.ObjectID(text)
	case "okta":
		return okta.ObjectID(text)
	}
	return "", fmt.Errorf("is of a kind of provider that is not known: %s", kind)
}

// ruled is a source with its rules and without a connector: for what needs no provider.
func (s *sourceConfig) ruled() dirsync.Source {
	return dirsync.Source{
		Scope: s.scope(), Kind: s.Kind, Mapping: s.Compiled, Scoping: s.Scoping, Groups: s.Groups, People: s.People, Schedule: s.Schedule, Policy: s.Policy,
		Rules: s.rules(),
	}
}

// runnable makes a source ready to run now: its secrets can be read.
func (s *sourceConfig) runnable(env lookupEnv, transport http.RoundTripper) (dirsync.Source, error) {
	c, err := s.connector(env, transport)
	if err != nil {
		return dirsync.Source{}, err
	}
	return s.asking(c), nil
}

// asking is the source with the connector that it asks through.
func (s *sourceConfig) asking(c connectors.Connector) dirsync.Source {
	source := s.ruled()
	source.Connector = c
	if s.TenantMapping {
		source.Complete = s.completeFromTenant()
	}
	return source
}

// rules are the source's rules of removal and creation.
func (s *sourceConfig) rules() plan.Rules {
	protect := make([]string, len(s.Removal.Protect))
	for i, name := range s.Removal.Protect {
		protect[i] = scim.Fold(name)
	}
	return plan.Rules{
		GatePercent: s.Removal.GatePercent, GateFloor: s.Removal.GateFloor, Settle: s.Removal.Settle, Protect: protect,
		MaxAccounts: s.Limits.MaxAccounts, SkipOutOfScope: s.Removal.SkipOutOfScope,
	}
}

// newEngine makes the engine that runs sources. Its name in leases is like no other's, and for a human reader: containers share host
// names and process ids, and a lease is given to its holder a second time.
func newEngine(rec record, users *scim.ResourceType, log *slog.Logger) *dirsync.Engine {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &dirsync.Engine{Store: rec, Users: users, Now: time.Now, Log: log, Holder: fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])}
}

// newReceiver makes the SCIM receiver. Access tokens that it gives are sealed with the secret; nil: with one that ends with the process.
// staged is told of each push that a gate held.
func newReceiver(
	c *config, rec record, tokenSecret []byte, m scimapi.Metrics, staged func(state.Scope, state.ID), log *slog.Logger,
) (*scimapi.Handler, error) {
	return scimapi.New(scimapi.Config{
		Store: rec, BasePath: c.BasePath, TokenPath: tokenPath, PublicURL: c.PublicURL, TrustedProxies: c.TrustedProxies, TokenSecret: tokenSecret, Types: c.Types, Metrics: m, Staged: staged, Log: log,
		Sources: func(name string) (scimapi.Source, bool) {
			s, ok := c.source(name)
			if !ok {
				return scimapi.Source{}, false
			}
			dialect := scimapi.Lenient
			if s.Dialect == "strict" {
				dialect = scimapi.Strict
			}
			source := scimapi.Source{Tenant: s.Tenant, Dialect: dialect, Rate: float64(s.Limits.RequestsPerSecond)}
			gate := plan.PushGate{Rules: s.rules()}
			if source.Protects = gate.Protects; s.Removal.PushGate == pushGateHold {
				source.Gate = gate
			}
			return source, true
		},
	})
}
