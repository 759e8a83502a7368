package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
)

// session is a command at work on the record that the configuration names.
type session struct {
	*app
	cfg *config
	rec record
}

// withRecord wraps a command that needs the record. The record is opened as it is: only serve and migrate upgrade one.
func (a *app) withRecord(work func(ctx context.Context, s *session, args []string) error) func(*cobra.Command, []string) error {
	return a.do(func(ctx context.Context, args []string) (err error) {
		cfg, err := loadConfig(a.configFile)
		if err != nil {
			return err
		}
		rec, err := openRecord(ctx, cfg.State)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rec.Close()) }()
		return work(ctx, &session{app: a, cfg: cfg, rec: rec}, args)
	})
}

// withReader wraps a command that only reads the record, and cannot write it.
func (a *app) withReader(work func(ctx context.Context, s *session, reader dirsync.Reader) error) func(*cobra.Command, []string) error {
	return a.do(func(ctx context.Context, _ []string) (err error) {
		cfg, err := loadConfig(a.configFile)
		if err != nil {
			return err
		}
		reader, done, err := openReader(ctx, cfg.State)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, done()) }()
		return work(ctx, &session{app: a, cfg: cfg}, reader)
	})
}

// scopes lists the sources meant by a --source flag: the one named, or, if it is empty, all that are configured or recorded, by name.
func (s *session) scopes(ctx context.Context, name string) ([]state.Scope, error) {
	recorded, err := s.rec.ListSources(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	var all []state.Scope
	for i := range s.cfg.Sources {
		all = append(all, s.cfg.Sources[i].scope())
	}
	for _, r := range recorded {
		if _, configured := s.cfg.source(r.Scope.Source); !configured {
			all = append(all, r.Scope)
		}
	}
	slices.SortFunc(all, func(a, b state.Scope) int { return strings.Compare(a.Source, b.Source) })
	if name == "" {
		return all, nil
	}
	for _, scope := range all {
		if scope.Source == name {
			return []state.Scope{scope}, nil
		}
	}
	return nil, s.noSource(name, all)
}

// connector opens the connector of one source, for a command that asks its provider.
func (s *session) connector(src *sourceConfig) (connectors.Connector, error) {
	transport, err := newTransport(s.cfg)
	if err != nil {
		return nil, err
	}
	return src.connector(s.env, transport)
}

// configured returns a source of the configuration.
func (s *session) configured(name string) (*sourceConfig, error) {
	if src, ok := s.cfg.source(name); ok {
		return src, nil
	}
	var all []state.Scope
	for i := range s.cfg.Sources {
		all = append(all, s.cfg.Sources[i].scope())
	}
	return nil, s.noSource(name, all)
}

func (s *session) noSource(name string, known []state.Scope) error {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = k.Source
	}
	mend := hint(name, names)
	if mend == "" && len(names) > 0 {
		mend = "there are " + strings.Join(names, ", ")
	}
	return usagef("%s has no source %q; %s", s.configFile, name, mend)
}

// ensure returns what the record knows of a configured source, making it at first use.
func (s *session) ensure(ctx context.Context, src *sourceConfig) (state.Source, error) {
	return ensureSource(ctx, s.rec, src)
}

func ensureSource(ctx context.Context, rec record, src *sourceConfig) (state.Source, error) {
	if err := checkTenant(ctx, rec, src); err != nil {
		return state.Source{}, err
	}
	recorded, err := rec.EnsureSource(ctx, src.scope(), src.Kind)
	if err != nil {
		return state.Source{}, fmt.Errorf("source %s: %w", src.Name, err)
	}
	return recorded, nil
}

// sourceReader reads what the record knows of sources.
type sourceReader interface {
	Source(ctx context.Context, name string) (state.Source, error)
}

// checkTenant returns a fault if a configured source has another tenant than it was first used with.
func checkTenant(ctx context.Context, rec sourceReader, src *sourceConfig) error {
	recorded, err := rec.Source(ctx, src.Name)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("source %s: %w", src.Name, err)
	case recorded.Scope.Tenant != src.Tenant:
		f := src.fault("tenant", "is not the tenant that this source was first used with")
		f.Mend = "set it back, or give the source a new name"
		return f
	}
	return nil
}

// deed notes what somebody has just done, for the console's list of it. Where that cannot be noted it is said, and stays done.
func (s *session) deed(ctx context.Context, what string, scope state.Scope, subject, note string) {
	err := s.rec.NoteDeed(ctx, state.Deed{At: s.now(), Actor: s.operator(), What: what, Scope: scope, Subject: subject, Note: note})
	if err != nil {
		fmt.Fprintf(s.stderr, "This is done, and could not be noted among what operators did: %v\n", err)
	}
}

// found is one account that a person was recognised as.
type found struct {
	scope  state.Scope
	record state.Record
}

// person finds the account that someone means by a userName, e-mail address, external id, object id or account id. No account and
// more than one are usage errors that say so.
func (s *session) person(ctx context.Context, source, who string) (found, error) {
	all, err := s.answering(ctx, source, who, s.accounts)
	if err != nil {
		return found{}, err
	}
	return s.only(all, who)
}

// personEver is person, but where there is no such account it finds one that the provider deleted.
func (s *session) personEver(ctx context.Context, source, who string) (found, error) {
	all, err := s.answering(ctx, source, who, s.accounts)
	if err == nil && len(all) == 0 {
		all, err = s.answering(ctx, source, who, s.deleted)
	}
	if err != nil {
		return found{}, err
	}
	return s.only(all, who)
}

// answering collects what a look-up finds in each source that a --source flag means.
func (s *session) answering(ctx context.Context, source, who string, lookUp func(context.Context, state.Scope, string) ([]state.Record, error)) ([]found, error) {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, scope := range scopes {
		records, err := lookUp(ctx, scope, who)
		if err != nil {
			return nil, fmt.Errorf("look up in source %s: %w", scope.Source, err)
		}
		for _, r := range records {
			all = append(all, found{scope, r})
		}
	}
	return all, nil
}

// only returns the one account that was found.
func (s *session) only(all []found, who string) (found, error) {
	switch len(all) {
	case 0:
		return found{}, &exitError{code: exitFailed, err: fmt.Errorf(
			"no account has %q as its userName, e-mail, external id, object id or account id; 'rollcall users list' shows all, with --deleted those that the provider deleted", who)}
	case 1:
		return all[0], nil
	}
	return found{}, several(all, who)
}

// several says that a word means more than one account, and which.
func several(all []found, who string) error {
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = fmt.Sprintf("  %s  %s  %s", f.record.ID, clean(explain.UserName(f.record.Resource)), f.scope.Source)
	}
	return usagef("%d accounts answer to %q; name one by its id, or narrow it down with --source:\n%s", len(all), who, strings.Join(lines, "\n"))
}

// accounts returns the accounts of one source that answer to a word, each once.
func (s *session) accounts(ctx context.Context, scope state.Scope, who string) ([]state.Record, error) {
	return accountsOf(ctx, s.rec, scope, who)
}

func accountsOf(ctx context.Context, records state.Records, scope state.Scope, who string) ([]state.Record, error) {
	return explain.Accounts(ctx, records, scope, who)
}

// deleted returns the accounts of one source that the provider deleted and that answered to a word, as far as their tombstones tell.
func (s *session) deleted(ctx context.Context, scope state.Scope, who string) ([]state.Record, error) {
	return explain.Deleted(ctx, s.rec, scope, who)
}
