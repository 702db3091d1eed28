// Package clickhouse takes the place of ClickHouse's client in the lab's Jaeger. It has the names that Jaeger uses, and connects to
// nothing.
package clickhouse

import (
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Protocol has the two values that Jaeger chooses from.
type Protocol int

const (
	Native Protocol = iota
	HTTP
)

// Auth has the fields that Jaeger sets.
type Auth struct {
	Database string
	Username string
	Password string
}

// Options has the fields that Jaeger sets.
type Options struct {
	Protocol    Protocol
	Addr        []string
	Auth        Auth
	DialTimeout time.Duration
}

// Open always fails.
func Open(*Options) (driver.Conn, error) {
	return nil, errors.New("this Jaeger was built without ClickHouse; use an official release")
}
