package main

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

var errFlaky = errors.New("fails on its first attempt")

func noop(_ context.Context, input int) (int, error) {
	return input, nil
}

func suspend(_ context.Context, input int) (int, error) {
	runtime.Gosched()
	return input, nil
}

func sleep(d time.Duration) Handler[int, int] {
	return func(_ context.Context, input int) (int, error) {
		time.Sleep(d)
		return input, nil
	}
}

// flaky fails on the first attempt of one input in ten, of those below n.
func flaky(n int) Handler[int, int] {
	failed := make([]atomic.Bool, n/10+1)
	return func(_ context.Context, input int) (int, error) {
		if input%10 == 0 && !failed[input/10].Swap(true) {
			return 0, errFlaky
		}
		return input, nil
	}
}

func never(_ context.Context, _ int) (int, error) {
	select {}
}

// sleepOfClosed is how long a task of a closed case sleeps.
const sleepOfClosed = 5 * time.Millisecond

// taskOf is the handler for a closed case, nil when there is none.
func taskOf(c Case) Handler[int, int] {
	switch c.Load.Task {
	case "noop":
		return noop
	case "suspend":
		return suspend
	case "sleep":
		return sleep(sleepOfClosed)
	case "flaky":
		return flaky(c.N)
	}
	return nil
}

type pool = Dispatcher[int, int]

// kind is the one type of request that a benchmark has.
const kind = "work"

// openFixed starts a pool with as many workers as the load says, always.
func openFixed(c Case, capacity int, task Handler[int, int]) *pool {
	p := NewDispatcher[int, int](Options{
		MinWorkers: c.Load.Concurrency,
		MaxWorkers: c.Load.Concurrency,
		Capacity:   capacity,
		Metrics:    c.Load.Metrics,
	})
	p.Handle(kind, task)
	p.Start()
	return p
}

func (c Case) request(input int, result chan Result[int]) Request[int, int] {
	return Request[int, int]{
		Type:    kind,
		Payload: input,
		Timeout: millis(c.Load.TimeoutMillis),
		Retries: c.retries(),
		Result:  result,
	}
}

func mustOffer(p *pool, request Request[int, int]) {
	if err := p.Offer(request); err != nil {
		panic(err)
	}
}
