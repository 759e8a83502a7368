package explain

import (
	"fmt"
	"time"

	"rollcall/connectors"
	"rollcall/state"
)

// pushTrouble is what keeps pushes from coming.
func (h *Health) pushTrouble(now time.Time) (Condition, string) {
	var live, unused int
	var ended time.Time
	for _, k := range h.Keys {
		if k.Live(now) {
			live++
			if k.LastUsedAt.IsZero() {
				unused++
			}
		} else if k.RevokedAt.IsZero() && k.ExpiresAt.After(ended) {
			ended = k.ExpiresAt
		}
	}
	issue := "'rollcall keys issue --source " + h.Scope.Source + "'"
	switch {
	case live == 0 && !ended.IsZero():
		return Failing, fmt.Sprintf("Pushes are refused: its key expired %s. Issue another with %s.", Ago(now, ended), issue)
	case live == 0 && len(h.Keys) > 0:
		return Failing, "Pushes are refused: its keys are revoked. Issue another with " + issue + "."
	case live == 0 && !h.Pulls:
		return Waiting, "Nothing can come: it has no key. Issue one with " + issue + "."
	case live > 0 && h.Push != nil && h.Push.State == connectors.PushQuarantined:
		return Failing, h.pushSentence(now)
	case live > 0 && h.Push != nil && h.Push.State != connectors.PushOn:
		return Waiting, h.pushSentence(now)
	case h.LastPushAt.IsZero() && live > 0 && unused == live:
		return Waiting, fmt.Sprintf("Nothing was ever pushed: its key, issued %s, has not been used.%s", Ago(now, newest(h.Keys)), h.pullClause(now))
	}
	return h.keyTrouble(now, issue)
}

// keyTrouble is what will soon keep pushes from coming, or spoils some of them.
func (h *Health) keyTrouble(now time.Time, issue string) (Condition, string) {
	if end := h.KeysEnd(now); !end.IsZero() && end.Sub(now) < h.KeyWarning {
		return Waiting, fmt.Sprintf("Its last key expires in %s. Issue another with %s.", Span(end.Sub(now)), issue)
	}
	if k, ok := h.keyInUse(now); ok && !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < h.KeyWarning {
		return Waiting, fmt.Sprintf("The key that the provider uses, %s, expires in %s, and the other one has not been used since: enter that one at the provider.",
			k.ID, Span(k.ExpiresAt.Sub(now)))
	}
	if h.Push != nil && h.Push.Failing > 0 {
		return Waiting, fmt.Sprintf("%s in error at the provider: its provisioning log names them.", Plural(h.Push.Failing, "push is", "pushes are"))
	}
	if h.Unknown > 0 {
		return Waiting, fmt.Sprintf("%s of the last day named users or groups that it does not have: the provider remembers ids that are gone. %s",
			Plural(h.Unknown, "push", "pushes"), h.matchAgain())
	}
	return Healthy, ""
}

// pushSentence is why the provider does not push, in its connector's words.
func (h *Health) pushSentence(now time.Time) string {
	return fmt.Sprintf("%s. Found %s, by the last pull.", trimPeriod(h.Push.Why), Ago(now, h.LastPullAt))
}

// matchAgain says how the provider is made to look everybody up anew.
func (h *Health) matchAgain() string {
	if h.Kind == "okta" {
		return "Unassign and assign those people again in Okta, and push the groups again: it then looks everybody up by name."
	}
	return "Restart provisioning in Entra: it then looks everybody up by name."
}

// keyInUse returns the live key that was used last.
func (h *Health) keyInUse(now time.Time) (state.Key, bool) {
	var used state.Key
	for _, k := range h.Keys {
		if k.Live(now) && k.LastUsedAt.After(used.LastUsedAt) {
			used = k
		}
	}
	return used, used.ID != ""
}

// KeysEnd returns when the last of the live keys expires; zero if one never does or none is live.
func (h *Health) KeysEnd(now time.Time) time.Time {
	var end time.Time
	for _, k := range h.Keys {
		if !k.Live(now) {
			continue
		}
		if k.ExpiresAt.IsZero() {
			return time.Time{}
		}
		if k.ExpiresAt.After(end) {
			end = k.ExpiresAt
		}
	}
	return end
}

func (h *Health) pullClause(now time.Time) string {
	if h.Run == nil || h.Run.EndedAt.IsZero() {
		return ""
	}
	return " It pulled " + Ago(now, h.Run.StartedAt) + "."
}

func newest(keys []state.Key) time.Time {
	var at time.Time
	for _, k := range keys {
		if k.CreatedAt.After(at) {
			at = k.CreatedAt
		}
	}
	return at
}
