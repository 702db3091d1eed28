// Package libopenapi is empty. Only tests of Prometheus import it, and `go mod tidy` looks for their imports too.
package libopenapi
