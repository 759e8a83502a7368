package mapping

import "strings"

// function is what the language knows of a function.
type function struct {
	params   []param
	repeat   []param // after the params, any number of times
	least    int     // how many times repeat has to be there
	yields   kinds   // beside what its results yield
	volatile bool    // two evaluations differ

	call  func(e env, args []node) (value, error)
	check func(c *checker, t *tree)                   // what the parameters don't say; runs before build
	build func(c *checker, t *tree, args []node) node // instead of call, where something is prepared at load
}

type param struct {
	name     string
	accepts  kinds
	optional bool
	result   bool // its value may become the function's
}

func one(name string) param     { return param{name: name, accepts: anyText} }
func numeric(name string) param { return param{name: name, accepts: someNumber} }
func date(name string) param    { return param{name: name, accepts: someDate} }
func some(name string) param    { return param{name: name, accepts: anyKind} }
func result(name string) param  { return param{name: name, accepts: anyKind, result: true} }

func either(name string, accepts ...kinds) param {
	p := param{name: name}
	for _, k := range accepts {
		p.accepts |= k
	}
	return p
}

func optional(p param) param {
	p.optional = true
	return p
}

// takes tells whether a function can have so many arguments.
func (f *function) takes(count int) bool {
	if f.repeat == nil {
		least := len(f.params)
		for least > 0 && f.params[least-1].optional {
			least--
		}
		return least <= count && count <= len(f.params)
	}
	more := count - len(f.params)
	return more%len(f.repeat) == 0 && more/len(f.repeat) >= f.least
}

// param returns the parameter that an argument is for.
func (f *function) param(i int) param {
	if i < len(f.params) {
		return f.params[i]
	}
	return f.repeat[(i-len(f.params))%len(f.repeat)]
}

// signature shows how a function is written.
func (f *function) signature(name string) string {
	var parts []string
	for _, p := range append(f.params[:len(f.params):len(f.params)], f.repeat...) {
		if p.optional {
			parts = append(parts, "["+p.name+"]")
		} else {
			parts = append(parts, p.name)
		}
	}
	if f.repeat != nil {
		parts = append(parts, "…")
	}
	return name + "(" + strings.Join(parts, ", ") + ")"
}

