package idpsim

import (
	"fmt"
	"slices"
	"strings"
)

// unknown is an error that names what there is instead, the nearest first.
func unknown(kind, name string, known []string) error {
	if near := nearest(name, known); len(near) > 0 {
		return fmt.Errorf("there is no %s %q; did you mean %s? All: %s", kind, name, strings.Join(near, " or "), strings.Join(known, ", "))
	}
	return fmt.Errorf("there is no %s %q; all: %s", kind, name, strings.Join(known, ", "))
}

// nearest returns up to three of the known names that a name may have been meant as, the nearest first.
func nearest(name string, known []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var all []candidate
	name = strings.ToLower(name)
	for _, one := range known {
		d := distance(name, strings.ToLower(one))
		if name != "" && (d <= max(1, len(name)/3) || strings.Contains(strings.ToLower(one), name)) {
			all = append(all, candidate{one, d})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.distance - b.distance })
	var near []string
	for _, one := range all[:min(3, len(all))] {
		if one.distance <= 2*all[0].distance+1 { // those further off share only what all of them have, such as a domain
			near = append(near, one.name)
		}
	}
	return near
}

// distance is how many letters must be changed, added or left out to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
