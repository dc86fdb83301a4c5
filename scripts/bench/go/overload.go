package main

import (
	"context"
	"time"
)

// The task of the overload: 50 ms of work, and one in twenty hangs for longer than any attempt may take.
const (
	workTakes = 50 * time.Millisecond
	hangTakes = 2 * time.Second
	hangsOne  = 20
)

// bestGoodput is what 64 slots could deliver at most: each request takes 57.5 ms of one, and 95 % of them succeed.
const bestGoodput = 0.95 * 64 / 0.0575

// overload offers more than can be served, to a queue that refuses when it is full.
func overload(c Case) Measurement {
	r := newOpenRun(c)
	r.pool = openFixed(c, c.Load.Capacity, r.work)
	m := r.run()
	m["goodput"] = m["rate"]
	m["share"] = m["goodput"] / bestGoodput
	m["p99WaitMillis"] = quantileMillis(r.waits, 0.99)
	m["wastedSeconds"] = r.wasted.Seconds()
	return m
}

func (r *openRun) work(ctx context.Context, input int) (int, error) {
	started := r.enter(input)
	takes := workTakes
	if input%hangsOne == 0 {
		takes = hangTakes
	}
	var err error
	if r.Load.Signals {
		timer := time.NewTimer(takes)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			err = ctx.Err()
		}
	} else {
		time.Sleep(takes)
	}
	r.leave(r.wastedSince(ctx, input, started))
	return input, err
}

// wastedSince is how long a body that started then, and ends now, has run for nobody: after its attempt had timed out
// or its caller had given up, whichever came first.
func (r *openRun) wastedSince(ctx context.Context, input int, started time.Time) time.Duration {
	from := r.asked[input].Add(millis(r.Load.PatienceMillis))
	if deadline, limited := ctx.Deadline(); limited && deadline.Before(from) {
		from = deadline
	}
	if from.Before(started) {
		from = started
	}
	if wasted := time.Since(from); wasted > 0 {
		return wasted
	}
	return 0
}

// The article's settings: they belong to its pool, whatever the case says of others. It looks at its queue each
// microsecond; here it does so each millisecond, like the pool that it is compared with. Its attempts have 10 ms, and three more follow one that fails.
const (
	articleMinWorkers    = 1
	articleMaxWorkers    = 64
	articleCapacity      = 10_000
	articleThreshold     = 10
	articleTick          = time.Millisecond
	articleTimeoutMillis = 10
	articleSleep         = time.Millisecond
)

// offered is the article's own load.
func offered(c Case) Measurement {
	c.Load.TimeoutMillis = articleTimeoutMillis
	c.Load.Retries = true
	r := newOpenRun(c)
	r.pool = NewDispatcher[int, int](Options{
		MinWorkers: articleMinWorkers,
		MaxWorkers: articleMaxWorkers,
		Capacity:   articleCapacity,
		Threshold:  articleThreshold,
		Tick:       articleTick,
		Metrics:    c.Load.Metrics,
	})
	task := sleep(articleSleep)
	r.pool.Handle(kind, func(ctx context.Context, input int) (int, error) {
		r.enter(input)
		defer r.leave(0)
		return task(ctx, input)
	})
	r.pool.Start()
	m := r.run()
	m["p50Millis"] = quantileMillis(r.took, 0.5)
	m["p99Millis"] = quantileMillis(r.took, 0.99)
	return m
}
