package main

import "testing"

// driveHands has an operator take back what they laid on one person, and deactivate and reactivate another.
func (p *pages) driveHands(t *testing.T) {
	for _, h := range []struct{ who, hand, told string }{
		{p.stage.disabled(), "Unpin", "Unpinned."}, {p.stage.disabled(), "Take the protection away", "The protection is taken away."},
		{newcomer, "Deactivate", "is inactive because"}, {newcomer, "Reactivate", "is active"},
	} {
		p.visit("/")
		p.search(h.who)
		p.click(h.hand + "…")
		p.shows("What changes", "Say why")
		if h.hand == "Deactivate" {
			p.look("user-deactivate")
		}
		p.fill("reason", "ticket 4711")
		p.click(h.hand)
		p.shows(h.told, "ticket 4711")
	}
	p.visit("/access")
	p.shows("pulled one person:")
}
