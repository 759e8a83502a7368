package idpsim

// Description is everything about one person, for people to read.
type Description struct {
	Number      int               `json:"number"`
	UserName    string            `json:"user_name"`
	EntraID     string            `json:"entra_id"`
	OktaID      string            `json:"okta_id"`
	Enabled     bool              `json:"enabled"` // Entra's accountEnabled
	SoftDeleted bool              `json:"soft_deleted"`
	Gone        bool              `json:"gone"`
	Status      string            `json:"status"` // Okta's
	Assigned    string            `json:"assigned"`
	Groups      []string          `json:"groups"`
	Account     string            `json:"account,omitempty"` // id at the application, as Okta has learned it
	Attributes  map[string]string `json:"attributes"`        // those that are there
}

// Describe says everything about one person, named as in a Step.
func (p *Population) Describe(who string) (d Description, err error) {
	p.Read(func(v *View) {
		var x Person
		if x, err = v.one(who); err == nil {
			d = v.describe(x)
		}
	})
	return d, err
}

func (v *View) describe(x Person) Description {
	d := Description{
		Number: x.Number(), UserName: x.Text(UserName), EntraID: string(AppendGUID(nil, x.GUID())), OktaID: string(x.AppendOktaID(nil)),
		Enabled: x.Enabled(), SoftDeleted: x.SoftDeleted(), Gone: x.Gone(), Status: x.Status(), Assigned: "no", Groups: []string{},
		Account: x.ExternalID(), Attributes: map[string]string{},
	}
	switch {
	case x.Direct() && x.Unlinked() && !x.ViaGroup():
		d.Assigned = "by name in Entra; no longer in Okta"
	case x.Direct():
		d.Assigned = "by name"
	case x.ViaGroup():
		d.Assigned = "through a group"
	}
	for n := range v.groups {
		if g := v.Group(n); !g.Gone() && g.Has(x) {
			d.Groups = append(d.Groups, g.Name())
		}
	}
	for a := range Attribute(attributes) {
		if text, there := x.Append(nil, a); there {
			d.Attributes[a.String()] = string(text)
		}
	}
	return d
}
