package push

import (
	"context"
	"fmt"
	"time"

	"rollcall/connectors/idpsim"
)

// Limits are when the job of an application goes into quarantine. See VendorLimits.
type Limits struct {
	From  int     // failures, before which nothing is judged
	Share float64 // of the cycle's objects that failed
	Most  int     // failures, without those of references
	All   int     // failures, with those of references
}

// VendorLimits are the documented ones. A small population never comes near them: scale them down.
func VendorLimits() *Limits { return &Limits{From: 5000, Share: 0.4, Most: 40_000, All: 60_000} }

// judge says why a cycle puts the job into quarantine; "" is not at all.
func (l *Limits) judge(objects, failed, references int) string {
	switch {
	case failed+references > l.All:
		return idpsim.TotalEscrow
	case failed > l.Most:
		return idpsim.BaseEscrow
	case failed >= l.From && float64(failed) > l.Share*float64(objects):
		return idpsim.EscrowProportion
	}
	return ""
}

// escrow is what is put aside because it failed: it is tried again in the next cycle, then after two more, four more and so on.
type escrow map[int]*setAside

type setAside struct {
	tries int
	due   int // cycle
}

// longestGap is how many cycles lie between two tries at most: a day.
const longestGap = 36

// due lists what is to be tried again in a cycle.
func (e escrow) due(cycle int) (numbers []int) {
	for n, one := range e {
		if one.due <= cycle {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// note notes how a try ended.
func (e escrow) note(n, cycle int, failed bool) {
	if !failed {
		delete(e, n)
		return
	}
	one := e[n]
	if one == nil {
		one = &setAside{}
		e[n] = one
	}
	one.due = cycle + min(1<<min(one.tries, 10), longestGap)
	one.tries++
}

// stopped says why a job does not run now; nil when it does.
func stopped(j *idpsim.Provisioning, now time.Time) error {
	switch {
	case j.State == idpsim.JobPaused, j.State == idpsim.JobNone, j.State == idpsim.JobNotConfigured:
		return fmt.Errorf("push: the provisioning job does not run: it is %s", j.State)
	case j.State == idpsim.JobQuarantine && now.Before(j.NextAttempt):
		return fmt.Errorf("push: the provisioning job is in quarantine (%s) until %s", j.Reason, j.NextAttempt.Format(time.RFC3339))
	}
	return nil
}

// record notes how a cycle ended: in the job, and in quarantine where there are limits. reason is why; "" is not at all.
func (e *Entra) record(failure error, reason string, exported bool) {
	e.Population.ChangeProvisioning(func(j *idpsim.Provisioning) {
		told := ""
		if failure != nil {
			told = "SystemForCrossDomainIdentityManagementServiceIncompatible"
		}
		now := e.Population.Now()
		j.Ran(now, told, exported)
		switch {
		case reason != "" && e.options.Limits != nil:
			j.Quarantine(reason, now)
		case failure == nil && j.State != idpsim.JobPaused: // any success ends a quarantine
			j.State, j.Reason, j.Attempts = idpsim.JobActive, "", 0
		}
	})
}

// guard counts the people that a cycle would deactivate or delete, and stops it when they are as many as the threshold.
func (e *Entra) guard() error {
	if e.options.DeleteThreshold == 0 || e.allowed {
		return nil
	}
	removals := 0
	for _, n := range e.pending() {
		s, l := e.subject(n), e.link(n)
		if l != nil && !l.released && (s.gone || l.active && !s.active) {
			removals++
		}
	}
	if removals < e.options.DeleteThreshold {
		return nil
	}
	e.Population.ChangeProvisioning(func(j *idpsim.Provisioning) { j.Quarantine(idpsim.TooManyDeletes, e.Population.Now()) })
	return fmt.Errorf("push: %d deletions reach the threshold of %d: the job is in quarantine until they are allowed", removals, e.options.DeleteThreshold)
}

// pending are the people that the next cycle is about.
func (e *Entra) pending() (people []int) {
	e.Population.Read(func(v *idpsim.View) { people, _ = since(v, e.rounds.seen) })
	return unique(people)
}

// AllowDeletes is the button Allow deletes: the job leaves its quarantine, and the next cycle is let through.
func (e *Entra) AllowDeletes() {
	e.rounds.one.Lock()
	defer e.rounds.one.Unlock()
	e.allowed = true
	e.Population.ChangeProvisioning(func(j *idpsim.Provisioning) { j.State, j.Reason, j.Attempts = idpsim.JobActive, "", 0 })
}

// OnDemand is the button Provision on demand, for one person: they are matched anew, whatever the job does, and disabled when they are
// not assigned. Whom the directory has disabled or deleted it refuses. flag chooses the dialect of PATCH, as the tenant URL's flag does
// not count here and both have been seen.
func (e *Entra) OnDemand(ctx context.Context, who string, flag bool) error {
	e.rounds.one.Lock()
	defer e.rounds.one.Unlock()
	n, able := -1, false
	e.Population.Read(func(v *idpsim.View) {
		for _, find := range []func(string) (idpsim.Person, bool){v.PersonByGUID, v.PersonByUserName} {
			if x, ok := find(who); ok {
				n, able = x.Number(), x.Present() && x.Enabled()
				return
			}
		}
		if _, err := fmt.Sscanf(who, "#%d", &n); err == nil && n >= 0 && n < v.People() {
			able = v.Person(n).Present() && v.Person(n).Enabled()
		}
	})
	if !able {
		return fmt.Errorf("push: provision on demand does not take %q: nobody, disabled or deleted", who)
	}
	e.Population.Read(func(v *idpsim.View) { e.applyRules(v.Provisioning()) })
	s := e.subject(n)
	l, err := e.match(ctx, s)
	if err != nil || l == nil {
		return err
	}
	return e.update(ctx, s, l, flag)
}
