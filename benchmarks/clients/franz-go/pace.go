package main

import (
	"math"
	"slices"
	"sync"
	"time"
)

// pace is what `measure::Pace` is for the clients in Rust.
type pace struct {
	began              time.Time
	rate, burst, every uint64
	number             uint64
	lateSince          time.Time
}

const timed = 20_000

func newPace(rate uint64) *pace {
	return &pace{
		began: time.Now(),
		rate:  rate,
		burst: max(rate/1000, 1),
		every: max((rate+timed-1)/timed, 1),
	}
}

// wait waits until the next record is due. It returns from when on its time counts, or zero if it is not timed.
func (p *pace) wait() time.Time {
	number := p.number
	p.number++
	if number%p.burst == 0 {
		due := p.began.Add(time.Duration(float64(number) / float64(p.rate) * 1e9))
		p.lateSince = time.Time{}
		if ahead := time.Until(due); ahead > 0 {
			time.Sleep(ahead)
		} else {
			p.lateSince = due
		}
	}
	if number%p.every != 0 {
		return time.Time{}
	}
	if p.lateSince.IsZero() {
		return time.Now()
	}
	return p.lateSince
}

// latency is how long records took, in microseconds.
type latency struct {
	Timed int     `json:"timed"`
	P50   float64 `json:"p50_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
}

type times struct {
	lock sync.Mutex
	all  []time.Duration
}

func (t *times) took(since time.Time) {
	took := time.Since(since)
	t.lock.Lock()
	t.all = append(t.all, took)
	t.lock.Unlock()
}

func (t *times) latency() *latency {
	slices.Sort(t.all)
	at := func(share float64) float64 {
		if len(t.all) == 0 {
			return math.MaxFloat64
		}
		place := min(int(float64(len(t.all))*share), len(t.all)-1)
		return float64(t.all[place].Nanoseconds()) / 1e3
	}
	return &latency{len(t.all), at(0.5), at(0.99), at(0.999), at(1)}
}
