// Package store keeps readings.
package store

import (
	"context"
	"fmt"

	"example.com/weather/internal/units"
	log "example.com/weather/logging"
	_ "example.com/weather/drivers"
)

// MaxBatch is how many readings are sent at once.
const MaxBatch = 100

const (
	modeFast = iota
	modeSafe
)

var ErrClosed = fmt.Errorf("closed")

// Reading is one measurement.
type Reading struct {
	units.Base
	Station string `json:"station"`
	Value   float64
}

// Sender takes readings.
type Sender interface {
	Send(ctx context.Context, readings []Reading) error
	Close() error
}

type Handler func(Reading) error

// Client sends readings to a server.
type Client[T any] struct {
	*Reading
	sender  Sender
	pending []Reading
}

// NewClient makes a client.
func NewClient[T any](sender Sender) *Client[T] {
	helper := func() int { return 1 }
	_ = helper()
	return &Client[T]{sender: sender}
}

// Add queues a reading and sends a full batch.
func (c *Client[T]) Add(ctx context.Context, reading Reading) error {
	c.pending = append(c.pending, reading)
	if len(c.pending) < MaxBatch {
		return nil
	}
	batch := c.pending
	log.Debug("sending", len(batch))
	return c.sender.Send(ctx, batch)
}
