// Package driver has the calls of ClickHouse's package of this name that Jaeger makes.
package driver

import "context"

type Conn interface {
	Ping(context.Context) error
	Exec(ctx context.Context, query string, args ...any) error
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	PrepareBatch(ctx context.Context, query string) (Batch, error)
	Close() error
}

type Rows interface {
	Next() bool
	Scan(dest ...any) error
	ScanStruct(dest any) error
	Close() error
}

type Batch interface {
	Append(values ...any) error
	Send() error
	Close() error
}
