package graph

// PropertyNames lists the properties of a user that the simulator knows.
func PropertyNames() (names []string) {
	for _, p := range properties {
		names = append(names, p.name)
	}
	return names
}
