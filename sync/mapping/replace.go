package mapping

import (
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// Bounds of regular expressions, which .NET matches by backtracking.
const (
	maxPattern = 2_000 // characters
	maxInput   = 4_096 // characters
	maxMatch   = 100 * time.Millisecond
)

// The arguments of Replace after its source. Which of them are given decides what it does.
const (
	oldValue = 1 + iota
	regexPattern
	regexGroupName
	replacementValue
	replacementAttribute
	template
)

// buildReplace chooses the mode by the arguments that are given, and compiles the regular expression.
func buildReplace(c *checker, t *tree, args []node) node {
	given := 0
	for i := oldValue; i <= template; i++ {
		if args[i] != nil {
			given |= 1 << i
		}
	}
	r := replacing{source: args[0]}
	switch given {
	case 1<<oldValue | 1<<replacementValue:
		notBlank(c, t.args[oldValue], "the old value")
		return &replaceText{old: args[oldValue], in: args[0], by: args[replacementValue]}
	case 1<<oldValue | 1<<template:
		notBlank(c, t.args[oldValue], "the old value")
		return &replaceText{old: args[oldValue], in: args[template], by: args[0]}
	case 1<<regexPattern | 1<<replacementValue:
		r.pattern = compilePattern(c, t.args[regexPattern])
		r.by = args[replacementValue]
		if by, ok := r.by.(constant); ok && r.pattern != nil {
			r.pieces = readReplacement(value(by).String(), r.pattern)
		}
		return &replacePattern{r}
	case 1<<regexPattern | 1<<regexGroupName | 1<<replacementValue:
		r.group = r.compileGroup(c, t)
		r.by = args[replacementValue]
		return &replaceGroup{r}
	case 1<<regexPattern | 1<<regexGroupName | 1<<replacementAttribute:
		r.group = r.compileGroup(c, t)
		r.by = args[replacementAttribute]
		return &extractGroup{r}
	}
	c.fault(t.at, "Replace(source, [oldValue], [regexPattern], [regexGroupName], [replacementValue], [replacementAttributeName], [template]) needs one of: "+
		"oldValue and replacementValue; oldValue and template; regexPattern and replacementValue; "+
		"regexPattern, regexGroupName and replacementValue; regexPattern, regexGroupName and replacementAttributeName")
	return nil
}

// compilePattern compiles a regular expression with .NET's semantics.
func compilePattern(c *checker, t *tree) *regexp2.Regexp {
	switch {
	case t.kind != treeText:
		c.fault(t.at, "a regular expression is written as a text, so that it can be checked when the mapping is loaded")
		return nil
	case t.text == "" || len([]rune(t.text)) > maxPattern:
		c.fault(t.at, "a regular expression has 1 to %d characters", maxPattern)
		return nil
	}
	pattern, err := regexp2.Compile(t.text)
	if err != nil {
		c.fault(t.at, "the regular expression is wrong: %s", err)
		return nil
	}
	pattern.MatchTimeout = maxMatch
	return pattern
}

func (r *replacing) compileGroup(c *checker, t *tree) int {
	r.pattern = compilePattern(c, t.args[regexPattern])
	if r.pattern == nil {
		return 0
	}
	name := t.args[regexGroupName]
	group := r.pattern.GroupNumberFromName(name.text)
	if name.kind != treeText || group < 0 {
		c.fault(name.at, "the regular expression has no group of this name; a group is written (?<name>…)")
	}
	return group
}

// replaceText replaces every occurrence of one text in another, letter by letter.
type replaceText struct{ old, in, by node }

func (r *replaceText) eval(e env) (value, error) {
	var parts [3]string
	for i, n := range []node{r.in, r.old, r.by} {
		s, ok, err := text(e, n)
		if err != nil || !ok {
			return value{}, inFunction("Replace", err)
		}
		parts[i] = s
	}
	in, old, by := parts[0], parts[1], parts[2]
	if old == "" {
		return value{}, inFunction("Replace", failf("the old value is empty"))
	}
	if len(in)+strings.Count(in, old)*(len(by)-len(old)) > maxText {
		return value{}, inFunction("Replace", failf("the result is longer than %d bytes", maxText))
	}
	return textValue(strings.ReplaceAll(in, old, by)), nil
}

// replacing is what the modes with a regular expression share.
type replacing struct {
	source  node
	pattern *regexp2.Regexp
	group   int
	by      node
	pieces  []piece // of by, where it is constant
}

// replacePattern replaces every match; the replacement may name groups.
type replacePattern struct{ replacing }

func (r *replacePattern) eval(e env) (value, error) {
	s, ok, err := text(e, r.source)
	if err != nil || !ok {
		return value{}, inFunction("Replace", err)
	}
	pieces := r.pieces
	if pieces == nil {
		by, ok, err := text(e, r.by)
		if err != nil || !ok {
			return value{}, inFunction("Replace", err)
		}
		pieces = readReplacement(by, r.pattern)
	}
	return r.rewrite(s, 0, func(b *strings.Builder, input []rune, m regexp2.MatchView) {
		for _, p := range pieces {
			p.write(b, input, m)
		}
	})
}

// replaceGroup replaces what a group has matched, as it stands, and leaves the rest of each match.
type replaceGroup struct{ replacing }

func (r *replaceGroup) eval(e env) (value, error) {
	s, ok, err := text(e, r.source)
	if err != nil || !ok {
		return value{}, inFunction("Replace", err)
	}
	by, ok, err := text(e, r.by)
	if err != nil || !ok {
		return value{}, inFunction("Replace", err)
	}
	return r.rewrite(s, r.group, func(b *strings.Builder, _ []rune, _ regexp2.MatchView) { b.WriteString(by) })
}

// rewrite replaces what a group matched in each match, from left to right.
func (r *replacing) rewrite(s string, group int, write func(*strings.Builder, []rune, regexp2.MatchView)) (value, error) {
	input, err := patternInput(s)
	if err != nil {
		return value{}, err
	}
	var b strings.Builder
	done, changed := 0, false
	err = r.pattern.FindRunesMatches(input, -1, func(m regexp2.MatchView) bool {
		start, length, ok := m.GroupRange(group)
		if !ok || start < done {
			return true
		}
		changed = true
		b.WriteString(string(input[done:start]))
		write(&b, input, m)
		done = start + length
		return b.Len() <= maxText
	})
	switch {
	case err != nil:
		return value{}, tooLong(err)
	case !changed:
		return textValue(s), nil
	}
	b.WriteString(string(input[done:]))
	if b.Len() > maxText {
		return value{}, inFunction("Replace", failf("the result is longer than %d bytes", maxText))
	}
	return textValue(b.String()), nil
}

// extractGroup is the source or, where that is empty, what a group matches in another attribute.
type extractGroup struct{ replacing }

func (r *extractGroup) eval(e env) (value, error) {
	v, err := single(e, r.source)
	if err != nil || !v.empty() {
		return v, inFunction("Replace", err)
	}
	s, ok, err := text(e, r.by)
	if err != nil || !ok {
		return value{}, inFunction("Replace", err)
	}
	input, err := patternInput(s)
	if err != nil {
		return value{}, err
	}
	found := value{}
	err = r.pattern.FindRunesMatches(input, -1, func(m regexp2.MatchView) bool {
		if start, length, ok := m.GroupRange(r.group); ok {
			found = textValue(string(input[start : start+length]))
		}
		return false
	})
	if err != nil {
		return value{}, tooLong(err)
	}
	return found, nil
}

func patternInput(s string) ([]rune, error) {
	input := []rune(s)
	if len(input) > maxInput {
		return nil, inFunction("Replace", failf("the value has %d characters, and a regular expression is tried on %d at most", len(input), maxInput))
	}
	return input, nil
}

// tooLong says what the engine's errors mean; their own text may quote the value.
func tooLong(error) error {
	return inFunction("Replace", failf("the regular expression takes too long on this value; make it simpler"))
}
