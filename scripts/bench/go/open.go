package main

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// openRun offers requests at a rate that does not depend on whether they are served, each from a caller of its own.
type openRun struct {
	Case
	pool    *pool
	n       int
	asked   []time.Time // by input: written before the request is offered, read by those who serve it
	callers sync.WaitGroup

	refused, late atomic.Int64

	mu       sync.Mutex      // of what follows
	took     []time.Duration // of those that were answered, in time
	waits    []time.Duration // of those that were started
	wasted   time.Duration
	bodies   int
	mostOnce int
}

func newOpenRun(c Case) *openRun {
	n := int(math.Round(c.Rate * c.Seconds))
	return &openRun{Case: c, n: n, asked: make([]time.Time, n)}
}

// run offers everything and waits until every caller has its answer or has given up.
func (r *openRun) run() Measurement {
	meter := startMeter()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	begun := time.Now()
	for input := 0; input < r.n; <-ticker.C {
		// By the clock: a tick that comes late, or not at all, is caught up with.
		for due := int(r.Rate * time.Since(begun).Seconds()); input < due && input < r.n; input++ {
			r.callers.Add(1)
			go r.call(input)
		}
	}
	r.callers.Wait()
	m := meter.end(r.n)
	r.settle()
	// Of those that were answered in time, until the last caller has gone.
	m["rate"] *= float64(len(r.took)) / float64(r.n)
	m["refused"] = float64(r.refused.Load())
	m["late"] = float64(r.late.Load())
	m["maxBodies"] = float64(r.mostOnce)
	return m
}

// call is one caller, which gives up when its patience has an end.
func (r *openRun) call(input int) {
	defer r.callers.Done()
	asked := time.Now()
	r.asked[input] = asked
	result := make(chan Result[int], 1)
	if r.pool.Offer(r.request(input, result)) != nil {
		r.refused.Add(1)
		return
	}
	var givesUp <-chan time.Time
	if r.Load.PatienceMillis > 0 {
		timer := time.NewTimer(millis(r.Load.PatienceMillis))
		defer timer.Stop()
		givesUp = timer.C
	}
	select {
	case answer := <-result:
		if answer.Err != nil {
			r.late.Add(1)
			return
		}
		if answer.Value != input {
			panic("the answer to another request")
		}
	case <-givesUp:
		r.late.Add(1)
		return
	}
	took := time.Since(asked)
	r.mu.Lock()
	r.took = append(r.took, took)
	r.mu.Unlock()
}

// enter and leave are called by each task body as it starts and ends.
func (r *openRun) enter(input int) (started time.Time) {
	started = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waits = append(r.waits, started.Sub(r.asked[input]))
	r.bodies++
	if r.bodies > r.mostOnce {
		r.mostOnce = r.bodies
	}
	return started
}

func (r *openRun) leave(wasted time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies--
	r.wasted += wasted
}

// settle ends the pool, and then waits for the bodies that its timeouts have left behind: nobody writes any more.
func (r *openRun) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.pool.Stop(ctx); err != nil {
		panic(err)
	}
	for left := 1; left > 0; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		left = r.bodies
		r.mu.Unlock()
	}
}
