// Package base has the types of the package of this name, with the fields that Prometheus sets.
package base

import (
	yaml "github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/orderedmap"
)

type Info struct {
	Title, Description, Version string
	Contact                     *Contact
}

type Contact struct{ Name, URL string }

type Tag struct{ Name, Summary, Description string }

type Example struct {
	Summary, Description string
	Value                *yaml.Node
}

type DynamicValue[A, B any] struct {
	N int
	A A
	B B
}

type SchemaProxy struct{}

func CreateSchemaProxy(*Schema) *SchemaProxy { return &SchemaProxy{} }

func CreateSchemaProxyRef(string) *SchemaProxy { return &SchemaProxy{} }

type Schema struct {
	Type, Required                               []string
	Title, Description, Format, ContentMediaType string
	Properties                                   *orderedmap.Map[string, *SchemaProxy]
	Items, AdditionalProperties                  *DynamicValue[*SchemaProxy, bool]
	OneOf, AnyOf                                 []*SchemaProxy
	ContentSchema                                *SchemaProxy
	MinItems, MaxItems                           *int64
	Minimum                                      *float64
	Enum                                         []*yaml.Node
	Default, Example                             *yaml.Node
}
