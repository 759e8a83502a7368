package console

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rollcall/state"
)

// AccessStore is what looking after operators takes.
type AccessStore interface {
	state.Operators
	state.Sessions
	state.Deeds
}

// Access looks after who may use the console: the page and the commands do it alike. Each change is noted as a deed of By.
type Access struct {
	Store AccessStore
	By    string // who changes something: an operator, or somebody at the command line
	Now   func() time.Time
}

// Deeds of access, as they are kept.
const (
	deedSignedIn     = "signed_in"
	deedSignInFailed = "sign_in_failed"
	deedSignedOut    = "signed_out"
	deedIdentityTied = "identity_tied"
	deedAdded        = "operator_added"
	deedRole         = "operator_role_changed"
	deedDisabled     = "operator_disabled"
	deedPassword     = "password_set"
	deedLink         = "sign_in_link_issued"
)

// The lives of sign-in links: usually, and at most.
const (
	LinkLife    = 15 * time.Minute
	MaxLinkLife = 7 * 24 * time.Hour
)

var (
	// ErrNoOperator says that nobody of that name may use the console.
	ErrNoOperator = errors.New("there is no such operator")
	// ErrDisabled says that an operator was disabled.
	ErrDisabled = errors.New("the operator is disabled; adding them anew lets them in again")
)

var operatorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$`)

// CheckOperatorName says what is wrong with a name for a new operator, and the mend; nil if nothing is. Names are plain ASCII, so that
// no two look alike; letter case tells nobody apart.
func CheckOperatorName(name string) error {
	if !operatorName.MatchString(name) {
		return errors.New("an operator's name is up to 128 of A-Z, a-z, 0-9 and . _ @ + -, first a letter or digit; a mail address is a good one")
	}
	return nil
}

// sameName compares names of operators. Case folds within ASCII alone: K with the Kelvin sign is somebody else.
func sameName(a, b string) bool { return lowerASCII(a) == lowerASCII(b) }

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Find returns the operator of a name, letter case aside, whether disabled or not; ErrNoOperator if there is none.
func (a *Access) Find(ctx context.Context, name string) (state.Operator, error) {
	all, err := a.Store.ListOperators(ctx)
	if err != nil {
		return state.Operator{}, fmt.Errorf("list operators: %w", err)
	}
	for _, o := range all {
		if sameName(o.Name, name) {
			return o, nil
		}
	}
	return state.Operator{}, ErrNoOperator
}

// enabled is Find for those who may sign in.
func (a *Access) enabled(ctx context.Context, name string) (state.Operator, error) {
	o, err := a.Find(ctx, name)
	if err == nil && !o.DisabledAt.IsZero() {
		err = ErrDisabled
	}
	return o, err
}

// Add lets somebody use the console; role "" is viewer. Of one who may already, only the role changes, and not if it is "". One who was
// disabled begins anew, without the password and the provider's identity they had.
func (a *Access) Add(ctx context.Context, name string, role state.Role) (state.Operator, error) {
	if err := CheckOperatorName(name); err != nil {
		return state.Operator{}, err
	}
	now := a.Now().UTC()
	o, err := a.Find(ctx, name)
	switch {
	case err != nil && !errors.Is(err, ErrNoOperator):
		return state.Operator{}, err
	case err != nil:
		o = state.Operator{Name: name, Role: state.RoleViewer, CreatedAt: now}
	case !o.DisabledAt.IsZero():
		o = state.Operator{Name: o.Name, Role: state.RoleViewer, CreatedAt: now}
	case role == "" || role == o.Role:
		return o, nil
	default:
		o.Role = role
		return o, a.ChangeRole(ctx, o.Name, role)
	}
	if role != "" {
		o.Role = role
	}
	return o, a.put(ctx, o, deedAdded, string(o.Role))
}

// ChangeRole changes the role of somebody who may use the console. Unlike Add it lets nobody in, also not one who is disabled at the same
// moment.
func (a *Access) ChangeRole(ctx context.Context, name string, role state.Role) error {
	o, err := a.enabled(ctx, name)
	if err != nil || role == o.Role {
		return err
	}
	o.Role = role
	return a.put(ctx, o, deedRole, string(role))
}

// Disable takes an operator's way in: all sessions and links end at once.
func (a *Access) Disable(ctx context.Context, name string) (state.Operator, error) {
	o, err := a.enabled(ctx, name)
	if errors.Is(err, ErrDisabled) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	o.DisabledAt, o.Password, o.Identity = a.Now().UTC(), "", ""
	return o, a.put(ctx, o, deedDisabled, "")
}

// SetPassword gives an operator another password, and ends the sessions that were begun with the one before.
func (a *Access) SetPassword(ctx context.Context, name, password string) (state.Operator, error) {
	o, err := a.enabled(ctx, name)
	if err == nil {
		err = CheckPassword(o.Name, password)
	}
	if err != nil {
		return o, err
	}
	o.Password = HashPassword(password)
	if err := a.put(ctx, o, deedPassword, ""); err != nil {
		return o, err
	}
	if err := a.Store.DropSessionsOf(ctx, o.Name); err != nil {
		return o, fmt.Errorf("end the operator's sessions: %w", err)
	}
	return o, nil
}

// Link makes a link by which an operator signs in once, and returns its path below the console's URL. It is kept nowhere else.
func (a *Access) Link(ctx context.Context, name string, life time.Duration) (path string, expires time.Time, err error) {
	if life <= 0 || life > MaxLinkLife {
		return "", time.Time{}, errors.New("a sign-in link lives from a moment to 7 days")
	}
	o, err := a.enabled(ctx, name)
	if err != nil {
		return "", time.Time{}, err
	}
	token, hash := NewToken()
	expires = a.Now().UTC().Add(life)
	err = a.Store.PutSignInLink(ctx, hash, o.Name, expires)
	if errors.Is(err, state.ErrNotFound) { // meanwhile, by somebody else
		return "", time.Time{}, ErrDisabled
	}
	if err != nil {
		return "", time.Time{}, fmt.Errorf("keep the link: %w", err)
	}
	return linkPath + token, expires, a.note(ctx, deedLink, o.Name, "")
}

// put keeps an operator and notes why.
func (a *Access) put(ctx context.Context, o state.Operator, what, note string) error {
	err := a.Store.PutOperator(ctx, o)
	if errors.Is(err, state.ErrVersion) { // meanwhile, by somebody else
		return ErrDisabled
	}
	if err != nil {
		return fmt.Errorf("keep the operator: %w", err)
	}
	return a.note(ctx, what, o.Name, note)
}

func (a *Access) note(ctx context.Context, what, subject, note string) error {
	err := a.Store.NoteDeed(ctx, state.Deed{At: a.Now().UTC(), Actor: a.By, What: what, Subject: subject, Note: note})
	if err != nil {
		return fmt.Errorf("note what was done: %w", err)
	}
	return nil
}
