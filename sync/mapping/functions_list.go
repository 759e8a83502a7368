package mapping

import "strings"

// callJoin joins texts and the elements of lists, leaving out those that are null or empty. Null only if all are null.
func callJoin(e env, args []node) (value, error) {
	separator, _, err := text(e, args[0])
	if err != nil {
		return value{}, err
	}
	var joined strings.Builder
	found := false
	for _, arg := range args[1:] {
		v, err := arg.eval(e)
		if err != nil {
			return value{}, err
		}
		found = found || !v.isNull()
		if !v.multiple() {
			err = joinOne(&joined, separator, v.String())
		}
		for i := 0; i < len(v.list) && err == nil; i++ {
			err = joinOne(&joined, separator, v.list[i])
		}
		if err != nil {
			return value{}, err
		}
	}
	if !found {
		return value{}, nil
	}
	return textValue(joined.String()), nil
}

func joinOne(b *strings.Builder, separator, s string) error {
	if s == "" {
		return nil
	}
	if b.Len() > 0 {
		b.WriteString(separator)
	}
	if b.Len()+len(s) > maxText {
		return failf("the result is longer than %d bytes", maxText)
	}
	b.WriteString(s)
	return nil
}

// callSplit makes a list of what stands between the delimiters. White space around an element is taken away, as in Microsoft's example.
func callSplit(e env, args []node) (value, error) {
	source, ok, err := text(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	delimiter, _, err := text(e, args[1])
	switch {
	case err != nil:
		return value{}, err
	case delimiter == "":
		return value{}, failf("the delimiter is empty")
	}
	list := strings.Split(source, delimiter)
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return listValue(list), nil
}

func checkSplit(c *checker, t *tree) { notBlank(c, t.args[1], "the delimiter") }

// notBlank refuses a text that is written empty.
func notBlank(c *checker, t *tree, what string) {
	if t.kind == treeText && t.text == "" {
		c.fault(t.at, "%s is empty", what)
	}
}

func callCount(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	return numberValue(int64(len(v.elements()))), err
}

// callItem takes an element of a list, from 1; null where the list ends before it.
func callItem(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	if err != nil {
		return value{}, err
	}
	index, ok, err := number(e, args[1])
	elements := v.elements()
	switch {
	case err != nil || !ok:
		return value{}, err
	case index < 1:
		return value{}, failf("the index is 1 or more")
	case index > int64(len(elements)):
		return value{}, nil
	}
	return textValue(elements[index-1]), nil
}

func checkItem(c *checker, t *tree) { atLeast(c, t.args[1], 1, "the index") }

// callRemoveDuplicates keeps the first of elements that are the same, letter by letter.
func callRemoveDuplicates(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	if err != nil || v.isNull() {
		return value{}, err
	}
	seen := make(map[string]bool)
	unique := []string{}
	for _, element := range v.elements() {
		if !seen[element] {
			seen[element] = true
			unique = append(unique, element)
		}
	}
	return listValue(unique), nil
}
