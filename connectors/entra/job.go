package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// readJob is asked for where it may be: without it nothing fails, only status has less to say. It is not offered in China
// (learn.microsoft.com/graph/api/synchronization-synchronization-list-jobs).
var readJob = rest.Step{What: "read the application's provisioning job", Permission: "Synchronization.Read.All"}

// jobPatience is how long a pull waits for what it can do without.
const jobPatience = 20 * time.Second

// push is how the provisioning job stands, in one call; nil if it cannot be read. It never fails a pull.
func (c *Connector) push(ctx context.Context, servicePrincipal string) *connectors.Push {
	ctx, cancel := context.WithTimeout(ctx, jobPatience)
	defer cancel()
	push, err := c.provisioning(ctx, servicePrincipal)
	if err != nil {
		return nil
	}
	return push
}

// provisioning is how the provisioning job of the enterprise application stands. Its scope and its actions are not asked for.
func (c *Connector) provisioning(ctx context.Context, servicePrincipal string) (*connectors.Push, error) {
	j, err := c.job(ctx, servicePrincipal)
	if err != nil {
		return nil, err
	}
	return j.push(), nil
}

// job is a synchronizationJob, as far as it matters here. Without an ID there is none.
type job struct {
	ID       string
	Schedule struct{ State string }
	Status   struct {
		Code                    string
		LastSuccessfulExecution *struct{ TimeEnded time.Time }
		Quarantine              *struct {
			CurrentBegan, NextAttempt time.Time
			Reason                    string
		}
	}
}

// job finds the application's job for SCIM: one of today's kind, or else of the one before 2019. Of several, the first in order that runs.
func (c *Connector) job(ctx context.Context, servicePrincipal string) (job, error) {
	request, err := serviceprincipals.NewItemSynchronizationJobsRequestBuilderInternal(path("servicePrincipal%2Did", servicePrincipal), c.adapter).
		ToGetRequestInformation(ctx, nil)
	if err != nil {
		return job{}, fail(ctx, readJob, err)
	}
	body, err := c.send(ctx, request)
	if err != nil {
		return job{}, fail(ctx, readJob, err)
	}
	var listed struct{ Value []job }
	if err := json.Unmarshal([]byte(body), &listed); err != nil || listed.Value == nil {
		return job{}, fail(ctx, readJob, errNoList)
	}
	rank := func(j job) int {
		rank := slices.IndexFunc([]string{"scim", "customappsso"}, func(kind string) bool { return strings.HasPrefix(strings.ToLower(j.ID), kind) })
		if rank >= 0 && !strings.EqualFold(j.Schedule.State, "Active") {
			rank += 2
		}
		return rank
	}
	jobs := slices.DeleteFunc(listed.Value, func(j job) bool { return rank(j) < 0 })
	slices.SortFunc(jobs, func(a, b job) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a.ID, b.ID)) })
	return append(jobs, job{})[0], nil
}

const provisioningPage = "Entra admin center > Enterprise applications > the application > Provisioning"

// push tells how the job stands (learn.microsoft.com/graph/api/resources/synchronization-synchronizationstatus).
func (j *job) push() *connectors.Push {
	p := &connectors.Push{State: connectors.PushOn}
	if done := j.Status.LastSuccessfulExecution; done != nil {
		p.Last = done.TimeEnded
	}
	is := func(word, other string) bool { return strings.EqualFold(word, other) }
	switch quarantine := j.Status.Quarantine; {
	case j.ID == "":
		p.State, p.Why = connectors.PushOff, "Provisioning is not set up at Entra ID: set it up at "+provisioningPage+"."
	case quarantine != nil || is(j.Status.Code, "Quarantine"):
		p.State, p.Why = connectors.PushQuarantined, quarantines[""]
		if quarantine != nil {
			p.Since, p.Why = quarantine.CurrentBegan, cmp.Or(quarantines[quarantine.Reason], quarantines[""])
			if !quarantine.NextAttempt.IsZero() {
				p.Why = strings.TrimSuffix(p.Why, ".") + "; Entra ID tries again at " + quarantine.NextAttempt.UTC().Format("2006-01-02 15:04 UTC") + "."
			}
		}
	case is(j.Status.Code, "Paused"), is(j.Schedule.State, "Paused"):
		p.State, p.Why = connectors.PushPaused, "Somebody has stopped provisioning at Entra ID: choose Start provisioning at "+provisioningPage+"."
	case is(j.Status.Code, "NotConfigured"):
		p.State, p.Why = connectors.PushOff, "Provisioning at Entra ID has no credentials: enter Tenant URL and Secret Token at "+provisioningPage+"."
	case is(j.Status.Code, "NotRun"):
		p.State, p.Why = connectors.PushOff, "Provisioning has never run at Entra ID: choose Start provisioning at "+provisioningPage+"."
	case is(j.Schedule.State, "Disabled"):
		p.State, p.Why = connectors.PushOff, "Provisioning is switched off at Entra ID, by somebody or after four weeks of quarantine: choose Start provisioning at "+provisioningPage+"."
	}
	return p
}

