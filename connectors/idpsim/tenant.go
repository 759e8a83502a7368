package idpsim

import (
	"fmt"
	"slices"
	"strings"
)

// What an Entra tenant keeps beside people and groups: what it has granted to the application that reads it, and whether it lets
// that application in. It is replaced when it changes, never changed in place.
type tenant struct {
	permissions []string
	refusal     string // AADSTS number that signing in is refused with; "" lets in
	revoked     int    // how often all tokens issued so far were revoked
}

// Needed are the application permissions that a puller needs at least: the ones that a tenant has granted from the start.
func Needed() []string {
	return []string{"Application.Read.All", "GroupMember.Read.All", "User.Read.All", "Synchronization.Read.All"}
}

// Permissions are the application permissions that the Entra tenant has granted to whoever reads it.
func (v *View) Permissions() []string { return v.tenant.permissions }

// Granted says whether the Entra tenant has granted a permission.
func (v *View) Granted(permission string) bool {
	return slices.Contains(v.tenant.permissions, permission)
}

// Refusal is the AADSTS number that signing in is refused with, "" when it is not.
func (v *View) Refusal() string { return v.tenant.refusal }

// Revocations counts how often all tokens issued so far were revoked.
func (v *View) Revocations() int { return v.tenant.revoked }

// Provisioning is the provisioning job in Entra. It must not be changed: see Population.ChangeProvisioning.
func (v *View) Provisioning() *Provisioning { return v.job }

// SetPermissions replaces what is granted.
func (p *Population) SetPermissions(permissions ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.tenant.permissions = slices.Clone(permissions)
}

// Permissions are the application permissions that the Entra tenant has granted to whoever reads it.
func (p *Population) Permissions() (granted []string) {
	p.Read(func(v *View) { granted = v.Permissions() })
	return granted
}

// tenantSteps change what the tenant allows.
var tenantSteps = map[string]func(*tenant, Step) error{
	"grant": (*tenant).grant, "revoke": (*tenant).revoke, "sign-in": (*tenant).signIn, "revoke-tokens": (*tenant).revokeTokens,
}

func (t *tenant) grant(step Step) error {
	if step.Value == "" {
		return fmt.Errorf("value is missing: the permission, such as User.Read.All")
	}
	if !slices.Contains(t.permissions, step.Value) {
		t.permissions = append(slices.Clone(t.permissions), step.Value)
	}
	return nil
}

func (t *tenant) revoke(step Step) error {
	rest := slices.DeleteFunc(slices.Clone(t.permissions), func(one string) bool { return one == step.Value })
	if len(rest) == len(t.permissions) {
		return fmt.Errorf("value %q was not granted; granted are %s", step.Value, strings.Join(t.permissions, ", "))
	}
	t.permissions = rest
	return nil
}

func (t *tenant) signIn(step Step) error {
	t.refusal = step.Value
	return nil
}

func (t *tenant) revokeTokens(Step) error {
	t.revoked++
	return nil
}
