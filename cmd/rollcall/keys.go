package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rollcall/cmd/internal/console"
	"rollcall/state"
)

func keysCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Issue, list and revoke the bearer keys that providers push with",
		Long: `A key belongs to one source: whoever has it sees and changes that source's resources and
no others. It is shown once, when it is issued; only its hash is kept.

A source has at most two live keys, so that one can replace the other without a gap: issue
the second, enter it at the provider, see in the list that it is used and the first no more,
then revoke the first. Two weeks before the last one expires 'rollcall status' says so.

Bare 'keys' lists them.`,
		Example: `  rollcall keys issue --source acme-entra > key.txt
  rollcall keys list
  rollcall keys revoke --source acme-entra 1f2e3d4c`,
		Args: wants(),
	}
	list := keysListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(keysIssueCommand(a), list, keysRevokeCommand(a))
	return cmd
}

// maxKeyLife bounds --expires, so that adding it to the present is always a time.
const maxKeyLife = 100 * year

func keysIssueCommand(a *app) *cobra.Command {
	var source, label, expires string
	cmd := &cobra.Command{
		Use:   "issue --source NAME",
		Short: "Issue a key and print it, alone, on standard output",
		Long: `Issues a key for a source of the configuration and prints it, alone, on standard output.
It is not shown again. What to do with it is said on standard error.

--expires takes a length of time from now (8760h), a day (2027-06-30: its last moment, UTC) or
a moment (2027-06-30T12:00:00Z). Without it the key is valid until it is revoked.`,
		Example: `  rollcall keys issue --source acme-entra
  rollcall keys issue --source acme-entra --label "2027" --expires 2027-12-31 > key.txt`,
		Args: wants(),
	}
	a.sourceFlag(cmd, &source, "the source `NAME` (needed)")
	cmd.Flags().StringVar(&label, "label", "", "a `TEXT` to know the key by in lists")
	cmd.Flags().StringVar(&expires, "expires", "", "valid for or until `TIME`, such as 8760h or 2027-06-30")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		now := s.now().UTC()
		end, err := expiry(expires, now)
		if err != nil {
			return err
		}
		return s.issueKey(ctx, source, state.Key{Label: label, CreatedAt: now, ExpiresAt: end})
	})
	return cmd
}

// expiry reads --expires; the zero time is never.
func expiry(text string, now time.Time) (time.Time, error) {
	end := time.Time{}
	if text == "" {
		return end, nil
	}
	if life, err := time.ParseDuration(text); err == nil {
		end = now.Add(life)
	} else if day, err := time.Parse(time.DateOnly, text); err == nil {
		end = day.AddDate(0, 0, 1)
	} else if end, err = time.Parse(time.RFC3339, text); err != nil {
		return time.Time{}, usagef("--expires %q is no time; write it as 8760h, 2027-06-30 or 2027-06-30T12:00:00Z", text)
	}
	if !end.After(now) || end.Sub(now) > maxKeyLife {
		return time.Time{}, usagef("--expires must lie in the future, at most 100 years away")
	}
	return end.UTC(), nil
}

// issueKey issues a key with the label and the times of one, and says what to do with it.
func (s *session) issueKey(ctx context.Context, source string, like state.Key) error {
	if source == "" {
		return usagef("name the source with --source")
	}
	src, err := s.configured(source)
	if err != nil {
		return err
	}
	if _, err := s.ensure(ctx, src); err != nil {
		return err
	}
	text, key := state.NewKey(src.scope())
	key.Label, key.CreatedAt, key.ExpiresAt = like.Label, like.CreatedAt, like.ExpiresAt
	if err := s.rec.PutKey(ctx, key); err != nil {
		if errors.Is(err, state.ErrKeyLimit) {
			return fmt.Errorf("source %s: %w ('rollcall keys list --source %s' shows them)", source, err, source)
		}
		return fmt.Errorf("keep the key: %w", err)
	}
	s.deed(ctx, console.DeedKeyIssued, key.Scope, key.ID, key.Label)
	fmt.Fprintln(s.stdout, text)
	fmt.Fprintf(s.stderr, "Key %s of source %s, %s. It is not shown again.\nGive it to the provider as the secret token; the tenant or base URL is %s\n",
		key.ID, source, validity(key), s.cfg.receiverURL())
	return nil
}

// receiverURL is the address that a provider is given.
func (c *config) receiverURL() string {
	if c.PublicURL != "" {
		return c.PublicURL + c.BasePath
	}
	scheme := "http"
	if c.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + c.Listen + c.BasePath
}

func validity(k state.Key) string {
	if k.ExpiresAt.IsZero() {
		return "valid until it is revoked"
	}
	return "valid until " + when(k.ExpiresAt)
}

// keyView is a key as scripts read it.
type keyView struct {
	ID         string     `json:"id"`
	Tenant     string     `json:"tenant"`
	Source     string     `json:"source"`
	Label      string     `json:"label"`
	Status     string     `json:"status"` // "live", "expired" or "revoked"
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`
	RevokedAt  *time.Time `json:"revoked_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

func keyStatus(k state.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.Live(now):
		return "expired"
	}
	return "live"
}

func keysListCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List keys: never the keys themselves, but their ids, ages and last uses",
		Example: `  rollcall keys list --source acme-entra`,
		Args:    wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only of the source `NAME`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		scopes, err := s.scopes(ctx, source)
		if err != nil {
			return err
		}
		now := s.now()
		out := s.newLister("KEY", "SOURCE", "STATUS", "ISSUED?", "EXPIRES", "LAST USED", "LABEL~")
		for _, scope := range scopes {
			keys, err := s.rec.ListKeys(ctx, scope)
			if err != nil {
				return fmt.Errorf("list keys of source %s: %w", scope.Source, err)
			}
			for _, k := range keys {
				status := keyStatus(k, now)
				out.add(keyView{
					ID: k.ID, Tenant: scope.Tenant, Source: scope.Source, Label: k.Label, Status: status, CreatedAt: k.CreatedAt.UTC(),
					ExpiresAt: optional(k.ExpiresAt), RevokedAt: optional(k.RevokedAt), LastUsedAt: optional(k.LastUsedAt),
				}, k.ID, scope.Source, status, when(k.CreatedAt), when(k.ExpiresAt), ago(now, k.LastUsedAt), k.Label)
			}
		}
		return out.end("no keys")
	})
	return cmd
}

func keysRevokeCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "revoke --source NAME KEY",
		Short: "Revoke a key: at once, for good",
		Long: `Revokes the key with this id, as 'keys list' shows it. Pushes with it are answered 401 from now
on, by this and every other process. It cannot be taken back; issue another key.`,
		Example: `  rollcall keys revoke --source acme-entra 1f2e3d4c`,
		Args:    wants("KEY"),
	}
	a.sourceFlag(cmd, &source, "the source `NAME` (needed)")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		if source == "" {
			return usagef("name the source with --source")
		}
		scopes, err := s.scopes(ctx, source)
		if err != nil {
			return err
		}
		err = s.rec.RevokeKey(ctx, scopes[0], args[0])
		if errors.Is(err, state.ErrNotFound) {
			return fmt.Errorf("source %s has no key %q; 'rollcall keys list --source %s' shows those it has", source, args[0], source)
		}
		if err != nil {
			return fmt.Errorf("revoke key: %w", err)
		}
		s.deed(ctx, console.DeedKeyRevoked, scopes[0], args[0], "")
		fmt.Fprintf(s.stdout, "key %s of source %s is revoked\n", args[0], source)
		return nil
	})
	return cmd
}
