package idpsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Provisioning is how the application is provisioned in Entra: one job, its mapping and its settings. What a View shows of it is
// never changed in place.
type Provisioning struct {
	State       JobState
	Legacy      bool      // a job of the kind that was made before 2019
	Began       time.Time // the quarantine
	NextAttempt time.Time // the quarantine
	Reason      string    // the quarantine: one of QuarantineReasons
	Attempts    int       // how many cycles in a row have failed as a whole
	LastRun     time.Time // when the last cycle ended; zero: there was none
	LastError   string    // why the last cycle failed; "" when it did not
	LastSuccess time.Time // when the last good cycle ended; zero: there was none
	LastExport  time.Time // when the last good cycle ended that had something to send; zero: there was none
	Secrets     []Setting // what an administrator has set; SecretToken is never shown
	Mappings    []ObjectMapping
}

// JobState is how the job of an application's provisioning stands.
type JobState string

const (
	JobNone          JobState = "none" // provisioning was never set up: there is no job
	JobNotConfigured JobState = "not-configured"
	JobNotRun        JobState = "not-run"
	JobActive        JobState = "active"
	JobPaused        JobState = "paused"
	JobQuarantine    JobState = "quarantine"
)

var jobStates = []JobState{JobNone, JobNotConfigured, JobNotRun, JobActive, JobPaused, JobQuarantine}

// Why a job is in quarantine, in the vendor's words.
const (
	BaseEscrow       = "EncounteredBaseEscrowThreshold"
	TotalEscrow      = "EncounteredTotalEscrowThreshold"
	EscrowProportion = "EncounteredEscrowProportionThreshold"
	QuarantineError  = "EncounteredQuarantineException"
	OnDemand         = "QuarantinedOnDemand"
	TooManyDeletes   = "TooManyDeletes"
	Interrupted      = "IngestionInterrupted"
	UnknownReason    = "Unknown"
)

// QuarantineReasons lists them.
func QuarantineReasons() []string {
	return []string{BaseEscrow, TotalEscrow, EscrowProportion, QuarantineError, OnDemand, TooManyDeletes, Interrupted, UnknownReason}
}

// Setting is one of the job's settings; the vendor calls them secrets.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// ObjectMapping says how one kind of object is provisioned.
type ObjectMapping struct {
	Object  string // User or Group
	Enabled bool
	Actions string // Add, Update, Delete: the ticked target object actions
	Filters []FilterGroup
	Rows    []MappingRow
}

// MappingRow is one line of the mapping. Source is the text of an expression: an attribute in brackets, a constant in quotes or a
// function; "" is a row that has only a default.
type MappingRow struct {
	Target  string `json:"target"`
	Source  string `json:"source"`
	Default string `json:"default,omitempty"`
	Flow    string `json:"flow,omitempty"`  // Always unless given
	Match   int    `json:"match,omitempty"` // matching priority; 0 is none
}

// FilterGroup is one scoping filter: all of its clauses must hold. An object is in scope when one of its filters holds.
type FilterGroup struct {
	Name    string         `json:"name"`
	Clauses []FilterClause `json:"clauses"`
}

// FilterClause compares one attribute.
type FilterClause struct {
	Attribute string   `json:"attribute"`
	Operator  string   `json:"operator"`
	Values    []string `json:"values"`
}

// allActions are the target object actions when all are ticked.
const allActions = "Add, Update, Delete"

// proposed is a job as Entra makes it for an application that is not from its gallery: everything mapped, assigned people only.
func proposed() *Provisioning {
	return &Provisioning{
		State: JobActive, LastRun: epoch, LastSuccess: epoch, LastExport: epoch,
		Secrets: []Setting{
			{"BaseAddress", "https://api.example.com/auth/scim"}, {"SecretToken", "never shown"},
			{"SyncNotificationSettings", `{"Enabled":false,"DeleteThresholdEnabled":false}`}, {"SyncAll", "False"},
		},
		Mappings: []ObjectMapping{
			{Object: "User", Enabled: true, Actions: allActions, Rows: proposedUser()},
			{Object: "Group", Enabled: true, Actions: allActions, Rows: []MappingRow{
				{Target: "displayName", Source: "[displayName]", Match: 1}, {Target: "externalId", Source: "[objectId]"}, {Target: "members", Source: "[members]"},
			}},
		},
	}
}

