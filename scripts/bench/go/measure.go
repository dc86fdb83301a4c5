package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Measurement is what the process prints: see load.ts.
type Measurement map[string]float64

// Meter measures the time and the processor time from its start to its end.
type Meter struct {
	started time.Time
	cpu     time.Duration
}

func startMeter() Meter {
	cpu, _ := usage()
	return Meter{time.Now(), cpu}
}

// end ends the measured part, in which there were n requests.
func (m Meter) end(n int) Measurement {
	elapsed := time.Since(m.started)
	cpu, peak := usage()
	return Measurement{
		"n":             float64(n),
		"rate":          float64(n) / elapsed.Seconds(),
		"cpuMicros":     float64((cpu - m.cpu).Microseconds()) / math.Max(1, float64(n)),
		"peakMegabytes": peak,
	}
}

// usage is the user and system time of this process, and the most memory that it has had, in megabytes.
func usage() (cpu time.Duration, peak float64) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), peakMegabytes(r)
}

// peakMegabytes is the kernel's own figure where it tells one: Maxrss begins with what the parent had that started this process.
func peakMegabytes(r syscall.Rusage) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			var kilobytes float64
			if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); err == nil {
				return kilobytes / 1024
			}
		}
	}
	return float64(r.Maxrss) / 1024
}

// inUse is the memory that the heap and the stacks occupy when all garbage has gone.
func inUse() float64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapInuse + stats.StackInuse)
}

// quantileMillis is the time below which a share of all times lies, in milliseconds. It sorts them; 0 of none.
func quantileMillis(times []time.Duration, share float64) float64 {
	if len(times) == 0 {
		return 0
	}
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	at := int(share * float64(len(times)))
	if at >= len(times) {
		at = len(times) - 1
	}
	return float64(times[at]) / float64(time.Millisecond)
}
