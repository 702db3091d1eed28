// Package orderedmap has the calls of the package of this name that Prometheus makes, and keeps nothing.
package orderedmap

type Map[K comparable, V any] struct{}

type Pair[K comparable, V any] struct{}

func New[K comparable, V any]() *Map[K, V] { return &Map[K, V]{} }

func (*Map[K, V]) Set(K, V) {}

func (*Map[K, V]) First() *Pair[K, V] { return nil }

func (*Pair[K, V]) Next() *Pair[K, V] { return nil }

func (*Pair[K, V]) Key() (key K) { return }

func (*Pair[K, V]) Value() (value V) { return }