func proposedUser() []MappingRow {
	rows := []MappingRow{
		{Target: "userName", Source: "[userPrincipalName]", Match: 1},
		{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
	}
	for _, pair := range [][2]string{
		{"displayName", "[displayName]"}, {"title", "[jobTitle]"}, {`emails[type eq "work"].value`, "[mail]"},
		{"preferredLanguage", "[preferredLanguage]"}, {"name.givenName", "[givenName]"}, {"name.familyName", "[surname]"},
		{"name.formatted", `Join(" ", [givenName], [surname])`},
		{`addresses[type eq "work"].formatted`, "[physicalDeliveryOfficeName]"}, {`addresses[type eq "work"].streetAddress`, "[streetAddress]"},
		{`addresses[type eq "work"].locality`, "[city]"}, {`addresses[type eq "work"].region`, "[state]"},
		{`addresses[type eq "work"].postalCode`, "[postalCode]"}, {`addresses[type eq "work"].country`, "[country]"},
		{`phoneNumbers[type eq "work"].value`, "[telephoneNumber]"}, {`phoneNumbers[type eq "mobile"].value`, "[mobile]"},
		{`phoneNumbers[type eq "fax"].value`, "[facsimileTelephoneNumber]"}, {"externalId", "[mailNickname]"},
		{enterprise + "employeeNumber", "[employeeId]"}, {enterprise + "department", "[department]"}, {enterprise + "manager", "[manager]"},
	} {
		rows = append(rows, MappingRow{Target: pair[0], Source: pair[1]})
	}
	return rows
}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:"

// Secret returns one of the settings, "" when it is not set.
func (j *Provisioning) Secret(key string) string {
	for _, one := range j.Secrets {
		if one.Key == key {
			return one.Value
		}
	}
	return ""
}

// Mapping returns how a kind of object is provisioned.
func (j *Provisioning) Mapping(object string) *ObjectMapping {
	for i := range j.Mappings {
		if j.Mappings[i].Object == object {
			return &j.Mappings[i]
		}
	}
	return nil
}

// clone copies whatever a change may touch.
func (j *Provisioning) clone() *Provisioning {
	c := *j
	c.Secrets = slices.Clone(j.Secrets)
	c.Mappings = slices.Clone(j.Mappings)
	for i := range c.Mappings {
		c.Mappings[i].Rows = slices.Clone(c.Mappings[i].Rows)
	}
	return &c
}

// ChangeProvisioning lets f change the job. It is for whoever carries the job out.
func (p *Population) ChangeProvisioning(f func(*Provisioning)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.changeJob(func(j *Provisioning) error { f(j); return nil })
}

// changeJob replaces the job by a changed copy, unless the change fails. The lock is held.
func (p *Population) changeJob(f func(*Provisioning) error) error {
	next := p.current.job.clone()
	if err := f(next); err != nil {
		return err
	}
	p.current.job = next
	return nil
}

// jobSteps change the provisioning job.
var jobSteps = map[string]func(*Population, *Provisioning, Step) error{
	"job": (*Population).setJob, "pause-job": (*Population).pauseJob, "resume-job": (*Population).resumeJob,
	"quarantine": (*Population).quarantine, "job-ran": (*Population).jobRan, "job-setting": (*Population).setSetting,
	"set-mapping": (*Population).setMapping, "drop-mapping": (*Population).dropMapping, "set-actions": (*Population).setActions,
	"set-filters": (*Population).setFilters,
}

func (p *Population) setJob(j *Provisioning, step Step) error {
	switch {
	case step.Value == "legacy" || step.Value == "current":
		j.Legacy = step.Value == "legacy"
		return nil
	case !slices.Contains(jobStates, JobState(step.Value)):
		return fmt.Errorf("value %q is no state of a job; they are %v, and its kinds legacy and current", step.Value, jobStates)
	}
	j.State, j.Reason = JobState(step.Value), ""
	return nil
}

func (p *Population) pauseJob(j *Provisioning, _ Step) error {
	j.State = JobPaused
	return nil
}

func (p *Population) resumeJob(j *Provisioning, _ Step) error {
	j.State, j.Reason, j.Attempts = JobActive, "", 0
	return nil
}

func (p *Population) quarantine(j *Provisioning, step Step) error {
	if !slices.Contains(QuarantineReasons(), step.Reason) {
		return fmt.Errorf("reason %q is none of %s", step.Reason, strings.Join(QuarantineReasons(), ", "))
	}
	j.Quarantine(step.Reason, p.now())
	return nil
}

// Quarantine puts the job into quarantine, or back into it after a failed attempt: the next attempt is 6 hours after the first
// failure, then 12, then 24, then once a day. After four weeks the job is switched off.
func (j *Provisioning) Quarantine(reason string, now time.Time) {
	if j.State != JobQuarantine {
		j.State, j.Began, j.Attempts = JobQuarantine, now.UTC(), 0
	}
	j.Reason = reason
	j.Attempts++
	gaps := []time.Duration{6 * time.Hour, 12 * time.Hour, 24 * time.Hour}
	next := now
	if j.Attempts <= len(gaps) {
		next = j.Began.Add(gaps[j.Attempts-1])
	}
	if !next.After(now) {
		next = now.Add(24 * time.Hour)
	}
	j.NextAttempt = next.UTC()
	if now.Sub(j.Began) > 28*24*time.Hour {
		j.State = JobPaused
	}
}

// jobRan notes a cycle that ended value ago, such as 26h; with a reason it failed.
func (p *Population) jobRan(j *Provisioning, step Step) error {
	ago, err := time.ParseDuration(step.Value)
	if err != nil {
		return fmt.Errorf("value %q is no duration such as 26h: how long ago the cycle ended", step.Value)
	}
	j.Ran(p.now().Add(-ago), step.Reason, step.Reason == "")
	return nil
}

// Ran notes that a cycle ended: why it failed, or "", and whether it sent something.
func (j *Provisioning) Ran(when time.Time, failure string, exported bool) {
	j.LastRun, j.LastError = when.UTC(), failure
	if failure == "" {
		j.LastSuccess = j.LastRun
	}
	if failure == "" && exported {
		j.LastExport = j.LastRun
	}
}

func (p *Population) setSetting(j *Provisioning, step Step) error {
	if step.Attribute == "" {
		return fmt.Errorf("attribute is missing: the setting's name, such as SyncAll")
	}
	j.Secrets = slices.DeleteFunc(j.Secrets, func(s Setting) bool { return s.Key == step.Attribute })
	if step.Value != "" {
		j.Secrets = append(j.Secrets, Setting{step.Attribute, step.Value})
	}
	return nil
}

// mappingOf finds the mapping that a step is about: of users unless it says otherwise.
func (j *Provisioning) mappingOf(step Step) (*ObjectMapping, error) {
	object := step.Object
	if object == "" {
		object = "User"
	}
	m := j.Mapping(object)
	if m == nil {
		return nil, fmt.Errorf("object %q is not User or Group", step.Object)
	}
	return m, nil
}

var flows = []string{"Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"}

func (p *Population) setMapping(j *Provisioning, step Step) error {
	m, err := j.mappingOf(step)
	if err == nil && len(step.Rows) == 0 {
		err = fmt.Errorf("rows is missing: each with target and source")
	}
	if err != nil {
		return err
	}
	for _, row := range step.Rows {
		if row.Target == "" || row.Flow != "" && !slices.Contains(flows, row.Flow) {
			return fmt.Errorf("row %+v needs a target, and a flow of %s", row, strings.Join(flows, ", "))
		}
		at := slices.IndexFunc(m.Rows, func(r MappingRow) bool { return r.Target == row.Target })
		if at < 0 {
			m.Rows = append(m.Rows, row)
			continue
		}
		m.Rows[at] = row
	}
	return nil
}

func (p *Population) dropMapping(j *Provisioning, step Step) error {
	m, err := j.mappingOf(step)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(m.Rows), func(r MappingRow) bool { return r.Target == step.Value })
	if len(rest) == len(m.Rows) {
		return fmt.Errorf("nothing is mapped to %q", step.Value)
	}
	m.Rows = rest
	return nil
}

// setActions ticks target object actions, or switches the mapping of an object off.
func (p *Population) setActions(j *Provisioning, step Step) error {
	m, err := j.mappingOf(step)
	if err != nil {
		return err
	}
	m.Enabled = step.Value != "off"
	if m.Enabled {
		m.Actions = step.Value
	}
	return nil
}

func (p *Population) setFilters(j *Provisioning, step Step) error {
	m, err := j.mappingOf(step)
	if err != nil {
		return err
	}
	m.Filters = step.Filters
	return nil
}
