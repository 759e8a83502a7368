package graph

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// The synchronization API: how the provider itself provisions the application.

// part is a JSON object of this API: map keys are sorted when it is rendered, so that answers are repeatable.
type part = map[string]any

// writers are the permissions of those who may change provisioning, readers of those who may look at it.
var (
	writers = []string{SynchronizationWrite, OwnedBy}
	readers = append([]string{SynchronizationRead}, writers...)
)

// synchronization finds who answers below servicePrincipals/{id}/synchronization.
func (c *call) synchronization(principal string, rest []string) func() {
	read := func(serve func(*idpsim.View) any) func() {
		return func() { c.provisioning(principal, readers, serve) }
	}
	inJob := len(rest) >= 2 && rest[0] == "jobs"
	switch {
	case len(rest) == 1 && rest[0] == "jobs":
		return read(c.jobs)
	case len(rest) == 1 && rest[0] == "secrets":
		return read(c.secrets)
	case inJob && len(rest) == 2:
		return read(func(v *idpsim.View) any { return c.job(v, rest[1]) })
	case inJob && len(rest) == 3 && rest[2] == "schema":
		return read(func(v *idpsim.View) any { return c.schema(v, rest[1]) })
	}
	return nil
}

// provisioning answers with what serve finds; nil is nothing.
func (c *call) provisioning(principal string, permissions []string, serve func(*idpsim.View) any) {
	if len(c.r.URL.Query()) > 0 {
		badRequest(c.w, "Query options are not supported by the synchronization API here.")
		return
	}
	if !c.needsOne(permissions) {
		return
	}
	var body []byte
	c.read(func(v *idpsim.View) {
		if !isPrincipal(v, principal) {
			return
		}
		if found := serve(v); found != nil {
			if idpsim.Struck(c.r, idpsim.Nulls) {
				blank(found)
			}
			body, _ = json.Marshal(found) // strings, numbers, booleans and times only
		}
	})
	if body == nil {
		notFound(c.w, strings.TrimPrefix(c.r.URL.Path, "/v1.0/"))
		return
	}
	write(c.w, http.StatusOK, body)
}

// blank leaves nothing of an answer but ids.
func blank(found any) {
	of, _ := found.(part)
	list, many := of["value"].([]part)
	for _, one := range list {
		blank(one)
	}
	for name := range of {
		if !many && name != "id" && !strings.HasPrefix(name, "@") {
			of[name] = nil
		}
	}
}

// context names what an answer holds.
func (c *call) context(of string) string { return wire.Base(c.r) + "/v1.0/$metadata#" + of }

func (c *call) jobs(v *idpsim.View) any {
	list := []part{}
	if v.Provisioning().State != idpsim.JobNone && !idpsim.Struck(c.r, idpsim.Empty) {
		list = append(list, job(v))
	}
	return part{"@odata.context": c.context("servicePrincipals('" + principalID(v) + "')/synchronization/jobs"), "value": list}
}

func (c *call) job(v *idpsim.View, id string) any {
	if !hasJob(v, id) {
		return nil
	}
	one := job(v)
	one["@odata.context"] = c.context("servicePrincipals('" + principalID(v) + "')/synchronization/jobs/$entity")
	return one
}

func principalID(v *idpsim.View) string { return string(idpsim.AppendGUID(nil, v.PrincipalID())) }

func hasJob(v *idpsim.View, id string) bool {
	return v.Provisioning().State != idpsim.JobNone && strings.EqualFold(id, jobID(v))
}

// jobID is the template's name, the tenant and the application, as the vendor's ids are.
func jobID(v *idpsim.View) string {
	tenant := strings.ReplaceAll(string(idpsim.AppendGUID(nil, v.TenantID())), "-", "")
	return template(v) + "." + tenant + "." + string(idpsim.AppendGUID(nil, v.AppID()))
}

func template(v *idpsim.View) string {
	if v.Provisioning().Legacy {
		return "customappsso"
	}
	return "scim"
}

// codes are the vendor's words for the states of a job.
var codes = map[idpsim.JobState]string{
	idpsim.JobNotConfigured: "NotConfigured", idpsim.JobNotRun: "NotRun", idpsim.JobActive: "Active", idpsim.JobPaused: "Paused",
	idpsim.JobQuarantine: "Quarantine",
}

func job(v *idpsim.View) part {
	j := v.Provisioning()
	schedule := part{"expiration": nil, "interval": "PT40M", "state": "Active"}
	switch j.State {
	case idpsim.JobPaused:
		schedule["state"] = "Paused"
	case idpsim.JobNotConfigured, idpsim.JobNotRun:
		schedule = part{"expiration": nil, "interval": "P10675199DT2H48M5.4775807S", "state": "Disabled"}
	}
	return part{
		"id": jobID(v), "templateId": template(v), "schedule": schedule, "status": status(j),
		"synchronizationJobSettings": []part{
			{"name": "AzureIngestionAttributeOptimization", "value": "False"}, {"name": "LookaheadQueryEnabled", "value": "False"},
			{"name": "QuarantineTooManyDeletesThreshold", "value": "500"},
		},
	}
}

func status(j *idpsim.Provisioning) part {
	return part{
		"code": codes[j.State], "countSuccessiveCompleteFailures": j.Attempts, "escrowsPruned": false,
		"steadyStateFirstAchievedTime": moment(j.LastSuccess), "steadyStateLastAchievedTime": moment(j.LastSuccess),
		"troubleshootingUrl": nil, "synchronizedEntryCountByType": []part{}, "progress": []part{},
		"lastExecution":                      execution(j.LastRun, j.LastError),
		"lastSuccessfulExecution":            execution(j.LastSuccess, ""),
		"lastSuccessfulExecutionWithExports": execution(j.LastExport, ""),
		"quarantine":                         quarantine(j),
	}
}

// moment is a time; none is the year 1.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// execution is one cycle, nil when there was none.
func execution(ended time.Time, failure string) any {
	if ended.IsZero() {
		return nil
	}
	state, problem := "Succeeded", any(nil)
	if failure != "" {
		state, problem = "Failed", part{"code": failure, "message": failure, "tenantActionable": true}
	}
	return part{
		"activityIdentifier": requestID, "countEntitled": 0, "countEntitledForProvisioning": 0, "countEscrowed": 0, "countEscrowedRaw": 0,
		"countExported": 0, "countExports": 0, "countImported": 0, "countImportedDeltas": 0, "countImportedReferenceDeltas": 0,
		"error": problem, "state": state, "timeBegan": moment(ended.Add(-time.Minute)), "timeEnded": moment(ended),
	}
}

func quarantine(j *idpsim.Provisioning) any {
	if j.State != idpsim.JobQuarantine {
		return nil
	}
	return part{
		"currentBegan": moment(j.Began), "seriesBegan": moment(j.Began), "seriesCount": j.Attempts, "nextAttempt": moment(j.NextAttempt),
		"reason": j.Reason, "error": part{"code": j.Reason, "message": "The job is in quarantine.", "tenantActionable": true},
	}
}

// secrets shows the settings; the token of the receiver is masked.
func (c *call) secrets(v *idpsim.View) any {
	list := []part{}
	for _, one := range v.Provisioning().Secrets {
		if one.Key == "SecretToken" {
			one.Value = "*"
		}
		list = append(list, part{"key": one.Key, "value": one.Value})
	}
	return part{"@odata.context": c.context("Collection(microsoft.graph.synchronizationSecretKeyStringValuePair)"), "value": list}
}
