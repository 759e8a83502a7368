package explain

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

// Reader is what the time line of a person is read from.
type Reader interface {
	state.Records
	state.Tombstones
	state.History
	Source(ctx context.Context, name string) (state.Source, error)
	ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error)
	Request(ctx context.Context, id string) (state.Request, error)
}

// Subject is whom is spoken of: somebody of one source, with an account or without.
type Subject struct {
	Scope   state.Scope
	Record  state.Record // zero unless there is an account, or its tombstone
	Account state.ID     // also of an account that was purged; "" = there never was one
	Person  string       // object id; "" = not known
	Name    string       // userName; of somebody without account what they were asked for by
}

// Rank orders how much there is of somebody: whoever has an account comes before a tombstone, and that before mere traces.
func (s *Subject) Rank() int {
	switch {
	case s.Record.ID != "" && s.Record.DeletedAt.IsZero():
		return 0
	case s.Record.ID != "":
		return 1
	}
	return 2
}

func subjectOf(scope state.Scope, r state.Record) Subject {
	return Subject{Scope: scope, Record: r, Account: r.ID, Person: r.Link, Name: UserName(r.Resource)}
}

// Find returns whom a word means in a source: the accounts that answer to it as a userName, e-mail address, external id, object id or
// account id; without one the tombstones that do; without those, at most one, who has left only traces: a purged account by its id, or
// somebody without an account whom runs, plans or refused pushes name just so.
func Find(ctx context.Context, reader Reader, scope state.Scope, who string) ([]Subject, error) {
	for _, lookUp := range []func() ([]state.Record, error){
		func() ([]state.Record, error) { return Accounts(ctx, reader, scope, who) },
		func() ([]state.Record, error) { return Deleted(ctx, reader, scope, who) },
	} {
		records, err := lookUp()
		if err != nil {
			return nil, fmt.Errorf("look up in source %s: %w", scope.Source, err)
		}
		if len(records) > 0 {
			subjects := make([]Subject, len(records))
			for i := range records {
				subjects[i] = subjectOf(scope, records[i])
			}
			return subjects, nil
		}
	}
	return findTraces(ctx, reader, scope, who)
}

// Accounts returns the accounts of a source that answer to a word, each once.
func Accounts(ctx context.Context, records state.Records, scope state.Scope, who string) ([]state.Record, error) {
	var out []state.Record
	for _, name := range []state.MatchName{state.MatchID, state.MatchUserName, state.MatchExternalID, state.MatchEmail, state.MatchLink} {
		found, err := records.Find(ctx, scope, state.KindAccount, state.NewMatchKey(name, who))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			if !slices.ContainsFunc(out, func(o state.Record) bool { return o.ID == r.ID }) {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// Deleted returns the accounts of a source that a DELETE took away and that answered to a word, as far as their tombstones tell.
func Deleted(ctx context.Context, tombstones state.Tombstones, scope state.Scope, who string) ([]state.Record, error) {
	var out []state.Record
	err := tombstones.Tombstones(ctx, scope, func(r state.Record) bool {
		if r.Kind == state.KindAccount && (string(r.ID) == who || strings.EqualFold(r.Link, who) || answers(Resource(r.Resource), who)) {
			out = append(out, r)
		}
		return true
	})
	return out, err
}

// answers tells whether a resource has a name that somebody goes by.
func answers(resource scim.Value, who string) bool {
	if who == "" {
		return false
	}
	for _, email := range resource.Get("emails").List {
		if scim.EqualFold(email.Get("value").Text, who) {
			return true
		}
	}
	return scim.EqualFold(resource.Get("userName").Text, who) || resource.Get("externalId").Text == who
}

// findTraces finds somebody of whom there is no record.
func findTraces(ctx context.Context, reader Reader, scope state.Scope, who string) ([]Subject, error) {
	s := Subject{Scope: scope, Name: who}
	entries, err := reader.LastEntries(ctx, scope, state.ID(who), 1)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	if len(entries) > 0 && entries[0].Kind == state.KindAccount {
		s.Account, s.Name = entries[0].ID, entries[0].Name
		return []Subject{s}, nil
	}
	t, err := readTraces(ctx, reader, &s, 1)
	if err != nil || len(t.runs)+len(t.plans)+len(t.failed) == 0 {
		return nil, err
	}
	s.Person = t.person()
	return []Subject{s}, nil
}

// texts are the ids and names by which runs and plans tell of the subject, as they stand in JSON.
func (s *Subject) texts() []string {
	names := []string{string(s.Account), s.Person}
	if s.Account == "" {
		names = append(names, s.Name)
	}
	var texts []string
	for _, name := range names {
		if name == "" {
			continue
		}
		if text, err := json.Marshal(name); err == nil { // a string always can be
			texts = append(texts, string(text))
		}
	}
	return texts
}

// is tells whether ids and a name, as runs and plans give them, mean the subject.
func (s *Subject) is(account state.ID, person, name string) bool {
	switch {
	case account != "" && s.Account != "":
		return account == s.Account
	case person != "" && s.Person != "":
		return person == s.Person
	}
	return s.Account == "" && (name != "" && scim.EqualFold(name, s.Name) || person != "" && person == s.Name)
}
