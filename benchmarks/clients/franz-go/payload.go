package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

// payload is what `measure::Payload` is for the clients in Rust.
type payload struct {
	entries            []byte
	keySize, valueSize int
}

func newPayload(p plan) *payload {
	if p.json == "" {
		return &payload{valueSize: p.valueSize}
	}
	entries, err := os.ReadFile(p.json)
	must(err)
	if len(entries) == 0 || len(entries)%(16+p.valueSize) != 0 {
		must(fmt.Errorf("another file was expected"))
	}
	return &payload{entries: entries, keySize: 16, valueSize: p.valueSize}
}

// record makes the key and the value of a record. The client keeps them until it is acknowledged.
func (p *payload) record(number uint64) ([]byte, []byte) {
	value := make([]byte, p.valueSize)
	if p.keySize == 0 {
		binary.BigEndian.PutUint64(value, number)
		return nil, value
	}
	size := p.keySize + p.valueSize
	from := int(number%uint64(len(p.entries)/size)) * size
	key := make([]byte, p.keySize)
	copy(key, p.entries[from:])
	copy(value, p.entries[from+p.keySize:])
	for place := range 16 {
		value[11+place] = "0123456789abcdef"[number>>(60-4*place)&15]
	}
	return key, value
}
