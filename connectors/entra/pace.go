package entra

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors/rest"
)

// Graph counts what the calls of one application in one directory cost, in resource units over ten seconds. How many it allows depends
// on the directory's size, which we do not ask for: the smallest has 3,500 (learn.microsoft.com/graph/throttling-limits, identity and
// access).
const (
	resourceUnits = 3500
	resourceTime  = 10 * time.Second
	callsAtATime  = 4
)

func graphPace(share int) *rest.Pace {
	return &rest.Pace{Limit: resourceUnits, Window: resourceTime, Share: share, Most: callsAtATime, CostFunc: cost, LearnFunc: learn}
}

// learn takes from an answer what its call has cost.
func learn(header http.Header) rest.Learned {
	units, err := strconv.ParseFloat(header.Get("x-ms-resource-unit"), 64)
	if err != nil || !(units > 0 && units < resourceUnits) {
		return rest.Learned{}
	}
	return rest.Learned{Units: units}
}

// cost reckons what a call will cost. The requests of a batch count one by one.
func cost(req *http.Request, body []byte) (family string, units float64) {
	if !strings.HasSuffix(req.URL.Path, "/$batch") {
		return "", unitsOf(req.URL)
	}
	s := rest.Scan(string(body))
	_ = s.Object(func(name string) error { // our own words: what cannot be read is not counted
		if name != "requests" {
			return s.Skip()
		}
		return s.Array(func() error {
			address, _, err := s.Texts("url", "id")
			if u, failed := url.Parse(address); failed == nil {
				units += unitsOf(u)
			}
			return err
		})
	})
	return "", max(1, units)
}

// unitsOf is what one request costs.
func unitsOf(u *url.URL) float64 {
	units := 1
	switch {
	case strings.Contains(u.Path, "/transitiveMembers"):
		units = 5
	case strings.Contains(u.Path, "/members"), strings.HasSuffix(u.Path, "/getByIds"):
		units = 3
	case strings.HasSuffix(u.Path, "/users"):
		units = 2
	}
	query := u.Query()
	if query.Has("$select") {
		units--
	}
	if query.Has("$expand") {
		units++
	}
	if top, err := strconv.Atoi(query.Get("$top")); err == nil && top < 20 {
		units--
	}
	return float64(max(1, units))
}
