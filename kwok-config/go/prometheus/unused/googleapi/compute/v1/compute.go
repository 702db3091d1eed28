// Package compute is empty. Only a service discovery that is not compiled imports it, and `go mod tidy` looks for its imports too.
package compute
