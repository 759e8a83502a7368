package okta

import (
	"net/http"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// pushMappings lists the groups that are pushed to the application.
func (c *call) pushMappings(app string) {
	p, ok := c.parsePaging(100, 1000, "lastUpdated", "sourceGroupId", "status")
	if !ok || !c.application(app) || !c.provisioned("pushMappings") {
		return
	}
	since, err := parseTime(p.values.Get("lastUpdated"))
	status, source := p.values.Get("status"), p.values.Get("sourceGroupId")
	if err != nil || status != "" && status != "ACTIVE" && status != "INACTIVE" && status != "ERROR" {
		fail(c.w, http.StatusBadRequest, "E0000001", "Api validation failed: lastUpdated or status")
		return
	}
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		return groupsWhere(v, func(g idpsim.Group) bool {
			push := g.Push()
			return push.Status != "" && !g.Gone() && !push.Updated.Before(since) && (status == "" || push.Status == status) &&
				(source == "" || string(g.AppendOktaID(nil)) == source)
		}, r.pushMapping)
	})
}

// provisioned says whether provisioning is set up for the application; not, the answer has been given.
func (c *call) provisioned(what string) bool {
	on := false
	c.read(func(v *idpsim.View) { on = v.Switches().On })
	if !on {
		failBecause(c.w, http.StatusBadRequest, "E0000001", "Api validation failed: "+what, "Provisioning is not enabled for the app instance.")
	}
	return on
}

func (r *renderer) link(dst []byte, name, path string, id func([]byte) []byte) []byte {
	dst = append(dst, `"`+name+`":{"href":"`...)
	dst = append(dst, r.base...)
	return append(id(append(dst, path...)), `"}`...)
}

func (r *renderer) appID(dst []byte) []byte { return append(dst, r.app...) }

func (r *renderer) pushMapping(dst []byte, g idpsim.Group) []byte {
	push := g.Push()
	dst = append(dst, `{"id":"`...)
	dst = g.AppendPushMappingID(dst)
	dst = append(dst, '"')
	dst = r.time(dst, "created", push.Created)
	dst = r.time(dst, "lastUpdated", push.Updated)
	if push.Last.IsZero() {
		dst = append(dst, `,"lastPush":null`...)
	} else {
		dst = r.time(dst, "lastPush", push.Last)
	}
	dst = append(dst, `,"sourceGroupId":"`...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, `","targetGroupId":"`...)
	dst = g.AppendTargetGroupID(dst)
	dst = append(dst, `","status":"`+push.Status+`","errorSummary":`...)
	dst = wire.AppendString(dst, push.Error)
	dst = append(dst, `,"_links":{`...)
	dst = append(r.link(dst, "app", "/apps/", r.appID), ',')
	dst = append(r.link(dst, "sourceGroup", "/groups/", g.AppendOktaID), ',')
	return append(r.link(dst, "targetGroup", "/groups/", g.AppendTargetGroupID), "}}"...)
}

// features lists what provisioning an application can do.
func (c *call) features(app string) {
	if !c.application(app) || !c.provisioned("feature") {
		return
	}
	c.one(app, "AppInstance", func(v *idpsim.View) ([]byte, bool) {
		r := c.renderer(v)
		dst := r.userProvisioning([]byte{'['}, v)
		return append(r.inboundProvisioning(append(dst, ',')), ']'), true
	})
}

func (c *call) feature(app, name string) {
	if !c.application(app) || !c.provisioned("feature") {
		return
	}
	c.one(name, "AppFeature", func(v *idpsim.View) ([]byte, bool) {
		switch r := c.renderer(v); name {
		case "USER_PROVISIONING":
			return r.userProvisioning(nil, v), true
		case "INBOUND_PROVISIONING":
			return r.inboundProvisioning(nil), true
		}
		return nil, false
	})
}

func status(on bool) string {
	if on {
		return `{"status":"ENABLED"}`
	}
	return `{"status":"DISABLED"}`
}

