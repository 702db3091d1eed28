// Package v3 takes the place of the OpenAPI library in the lab's Prometheus. It has the types of the package of this name, with the fields
// that Prometheus sets.
package v3

import (
	yaml "github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
)

type Document struct {
	Version    string
	Info       *base.Info
	Servers    []*Server
	Tags       []*base.Tag
	Paths      *Paths
	Components *Components
}

// Render returns a document without content.
func (*Document) Render() ([]byte, error) {
	return []byte("# This Prometheus was built without its OpenAPI document; use an official release.\n"), nil
}

type Server struct{ URL, Description string }

type Paths struct {
	PathItems *orderedmap.Map[string, *PathItem]
}

type PathItem struct{ Get, Put, Post, Delete, Options *Operation }

type Operation struct {
	OperationId, Summary, Description string
	Tags                              []string
	Parameters                        []*Parameter
	RequestBody                       *RequestBody
	Responses                         *Responses
}

type Parameter struct {
	Name, In, Description string
	Required, Explode     *bool
	Schema                *base.SchemaProxy
	Example               *yaml.Node
	Examples              *orderedmap.Map[string, *base.Example]
}

type RequestBody struct {
	Description string
	Required    *bool
	Content     *orderedmap.Map[string, *MediaType]
}

type Responses struct {
	Codes   *orderedmap.Map[string, *Response]
	Default *Response
}

type Response struct {
	Description string
	Content     *orderedmap.Map[string, *MediaType]
}

type MediaType struct {
	Schema, ItemSchema *base.SchemaProxy
	Example            *yaml.Node
	Examples           *orderedmap.Map[string, *base.Example]
}

type Components struct {
	Schemas *orderedmap.Map[string, *base.SchemaProxy]
}
