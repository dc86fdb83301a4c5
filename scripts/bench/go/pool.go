package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

var (
	ErrFull      = errors.New("the queue is full")
	ErrStopped   = errors.New("the pool has stopped")
	ErrNoHandler = errors.New("no handler for this type of request")
)

// Handler does what one type of request asks for. It should end when ctx is done: nothing can make it.
type Handler[I, O any] func(ctx context.Context, payload I) (O, error)

type Result[O any] struct {
	Value O
	Err   error
}

// Request is one piece of work. Every accepted request is answered once, on Result, which must have room for the
// answer: a worker that had to wait for the caller could serve nobody else.
type Request[I, O any] struct {
	Type    string
	Payload I
	Timeout time.Duration // of one attempt; 0: none
	Retries int           // how often it is tried again, at once
	Result  chan Result[O]
}

type Options struct {
	MinWorkers, MaxWorkers int
	Capacity               int
	Threshold              int           // of waiting requests, above which a worker is added
	Tick                   time.Duration // between two decisions of the scaler
	Metrics                bool
}

// Metrics counts what was accepted and how it ended.
type Metrics struct {
	Accepted, Refused, Succeeded, Failed, TimedOut, Retried atomic.Int64
}

// Dispatcher hands requests to its workers through one bounded channel.
type Dispatcher[I, O any] struct {
	options  Options
	handlers map[string]Handler[I, O] // written before Start, only read after it: no lock
	requests chan Request[I, O]
	metrics  *Metrics // nil when nobody asked for it

	mu      sync.RWMutex // held by those who send to requests, so that nobody sends to a closed channel
	stopped bool

	workers    sync.WaitGroup
	scaler     sync.WaitGroup
	stopScaler chan struct{}
}

func NewDispatcher[I, O any](options Options) *Dispatcher[I, O] {
	d := &Dispatcher[I, O]{
		options:    options,
		handlers:   make(map[string]Handler[I, O]),
		requests:   make(chan Request[I, O], options.Capacity),
		stopScaler: make(chan struct{}),
	}
	if options.Metrics {
		d.metrics = new(Metrics)
	}
	return d
}

// Handle sets the handler for a type of request. Not after Start.
func (d *Dispatcher[I, O]) Handle(kind string, handler Handler[I, O]) {
	d.handlers[kind] = handler
}

// Start starts the least number of workers and, if there may be more, the scaler.
func (d *Dispatcher[I, O]) Start() {
	d.workers.Add(d.options.MinWorkers)
	for i := 0; i < d.options.MinWorkers; i++ {
		go d.work()
	}
	if d.options.MaxWorkers > d.options.MinWorkers {
		d.scaler.Add(1)
		go d.scale()
	}
}

// Offer hands a request over, and never waits: a full queue refuses.
func (d *Dispatcher[I, O]) Offer(request Request[I, O]) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.stopped {
		return ErrStopped
	}
	select {
	case d.requests <- request:
		if d.metrics != nil {
			d.metrics.Accepted.Add(1)
		}
		return nil
	default:
		if d.metrics != nil {
			d.metrics.Refused.Add(1)
		}
		return ErrFull
	}
}

// Stop refuses new requests and waits until those it has accepted are served, at most until ctx is done. Then it
// answers what still waits with ErrStopped; a worker that is busy then ends with the request that it serves.
func (d *Dispatcher[I, O]) Stop(ctx context.Context) error {
	d.mu.Lock()
	if d.stopped {
		d.mu.Unlock()
		return ErrStopped
	}
	d.stopped = true
	close(d.requests)
	d.mu.Unlock()

	// The scaler ends first: it must not add to the workers that are waited for.
	close(d.stopScaler)
	d.scaler.Wait()
	done := make(chan struct{})
	go func() {
		d.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for request := range d.requests {
			d.answer(request, Result[O]{Err: ErrStopped})
		}
		return ctx.Err()
	}
}
