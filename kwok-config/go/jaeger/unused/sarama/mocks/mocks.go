// Package mocks is empty. Only tests of Jaeger import it, and `go mod tidy` looks for their imports too.
package mocks
