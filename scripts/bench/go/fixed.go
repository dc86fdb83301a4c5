package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// checkSum panics unless sum is that of all inputs below n, which are what the tasks answer with.
func checkSum(sum int64, n int) {
	if right := int64(n) * int64(n-1) / 2; sum != right {
		panic(fmt.Sprintf("the results add up to %d, not to %d", sum, right))
	}
}

// callersRun is a goroutine for each request. One that has its answer starts the next and ends: so no more than the
// first ones' number wait at a time, and no semaphore is needed that all of them would have to go through.
type callersRun struct {
	Case
	pool  *pool
	next  atomic.Int64
	lines sync.WaitGroup // of callers, each started by the one before
	sum   atomic.Int64   // of the results, and of the inputs of those that were late
	late  atomic.Int64   // timed out in every attempt
	took  []time.Duration
}

func (r *callersRun) call(input int) {
	result := make(chan Result[int], 1)
	var asked time.Time
	if r.took != nil {
		asked = time.Now()
	}
	mustOffer(r.pool, r.request(input, result))
	answer := <-result
	if r.took != nil {
		r.took[input] = time.Since(asked)
	}
	switch {
	case answer.Err == nil:
		r.sum.Add(int64(answer.Value))
	case errors.Is(answer.Err, context.DeadlineExceeded):
		r.late.Add(1)
		r.sum.Add(int64(input))
	default:
		panic(answer.Err)
	}
	if next := int(r.next.Add(1)) - 1; next < r.N {
		go r.call(next)
	} else {
		r.lines.Done()
	}
}

func callers(c Case) Measurement {
	r := &callersRun{Case: c, pool: openFixed(c, c.Outstanding, taskOf(c))}
	sleeps := c.Load.Task == "sleep"
	if sleeps {
		r.took = make([]time.Duration, c.N)
	}
	lines := c.Outstanding
	if lines > c.N {
		lines = c.N
	}
	r.next.Store(int64(lines))
	r.lines.Add(lines)
	meter := startMeter()
	for input := 0; input < lines; input++ {
		go r.call(input)
	}
	r.lines.Wait()
	m := meter.end(c.N)
	checkSum(r.sum.Load(), c.N)
	if c.Load.TimeoutMillis > 0 {
		m["late"] = float64(r.late.Load())
	}
	if sleeps {
		m["p50Millis"] = quantileMillis(r.took, 0.5)
		m["p99Millis"] = quantileMillis(r.took, 0.99)
		m["share"] = m["rate"] / (float64(c.Load.Concurrency) / sleepOfClosed.Seconds())
	}
	return m
}

// stream has one goroutine that asks and one that takes all results from one channel. The second gives the first leave
// to go on by the batch, because leave for one request at a time would cost another channel operation for each.
func stream(c Case) Measurement {
	p := openFixed(c, c.Outstanding, taskOf(c))
	results := make(chan Result[int], c.Outstanding)
	batch := c.Outstanding/8 + 1
	leave := make(chan int, c.Outstanding/batch+1)
	meter := startMeter()
	go func() {
		room := c.Outstanding
		for input := 0; input < c.N; input++ {
			if room == 0 {
				room = <-leave
			}
			room--
			mustOffer(p, c.request(input, results))
		}
	}()
	var sum int64
	for received := 1; received <= c.N; received++ {
		answer := <-results
		if answer.Err != nil {
			panic(answer.Err)
		}
		sum += int64(answer.Value)
		if received%batch == 0 {
			leave <- batch
		}
	}
	m := meter.end(c.N)
	checkSum(sum, c.N)
	return m
}

// waitingCallers is a goroutine for each request, blocked until its answer. What was in use before is measured before
// the pool is opened: the places in its channel are part of what waiting requests cost.
func waitingCallers(c Case) Measurement {
	before := inUse()
	p := openFixed(c, c.N, never)
	var asked sync.WaitGroup
	asked.Add(c.N)
	meter := startMeter()
	for input := 0; input < c.N; input++ {
		go func(input int) {
			result := make(chan Result[int], 1)
			mustOffer(p, c.request(input, result))
			asked.Done()
			<-result
		}(input)
	}
	asked.Wait()
	m := meter.end(c.N)
	// The last ones have asked, and have yet to block.
	time.Sleep(100 * time.Millisecond)
	m["bytesEach"] = (inUse() - before) / float64(c.N)
	runtime.KeepAlive(p)
	return m
}

// waitingTickets keeps the requests, with the channels that their answers would come through, and waits for none.
func waitingTickets(c Case) Measurement {
	before := inUse()
	p := openFixed(c, c.N, never)
	tickets := make([]Request[int, int], 0, c.N)
	meter := startMeter()
	for input := 0; input < c.N; input++ {
		ticket := c.request(input, make(chan Result[int], 1))
		mustOffer(p, ticket)
		tickets = append(tickets, ticket)
	}
	m := meter.end(c.N)
	m["bytesEach"] = (inUse() - before) / float64(c.N)
	runtime.KeepAlive(tickets)
	runtime.KeepAlive(p)
	return m
}
