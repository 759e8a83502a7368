package idpsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// File is a population written by hand, as YAML or JSON.
type File struct {
	Groups []FileGroup  `yaml:"groups" json:"groups"`
	People []FilePerson `yaml:"people" json:"people"`
}

// FileGroup is a group of a File.
type FileGroup struct {
	Name     string   `yaml:"name" json:"name"`
	Assigned bool     `yaml:"assigned" json:"assigned"` // to the application
	Pushed   bool     `yaml:"pushed" json:"pushed"`     // Okta: has a group push mapping
	Hidden   bool     `yaml:"hidden" json:"hidden"`     // Entra: hidden membership
	Roles    []string `yaml:"roles" json:"roles"`       // of the assignment
	In       []string `yaml:"in" json:"in"`             // groups that this one is a member of, each further up in the file
}

// FilePerson is a person of a File. Attributes are those that ParseAttribute knows, without the user name.
type FilePerson struct {
	UserName    string            `yaml:"userName" json:"userName"`
	Attributes  map[string]string `yaml:"attributes" json:"attributes"`
	Assigned    bool              `yaml:"assigned" json:"assigned"` // to the application, by name
	Roles       []string          `yaml:"roles" json:"roles"`       // of the assignment
	Groups      []string          `yaml:"groups" json:"groups"`     // names
	Disabled    bool              `yaml:"disabled" json:"disabled"`
	SoftDeleted bool              `yaml:"softDeleted" json:"softDeleted"`
	Status      string            `yaml:"status" json:"status"`   // Okta's word for the state of the user
	Account     string            `yaml:"account" json:"account"` // id at the application, as Okta learns it from a push
}

// FileExample is a File as its help shows it.
const FileExample = `groups:
  - {name: Engineering, assigned: true}
  - {name: Everyone, pushed: true}
people:
  - userName: ada@acme.example
    attributes: {givenName: Ada, familyName: Berg, mobile: "+1 555 0100"}
    groups: [Engineering, Everyone]
  - userName: imre@acme.example
    assigned: true
    status: SUSPENDED
  - {userName: left@acme.example, disabled: true}
`

// Load adds the people and groups of a File to the population, strictly: its errors name line and column. They leave no trace in the
// audit log, as if they had been generated. After an error the population is of no use.
func (p *Population) Load(text []byte) error {
	file, err := decodeFile(text)
	if err != nil {
		return err
	}
	if len(file.People)+len(file.Groups) == 0 {
		return errors.New("it has neither people nor groups")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, g := range file.Groups {
		if err := p.play(g.steps()); err != nil {
			return place(text, fmt.Sprintf("$.groups[%d]", i), err)
		}
	}
	for i, x := range file.People {
		if err := p.play(x.steps()); err != nil {
			return place(text, fmt.Sprintf("$.people[%d]", i), err)
		}
	}
	p.current.log, p.current.events = nil, nil
	return nil
}

// decodeFile reads a file. JSON would be YAML too, but is read several times faster as what it is.
func decodeFile(text []byte) (file File, err error) {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		err = decodeYAML(text, &file)
		return file, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&file)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("there is more after the end")
	}
	if err != nil {
		return file, fmt.Errorf("%s: %w", position(text, err, d.InputOffset()), err)
	}
	return file, nil
}

// decodeYAML reads YAML strictly. The library panics at tags that contradict their values.
func decodeYAML(text []byte, into *File) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it is no YAML that can be read here: leave out tags, such as !name")
		}
	}()
	if err := yaml.UnmarshalWithOptions(text, into, yaml.Strict()); err != nil {
		return plainYAML(err)
	}
	return nil
}

// play carries out steps; the lock is held.
func (p *Population) play(steps []Step) error {
	for _, step := range steps {
		if err := p.do(step); err != nil {
			return err
		}
	}
	return nil
}

// plainYAML puts an error of the YAML library into one line that begins with the place.
func plainYAML(err error) error {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return err
	}
	where := at.GetToken().Position
	return fmt.Errorf("line %d, column %d: %s", where.Line, where.Column, at.GetMessage())
}

// place adds to an error where in the file it is.
func place(text []byte, path string, err error) error {
	at, failed := yaml.PathString(path)
	if failed != nil {
		return err
	}
	file, failed := parser.ParseBytes(text, 0)
	if failed != nil {
		return err
	}
	node, failed := at.FilterFile(file)
	if failed != nil || node.GetToken() == nil {
		return err
	}
	where := node.GetToken().Position
	return fmt.Errorf("line %d, %s: %w", where.Line, strings.TrimPrefix(path, "$."), err)
}

func (g FileGroup) steps() []Step {
	steps := []Step{{Do: "add-group", Group: g.Name}}
	if g.Assigned {
		steps = append(steps, Step{Do: "assign", Group: g.Name, Roles: g.Roles})
	}
	if g.Pushed {
		steps = append(steps, Step{Do: "push-group", Group: g.Name})
	}
	if g.Hidden {
		steps = append(steps, Step{Do: "hide", Group: g.Name})
	}
	for _, into := range g.In {
		steps = append(steps, Step{Do: "nest", Group: g.Name, Value: into})
	}
	return steps
}

func (x FilePerson) steps() []Step {
	attributes := map[string]string{UserName.String(): x.UserName}
	for name, text := range x.Attributes {
		attributes[name] = text
	}
	steps := []Step{{Do: "add-person", Attributes: attributes}}
	if x.Assigned {
		steps = append(steps, Step{Do: "assign", Who: x.UserName, Roles: x.Roles})
	}
	for _, group := range slices.Compact(slices.Sorted(slices.Values(x.Groups))) {
		steps = append(steps, Step{Do: "join", Who: x.UserName, Group: group})
	}
	if x.Account != "" {
		steps = append(steps, Step{Do: "external-id", Who: x.UserName, Value: x.Account})
	}
	if x.Status != "" {
		steps = append(steps, Step{Do: "status", Who: x.UserName, Value: x.Status})
	}
	if x.Disabled {
		steps = append(steps, Step{Do: "disable", Who: x.UserName})
	}
	if x.SoftDeleted {
		steps = append(steps, Step{Do: "soft-delete", Who: x.UserName})
	}
	return steps
}