// quarantines are the reasons why Entra slows a job down to one attempt a day, and in the end stops it, each with what to do
// (learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status). "" is for any other.
var quarantines = map[string]string{
	"":                                     "Entra ID has put provisioning into quarantine: " + tryAgain,
	"EncounteredBaseEscrowThreshold":       tooManyFailed,
	"EncounteredTotalEscrowThreshold":      tooManyFailed,
	"EncounteredEscrowProportionThreshold": tooManyFailed,
	"EncounteredQuarantineException":       "Entra ID has put provisioning into quarantine, because it could not reach the application or was refused: choose Test connection at " + provisioningPage + ", mend what it says, and choose Restart provisioning.",
	"QuarantinedOnDemand":                  "Provisioning was put into quarantine by hand at Entra ID: " + tryAgain,
	"TooManyDeletes":                       "Provisioning is held at Entra ID, because more accounts would go than its accidental deletions limit allows: allow or refuse them at " + provisioningPage + ".",
	"IngestionInterrupted":                 "Entra ID has put provisioning into quarantine, because reading its own directory was interrupted: " + tryAgain,
}

const (
	tryAgain      = "look at its provisioning logs, and choose Restart provisioning at " + provisioningPage + "."
	tooManyFailed = "Entra ID has put provisioning into quarantine, because too many of its pushes failed: mend what its provisioning logs name, and choose Restart provisioning at " + provisioningPage + "."
)

// schema reads a job's schema.
func (c *Connector) schema(ctx context.Context, servicePrincipal, job string) ([]byte, error) {
	body, err := c.get(ctx, c.adapter.GetBaseUrl(), "/servicePrincipals/"+url.PathEscape(servicePrincipal)+"/synchronization/jobs/"+url.PathEscape(job)+"/schema")
	if err != nil {
		return nil, fail(ctx, readJob, err)
	}
	return []byte(body), nil
}

// objectMapping is what a schema does with one kind of object.
type objectMapping struct {
	Enabled          bool
	FlowTypes        string // "Add, Update, Delete"
	SourceObjectName string
}

func (m *objectMapping) does(action string) connectors.Answer {
	for flow := range strings.SplitSeq(m.FlowTypes, ",") {
		if m.Enabled && strings.EqualFold(strings.TrimSpace(flow), action) {
			return connectors.Yes
		}
	}
	return connectors.No
}

// flags are the settings of a job that stand among its secrets, without the secrets.
func (c *Connector) flags(ctx context.Context, servicePrincipal string) (map[string]string, error) {
	body, err := c.get(ctx, c.adapter.GetBaseUrl(), "/servicePrincipals/"+url.PathEscape(servicePrincipal)+"/synchronization/secrets")
	if err != nil {
		return nil, fail(ctx, readJob, err)
	}
	flags := map[string]string{}
	_, err = collection(body, func(s *rest.Scanner) error {
		key, value, err := s.Texts("key", "value")
		if key == "SyncAll" || key == "SkipOutOfScopeDeletions" {
			flags[key] = strings.Clone(value)
		}
		return err
	})
	if err != nil {
		return nil, fail(ctx, readJob, errors.New("the settings cannot be read"))
	}
	return flags, nil
}

// flag reads True and False.
func flag(text string) connectors.Answer {
	switch strings.ToLower(text) {
	case "true":
		return connectors.Yes
	case "false":
		return connectors.No
	}
	return connectors.Unknown
}
