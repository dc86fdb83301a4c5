package main

import (
	"context"
	"errors"
	"time"
)

// work is a worker of those that are always there: nobody takes it away, so it listens to requests alone.
func (d *Dispatcher[I, O]) work() {
	defer d.workers.Done()
	for request := range d.requests {
		d.serve(request)
	}
}

// workUntil is a worker that the scaler has added, until the scaler takes it away.
func (d *Dispatcher[I, O]) workUntil(quit <-chan struct{}) {
	defer d.workers.Done()
	for {
		select {
		case <-quit:
			return
		case request, open := <-d.requests:
			if !open {
				return
			}
			d.serve(request)
		}
	}
}

// scale adds a worker when more requests wait than the threshold, and takes one away when fewer wait than three
// quarters of it, one each tick. The extra workers are its own: no other goroutine adds or ends them.
func (d *Dispatcher[I, O]) scale() {
	defer d.scaler.Done()
	ticker := time.NewTicker(d.options.Tick)
	defer ticker.Stop()
	var extra []chan struct{}
	for {
		select {
		case <-d.stopScaler:
			return
		case <-ticker.C:
		}
		waiting := len(d.requests)
		workers := d.options.MinWorkers + len(extra)
		switch {
		case waiting > d.options.Threshold && workers < d.options.MaxWorkers:
			quit := make(chan struct{})
			extra = append(extra, quit)
			d.workers.Add(1)
			go d.workUntil(quit)
		case float64(waiting) < 0.75*float64(d.options.Threshold) && len(extra) > 0:
			last := len(extra) - 1
			close(extra[last])
			extra = extra[:last]
		}
	}
}

// serve tries a request until it succeeds or has no retry left, and answers it.
func (d *Dispatcher[I, O]) serve(request Request[I, O]) {
	handler, known := d.handlers[request.Type]
	if !known {
		d.answer(request, Result[O]{Err: ErrNoHandler})
		return
	}
	for retries := request.Retries; ; retries-- {
		result := attempt(handler, request.Payload, request.Timeout)
		if result.Err == nil || retries <= 0 {
			d.answer(request, result)
			return
		}
		if d.metrics != nil {
			d.metrics.Retried.Add(1)
		}
	}
}

// attempt runs the handler once. With a timeout it runs in a goroutine of its own, and goes on there when its time is
// up and it does not listen to ctx; done has room for what nobody waits for any more, so that the goroutine can end.
func attempt[I, O any](handler Handler[I, O], payload I, timeout time.Duration) Result[O] {
	if timeout <= 0 {
		value, err := handler(context.Background(), payload)
		return Result[O]{value, err}
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	done := make(chan Result[O], 1)
	go func() {
		value, err := handler(ctx, payload)
		done <- Result[O]{value, err}
	}()
	select {
	case result := <-done:
		return result
	case <-ctx.Done():
		return Result[O]{Err: ctx.Err()}
	}
}

func (d *Dispatcher[I, O]) answer(request Request[I, O], result Result[O]) {
	if d.metrics != nil {
		switch {
		case result.Err == nil:
			d.metrics.Succeeded.Add(1)
		case errors.Is(result.Err, context.DeadlineExceeded):
			d.metrics.TimedOut.Add(1)
		default:
			d.metrics.Failed.Add(1)
		}
	}
	request.Result <- result
}
