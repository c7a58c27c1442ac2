// franz-go, as an application would use it.
//
// It takes the arguments and prints the line that `measure` describes for the clients in Rust.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

type plan struct {
	mode, bootstrap, settings string
	topic, warmTopic          string
	partitions, valueSize     int
	records, warm, rate       uint64
	codec, json               string
}

type report struct {
	Records        uint64   `json:"records"`
	WallS          float64  `json:"wall_s"`
	FirstS         *float64 `json:"first_s"`
	CPUS           float64  `json:"cpu_s"`
	PeakRSSKiB     int64    `json:"peak_rss_kib"`
	Allocations    *uint64  `json:"allocations"`
	AllocatedBytes *uint64  `json:"allocated_bytes"`
	Failed         *uint64  `json:"failed"`
	Acknowledged   *uint64  `json:"acknowledged"`
	Latency        *latency `json:"latency"`
	Consumed       *order   `json:"consumed"`
}

// order is what a consumer saw: all of it, and in order?
type order struct {
	Count    uint64 `json:"count"`
	Bytes    uint64 `json:"bytes"`
	Sum      uint64 `json:"sum"`
	Digest   uint64 `json:"digest"`
	Disorder uint64 `json:"disorder"`
	Descents uint64 `json:"descents"`
	next     []int64
	least    []uint64
}

func (o *order) see(partition int32, offset int64, value []byte) {
	if o.next[partition] != offset {
		o.Disorder++
	}
	o.next[partition] = offset + 1
	number := ^uint64(0)
	if len(value) >= 8 {
		number = binary.BigEndian.Uint64(value)
	}
	if number < o.least[partition] {
		o.Descents++
	}
	o.least[partition] = number + 1
	o.Count++
	o.Bytes += uint64(len(value))
	o.Sum += number
	o.Digest += number * uint64(offset+1)
}

// meter measures from its start.
type meter struct {
	began  time.Time
	cpu    float64
	memory runtime.MemStats
	first  *float64
}

func startMeter() *meter {
	m := &meter{}
	runtime.ReadMemStats(&m.memory)
	m.cpu, _ = usage()
	m.began = time.Now()
	return m
}

func (m *meter) consumed() {
	if m.first == nil {
		first := time.Since(m.began).Seconds()
		m.first = &first
	}
}

func (m *meter) report(r report) {
	r.WallS = time.Since(m.began).Seconds()
	cpu, rss := usage()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	mallocs := memory.Mallocs - m.memory.Mallocs
	bytes := memory.TotalAlloc - m.memory.TotalAlloc
	r.CPUS, r.PeakRSSKiB, r.FirstS = cpu-m.cpu, rss, m.first
	r.Allocations, r.AllocatedBytes = &mallocs, &bytes
	line, err := json.Marshal(r)
	must(err)
	fmt.Println(string(line))
}

func usage() (float64, int64) {
	var u syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime), u.Maxrss
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	var p plan
	if len(os.Args) > 1 {
		p.mode = os.Args[1]
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	flag.StringVar(&p.bootstrap, "bootstrap", "", "")
	flag.StringVar(&p.settings, "settings", "defaults", "")
	flag.StringVar(&p.topic, "topic", "bench", "")
	flag.StringVar(&p.warmTopic, "warm-topic", "warm", "")
	flag.IntVar(&p.partitions, "partitions", 1, "")
	flag.IntVar(&p.valueSize, "value-size", 100, "")
	flag.Uint64Var(&p.records, "records", 0, "")
	flag.Uint64Var(&p.warm, "warm", 0, "")
	flag.Uint64Var(&p.rate, "rate", 0, "")
	flag.StringVar(&p.codec, "codec", "none", "")
	flag.StringVar(&p.json, "json", "", "")
	within := flag.Int("within", 120, "")
	flag.Parse()
	time.AfterFunc(time.Duration(*within)*time.Second, func() {
		fmt.Fprintln(os.Stderr, "stuck: not done after", *within, "s")
		os.Exit(3)
	})
	switch p.mode {
	case "produce":
		produce(p)
	case "consume":
		consume(p)
	default:
		must(fmt.Errorf("`produce` or `consume`?"))
	}
}
