package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
	"rollcall/sync/explain"
)

// journalPage is how many entries are read at a time.
const journalPage = 500

func journalCommand(a *app) *cobra.Command {
	var tenant string
	var after int64
	var limit int
	cmd := &cobra.Command{
		Use:   "journal --tenant NAME",
		Short: "Every change of a customer's accounts and groups, in the order in which they were made",
		Long: `Lists a customer's journal: every change that was really made to an account or a group, in commit
order, numbered without a gap. Who has read to a number asks for what comes after it; a smaller
number never comes later. Entries older than retention.journal are gone.

With --output json each entry has its cause, and what changed as it was before and is after.`,
		Example: `  rollcall journal --tenant acme
  rollcall journal --tenant acme --after 4711 --limit 1000 --output json`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	cmd.Flags().StringVar(&tenant, "tenant", "", "the customer `NAME` (needed)")
	cmd.Flags().Int64Var(&after, "after", 0, "begin after entry `N`")
	cmd.Flags().IntVar(&limit, "limit", 100, "list at most `N`; 0 = all")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		switch {
		case tenant == "":
			return usagef("name the customer with --tenant")
		case limit < 0 || after < 0:
			return usagef("--after and --limit must be 0 or more")
		}
		return s.journal(ctx, tenant, after, limit)
	})
	return cmd
}

// journalView is one entry as scripts read it.
type journalView struct {
	Number  int64           `json:"number"`
	At      time.Time       `json:"at"`
	Source  string          `json:"source"`
	Kind    string          `json:"kind"` // "account" or "group"
	ID      state.ID        `json:"id"`
	Name    string          `json:"name"`
	Verb    state.Verb      `json:"verb"`
	Version int64           `json:"version"`
	Cause   state.CauseKind `json:"cause"`
	Actor   string          `json:"actor"`
	Run     string          `json:"run"`
	Reason  string          `json:"reason"`
	Note    string          `json:"note"`
	Request string          `json:"request"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

func newJournalView(e state.Entry) journalView {
	kind := "account"
	if e.Kind == state.KindGroup {
		kind = "group"
	}
	return journalView{
		Number: e.Number, At: e.At.UTC(), Source: e.Scope.Source, Kind: kind, ID: e.ID, Name: e.Name, Verb: e.Verb, Version: e.Version,
		Cause: e.Cause.Kind, Actor: e.Cause.Actor, Run: e.Cause.Run, Reason: e.Cause.Reason, Note: e.Cause.Note, Request: e.Request,
		Before: e.Before, After: e.After,
	}
}

// journal lists entries page by page, so that a long journal is never held whole when it is written as JSON.
func (s *session) journal(ctx context.Context, tenant string, after int64, limit int) error {
	if err := s.knownTenant(ctx, tenant); err != nil {
		return err
	}
	out := s.newLister("NO", "WHEN", "WHAT", "WHO~", "SOURCE?", "BY?", "WHY~")
	for left := limit; limit == 0 || left > 0; {
		size := journalPage
		if limit > 0 {
			size = min(size, left)
		}
		entries, err := s.rec.Entries(ctx, tenant, after, size)
		if err != nil {
			return fmt.Errorf("read the journal of tenant %s: %w", tenant, err)
		}
		for _, e := range entries {
			v := newJournalView(e)
			why := strings.Trim(v.Reason+": "+v.Note, ": ")
			out.add(v, fmt.Sprint(v.Number), when(v.At), v.Kind+" "+explain.What(e.Verb, e.After), v.Name, v.Source, string(v.Cause)+", "+v.Actor, why)
		}
		if len(entries) < size {
			break
		}
		after, left = entries[len(entries)-1].Number, left-len(entries)
	}
	return out.end("no entries")
}

// knownTenant refuses a customer that neither the configuration nor the record has.
func (s *session) knownTenant(ctx context.Context, tenant string) error {
	scopes, err := s.scopes(ctx, "")
	if err != nil {
		return err
	}
	var names []string
	for _, scope := range scopes {
		names = append(names, scope.Tenant)
	}
	if slices.Contains(names, tenant) {
		return nil
	}
	slices.Sort(names)
	return usagef("there is no tenant %q; there are %s", tenant, strings.Join(slices.Compact(names), ", "))
}
