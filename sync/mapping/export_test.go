package mapping

import (
	"maps"
	"slices"
)

// FunctionNames lists the language, sorted.
func FunctionNames() []string { return slices.Sorted(maps.Keys(functions)) }
