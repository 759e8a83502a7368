package okta_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

func TestPushMappings(t *testing.T) {
	x, at := openAt(t, idpsim.Options{Seed: 1, People: 4, Groups: 3})
	list := func(query string) (shown string) {
		rows, _ := x.all(x.app("/group-push/mappings" + query))
		for _, row := range rows {
			shown += fmt.Sprintf("%v %v;", x.get("/groups/" + row["sourceGroupId"].(string))["profile"].(object)["name"], row["status"])
		}
		return shown
	}
	if got := list(""); got != "" {
		t.Errorf("at first: %s", got)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "push-group", Group: "Sales"}, idpsim.Step{Do: "push-group", Group: "Everyone", Value: "ERROR", Reason: "409"}))
	at.now = at.now.Add(time.Hour)
	must(t, x.pop.Do(idpsim.Step{Do: "push-group", Group: "Engineering", Value: "INACTIVE"}))
	for query, want := range map[string]string{
		"":                                     "Everyone ERROR;Engineering INACTIVE;Sales ACTIVE;",
		"?limit=1":                             "Everyone ERROR;Engineering INACTIVE;Sales ACTIVE;",
		"?status=ACTIVE":                       "Sales ACTIVE;",
		"?lastUpdated=2026-03-01T12:30:00Z":    "Engineering INACTIVE;",
		"?sourceGroupId=" + x.groupID("Sales"): "Sales ACTIVE;",
	} {
		if got := list(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	failed, _ := x.all(x.app("/group-push/mappings?status=ERROR"))
	if failed[0]["errorSummary"] != "409" || failed[0]["lastPush"] != nil {
		t.Errorf("the failed one: %v", failed[0])
	}
	x.pop.SetGroupPushed(0, "ours")
	if pushed, _ := x.all(x.app("/group-push/mappings?sourceGroupId=" + x.groupID("Everyone"))); pushed[0]["status"] != "ACTIVE" || pushed[0]["lastPush"] == nil {
		t.Errorf("pushed: %v", pushed)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "unpush-group", Group: "Sales"}))
	if got := list("?status=ACTIVE"); got != "Everyone ACTIVE;" {
		t.Errorf("without Sales: %s", got)
	}
	x.refused(x.do("GET", x.app("/group-push/mappings?status=GONE")), 400, "E0000001")
	must(t, x.pop.Do(idpsim.Step{Do: "provisioning", Value: "off"}))
	x.refused(x.do("GET", x.app("/group-push/mappings")), 400, "E0000001")
}

// groupID is a group's id in Okta.
func (x *org) groupID(name string) (id string) {
	x.pop.Read(func(v *idpsim.View) {
		g, _ := v.GroupByName(name)
		id = string(g.AppendOktaID(nil))
	})
	return id
}

func TestFeatures(t *testing.T) {
	x := open(t, idpsim.Options{}, okta.Options{})
	show := func() string {
		c := x.get(x.app("/features/USER_PROVISIONING"))["capabilities"].(object)
		of := func(group, name string) any { return c[group].(object)[name].(object)["status"] }
		return fmt.Sprintf("%v %v %v", of("create", "lifecycleCreate"), of("update", "profile"), of("update", "lifecycleDeactivate"))
	}
	if got := show(); got != "ENABLED ENABLED ENABLED" {
		t.Error(got)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "provisioning", Value: "create=off deactivate=off"}))
	if got := show(); got != "DISABLED ENABLED DISABLED" {
		t.Error(got)
	}
	if rows := x.good(x.app("/features")).rows(t); len(rows) != 2 || rows[1]["name"] != "INBOUND_PROVISIONING" {
		t.Errorf("%v", rows)
	}
	x.refused(x.do("GET", x.app("/features/TELEPATHY")), 404, "E0000007")
	must(t, x.pop.Do(idpsim.Step{Do: "provisioning", Value: "off"}))
	x.refused(x.do("GET", x.app("/features/USER_PROVISIONING")), 400, "E0000001")
	for _, bad := range []string{"", "maybe", "delete=off", "create=perhaps"} {
		if err := x.pop.Do(idpsim.Step{Do: "provisioning", Value: bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestProfileMappings(t *testing.T) {
	x := open(t, idpsim.Options{}, okta.Options{})
	must(t, x.pop.Do(idpsim.Step{Do: "push-status", Attribute: "mobile", Value: "DONT_PUSH"}))
	rows, _ := x.all("/mappings?targetId=" + x.pop.OktaAppID())
	if len(rows) != 1 || rows[0]["properties"] != nil || rows[0]["target"].(object)["id"] != x.pop.OktaAppID() {
		t.Fatalf("%v", rows)
	}
	properties := x.get("/mappings/" + rows[0]["id"].(string))["properties"].(object)
	for name, want := range map[string]object{
		"mobilePhone": {"expression": "user.mobilePhone", "pushStatus": "DONT_PUSH"}, "givenName": {"expression": "user.firstName", "pushStatus": "PUSH"},
	} {
		if fmt.Sprint(properties[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v", name, properties[name])
		}
	}
	if rows, _ := x.all("/mappings?sourceId=" + x.pop.OktaAppID()); len(rows) != 0 {
		t.Error("the application is no source")
	}
	x.refused(x.do("GET", "/mappings/prmNobody"), 404, "E0000007")
}
