// The pool of the article in Go, as a peer in the benchmark: measures one case, which it is told as JSON, in this
// process, and prints one line of JSON. See ../load.ts and ../cases.ts for the words of both.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Load and Case are those of load.ts and cases.ts; encoding/json matches the names whatever their case. What is absent
// is 0.
type Load struct {
	Task           string
	Concurrency    int
	Capacity       int
	TimeoutMillis  float64
	PatienceMillis float64
	Retries        bool
	Metrics        bool
	Signals        bool
}

type Case struct {
	Load        Load
	Through     string
	Kind        string
	N           int
	Outstanding int
	Seconds     float64
	Rate        float64
}

// retries is how often a request is tried again when the load says that it is.
const retries = 3

func (c Case) retries() int {
	if c.Load.Retries {
		return retries
	}
	return 0
}

func millis(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond))
}

// measure measures a case, or says what the pool lacks for it.
func measure(c Case) (measurement Measurement, lacks string) {
	switch c.Kind {
	case "closed":
		if c.Load.Task == "immediate" {
			return nil, "threads of its own: no event loop that turns"
		}
		if taskOf(c) == nil {
			return nil, "a task named " + c.Load.Task
		}
		switch c.Through {
		case "callers":
			return callers(c), ""
		case "stream":
			return stream(c), ""
		}
	case "waiting":
		switch c.Through {
		case "callers":
			return waitingCallers(c), ""
		case "tickets":
			return waitingTickets(c), ""
		}
	case "overload":
		return overload(c), ""
	case "offered":
		return offered(c), ""
	case "lateness":
		return nil, "threads of its own: no event loop to hold up"
	}
	return nil, "a case of kind " + c.Kind + " through " + c.Through
}

func main() {
	var told struct{ Case Case }
	if len(os.Args) != 2 {
		fail("one argument is needed: the JSON of {\"case\": ...}")
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &told); err != nil {
		fail(err.Error())
	}
	measurement, lacks := measure(told.Case)
	var printed any = measurement
	if lacks != "" {
		printed = map[string]string{"lacks": lacks}
	}
	line, err := json.Marshal(printed)
	if err != nil {
		fail(err.Error())
	}
	fmt.Println(string(line))
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "articlepool:", why)
	os.Exit(1)
}
