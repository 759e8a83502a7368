package push

import (
	"regexp"
	"strconv"
	"strings"

	"rollcall/connectors/idpsim"
)

// passes says whether somebody passes the scoping filters: all clauses of one of them. Without filters everybody does.
func passes(filters []idpsim.FilterGroup, x idpsim.Person) bool {
	for _, group := range filters {
		all := true
		for _, clause := range group.Clauses {
			all = all && holds(clause, x)
		}
		if all {
			return true
		}
	}
	return len(filters) == 0
}

// holds applies one clause. Where the attribute has no value, only IS NULL holds.
func holds(c idpsim.FilterClause, x idpsim.Person) bool {
	value := ""
	switch attribute, known := attributeNamed(c.Attribute); {
	case c.Attribute == "accountEnabled":
		value = strconv.FormatBool(x.Enabled())
	case c.Attribute == "objectId":
		value = string(idpsim.AppendGUID(nil, x.GUID()))
	case known:
		value = x.Text(attribute)
	}
	operator := strings.ToUpper(strings.ReplaceAll(c.Operator, "_", " "))
	if value == "" || operator == "IS NULL" || operator == "IS NOT NULL" {
		return (operator == "IS NULL") == (value == "") && (operator == "IS NULL" || operator == "IS NOT NULL")
	}
	switch operator {
	case "IS TRUE", "IS FALSE":
		return strings.EqualFold("IS "+value, operator)
	}
	for _, want := range c.Values {
		if compare(operator, value, want) {
			return true
		}
	}
	return false
}

// compare applies an operator to two texts, letter case and all. A regular expression has to match the whole value.
func compare(operator, value, want string) bool {
	switch operator {
	case "EQUALS":
		return value == want
	case "NOT EQUALS":
		return value != want
	case "INCLUDES":
		return strings.Contains(value, want)
	case "ENDS WITH":
		return strings.HasSuffix(value, want)
	case "REGEX MATCH", "NOT REGEX MATCH":
		pattern, err := regexp.Compile(`^(?:` + want + `)$`)
		return err == nil && pattern.MatchString(value) == (operator == "REGEX MATCH")
	case "GREATER THAN", "GREATER THAN OR EQUALS":
		a, err1 := strconv.Atoi(value)
		b, err2 := strconv.Atoi(want)
		return err1 == nil && err2 == nil && (a > b || a == b && operator == "GREATER THAN OR EQUALS")
	}
	return false
}