func (r *renderer) featureLink(dst []byte, name string) []byte {
	dst = append(dst, `,"_links":{`...)
	dst = r.link(dst, "self", "/apps/", func(dst []byte) []byte { return append(r.appID(dst), "/features/"+name...) })
	return append(dst, "}}"...)
}

func (r *renderer) userProvisioning(dst []byte, v *idpsim.View) []byte {
	const name = "USER_PROVISIONING"
	s := v.Switches()
	dst = append(dst, `{"name":"`+name+`","status":"ENABLED","description":"User provisioning settings from Okta to a downstream application"`...)
	dst = append(dst, `,"capabilities":{"create":{"lifecycleCreate":`+status(s.Create)+`},"update":{"profile":`+status(s.Update)...)
	dst = append(dst, `,"lifecycleDeactivate":`+status(s.Deactivate)+`,"password":{"status":"DISABLED","seed":"RANDOM","change":"KEEP_EXISTING"}}}`...)
	return r.featureLink(dst, name)
}

func (r *renderer) inboundProvisioning(dst []byte) []byte {
	const name = "INBOUND_PROVISIONING"
	dst = append(dst, `{"name":"`+name+`","status":"DISABLED","description":"In-bound provisioning settings from a downstream application to Okta"`...)
	return r.featureLink(dst, name)
}

// userType is the id of the only type of users that the org has.
const userType = "otySimulated000000AA"

// profileMappings lists which profiles are mapped to which: users to app users, and back.
func (c *call) profileMappings() {
	p, ok := c.parsePaging(20, 200, "sourceId", "targetId")
	if !ok {
		return
	}
	source, target := p.values.Get("sourceId"), p.values.Get("targetId")
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		shown := v.App() != idpsim.AppGone && (source == "" || source == userType) && (target == "" || target == r.app)
		return collection{
			next:   func(after uint64) (uint64, bool) { return 1, shown && after == 0 },
			append: func(dst []byte, _ uint64) []byte { return append(r.userMapping(dst, v), '}') },
		}
	})
}

func (c *call) profileMapping(id string) {
	c.one(id, "ProfileMapping", func(v *idpsim.View) ([]byte, bool) {
		if v.App() == idpsim.AppGone || id != string(v.AppendUserMappingID(nil)) {
			return nil, false
		}
		dst := append(c.renderer(v).userMapping(nil, v), `,"properties":`...)
		for i, f := range appProfile {
			dst = append(dst, "{,"[min(i, 1)])
			dst = key(dst, f.key)
			state := "PUSH"
			if v.CreateOnly(f.attribute) {
				state = "DONT_PUSH"
			}
			dst = append(dst, `{"expression":"user.`+expressionOf(f)+`","pushStatus":"`+state+`"}`...)
		}
		return append(dst, "}}"...), true
	})
}

// expressionOf names the attribute of an Okta user that an app-side one is filled from.
func expressionOf(f field) string {
	for _, of := range userProfile {
		if of.attribute == f.attribute {
			return of.key
		}
	}
	return f.key
}

// userMapping appends the mapping of Okta users to the application's, left open for its properties.
func (r *renderer) userMapping(dst []byte, v *idpsim.View) []byte {
	dst = append(dst, `{"id":"`...)
	dst = v.AppendUserMappingID(dst)
	dst = append(dst, `","source":{"id":"`+userType+`","name":"user","type":"user","_links":{`...)
	dst = r.link(dst, "self", "/meta/types/user/", func(dst []byte) []byte { return append(dst, userType...) })
	dst = append(dst, `}},"target":{"id":"`...)
	dst = r.appID(dst)
	dst = append(dst, `","name":"rollcall","type":"appuser","_links":{`...)
	dst = r.link(dst, "self", "/apps/", r.appID)
	dst = append(dst, `}},"_links":{`...)
	return append(r.link(dst, "self", "/mappings/", v.AppendUserMappingID), '}')
}