// functions is the language: every function that Entra documents for provisioning to an application.
var functions = map[string]*function{
	// Conditions.
	"CBool":    {params: []param{either("expression", anyText, someCondition)}, yields: someBool, call: callCBool},
	"Coalesce": {params: []param{result("source")}, repeat: []param{result("source")}, call: callCoalesce},
	"IIF": {params: []param{either("condition", someBool, someCondition), result("value if true"), result("value if false")},
		check: checkCondition, call: callIIF},
	"IgnoreFlowIfNullOrEmpty": {params: []param{result("expression")}, call: callIgnoreFlow},
	"IsNull":                  {params: []param{some("expression")}, yields: someBool, call: callIsNull},
	"IsNullOrEmpty":           {params: []param{some("expression")}, yields: someBool, call: callIsNullOrEmpty},
	"IsPresent":               {params: []param{some("expression")}, yields: someBool, call: callIsPresent},
	"IsString":                {params: []param{some("expression")}, yields: someBool, call: callIsString},
	"Not":                     {params: []param{either("source", anyText, someCondition)}, yields: someBool, call: callNot},
	"Redact":                  {params: []param{result("expression")}, call: callRedact},
	"Switch":                  {params: []param{one("source"), optional(result("default"))}, repeat: []param{one("key"), result("value")}, least: 1, build: buildSwitch},

	// Texts.
	"Append":              {params: []param{one("source"), one("suffix")}, yields: anyText, call: callAppend},
	"InStr":               {params: []param{one("text"), one("text to find"), optional(numeric("start")), optional(either("compare type", someWord))}, yields: someNumber, check: checkInStr, call: callInStr},
	"Left":                {params: []param{one("source"), numeric("count")}, yields: anyText, call: callLeft},
	"Mid":                 {params: []param{one("source"), numeric("start"), numeric("length")}, yields: anyText, check: checkMid, call: callMid},
	"NormalizeDiacritics": {params: []param{one("source")}, yields: anyText, call: callNormalizeDiacritics},
	"PCase":               {params: []param{one("source"), optional(one("word separators"))}, yields: anyText, call: callPCase},
	"Replace": {params: []param{one("source"), optional(one("oldValue")), optional(one("regexPattern")), optional(one("regexGroupName")),
		optional(one("replacementValue")), optional(one("replacementAttributeName")), optional(one("template"))}, yields: anyText, build: buildReplace},
	"StripSpaces": {params: []param{one("source")}, yields: anyText, call: callStripSpaces},
	"ToLower":     {params: []param{one("source"), optional(one("culture"))}, yields: anyText, call: callToLower},
	"ToUpper":     {params: []param{one("source"), optional(one("culture"))}, yields: anyText, call: callToUpper},
	"Word":        {params: []param{one("source"), numeric("word number"), one("delimiters")}, yields: anyText, call: callWord},

	// Lists.
	"Count":            {params: []param{some("attribute")}, yields: someNumber, call: callCount},
	"Item":             {params: []param{some("attribute"), numeric("index")}, yields: anyText, check: checkItem, call: callItem},
	"Join":             {params: []param{one("separator"), some("source")}, repeat: []param{some("source")}, yields: anyText, call: callJoin},
	"RemoveDuplicates": {params: []param{some("attribute")}, yields: someList, call: callRemoveDuplicates},
	"Split":            {params: []param{one("source"), one("delimiter")}, yields: someList, check: checkSplit, call: callSplit},

	// Numbers and codes.
	"BitAnd":           {params: []param{numeric("first number"), numeric("second number")}, yields: someNumber, call: callBitAnd},
	"ConvertToBase64":  {params: []param{one("source")}, yields: anyText, call: callConvertToBase64},
	"ConvertToUTF8Hex": {params: []param{one("source")}, yields: anyText, call: callConvertToUTF8Hex},
	"CStr":             {params: []param{one("value")}, yields: anyText, call: callCStr},

	// Dates.
	"CDate":          {params: []param{date("expression")}, yields: someDate, call: callCDate},
	"DateAdd":        {params: []param{one("interval"), numeric("number"), date("date")}, yields: someDate, check: checkInterval, call: callDateAdd},
	"DateDiff":       {params: []param{one("interval"), date("first date"), date("second date")}, yields: someNumber, check: checkInterval, call: callDateDiff},
	"DateFromNum":    {params: []param{numeric("number")}, yields: someDate, call: callDateFromNum},
	"FormatDateTime": {params: []param{one("source"), optional(one("date styles")), one("input format"), one("output format")}, yields: anyText, build: buildFormatDateTime},
	"Now":            {yields: someDate, volatile: true, call: callNow},
	"NumFromDate":    {params: []param{date("date")}, yields: someNumber, call: callNumFromDate},

	// Chance.
	"Guid": {yields: someText, volatile: true, call: callGuid},
	"RandomString": {params: []param{numeric("length"), numeric("least digits"), numeric("least special characters"), numeric("least capitals"),
		numeric("least small letters"), optional(one("characters to avoid"))}, yields: anyText, volatile: true, call: callRandomString},

	// App roles.
	"AppRoleAssignmentsComplex":          {params: []param{some("attribute")}, yields: someRoles, check: checkRoles, call: callRoles},
	"AssertiveAppRoleAssignmentsComplex": {params: []param{some("attribute")}, yields: someRoles, check: checkRoles, call: callRoles},
	"SingleAppRoleAssignment":            {params: []param{some("attribute")}, yields: anyText, check: checkRoles, call: callSingleRole},
}

// elsewhere are functions that administrators know from other places, and why they can't stand in a mapping.
var elsewhere = map[string]string{
	"SelectUniqueValue":  "asks the target which values are taken, and works only from HR systems to Active Directory; use Join or Append to make a value that is unique by itself",
	"AppRoleAssignments": "is no documented function; use AppRoleAssignmentsComplex, AssertiveAppRoleAssignmentsComplex or SingleAppRoleAssignment",
	"DefaultDomain":      "is no documented function and its value is not readable; write the domain as a text",
	"Right":              "belongs to Entra Connect's rules; use Mid, Word or Replace",
	"Trim":               "belongs to Entra Connect's rules; use Replace with a regular expression",
	"LTrim":              "belongs to Entra Connect's rules; use Replace with a regular expression",
	"RTrim":              "belongs to Entra Connect's rules; use Replace with a regular expression",
	"LCase":              "belongs to Entra Connect's rules; use ToLower",
	"UCase":              "belongs to Entra Connect's rules; use ToUpper",
	"Len":                "belongs to Entra Connect's rules and has no counterpart here",
	"Contains":           "belongs to Entra Connect's rules; use InStr",
	"SplitUserName":      "is no documented function; use Word or Replace",
}

const (
	binaryCompare = "vbBinaryCompare"
	textCompare   = "vbTextCompare"
)
