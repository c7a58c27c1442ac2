package main

import (
	"encoding/binary"
	"net"
	"sync"
)

// losses close a connection where the answer to a request was to be sent: the request has been
// carried out, and its sender does not learn about it.
type losses struct {
	lock   sync.Mutex
	wanted map[int16]int
}

func (l *losses) want(api int16, count int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.wanted[api] += count
}

func (l *losses) left(api int16) int {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.wanted[api]
}

func (l *losses) clear() {
	l.lock.Lock()
	defer l.lock.Unlock()
	clear(l.wanted)
}

func (l *losses) take(api int16) bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.wanted[api] == 0 {
		return false
	}
	l.wanted[api]--
	return true
}

func (l *losses) listen(network, address string) (net.Listener, error) {
	inner, err := net.Listen(network, address)
	return &listener{inner, l}, err
}

type listener struct {
	net.Listener
	losses *losses
}

func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: inner, losses: l.losses}, nil
}

// A conn looks at the kinds of the requests that pass, and ends at the first answer after one that is
// to be lost.
type conn struct {
	net.Conn
	losses *losses

	// The begin of the next request: its length, and its kind.
	head [6]byte
	have int
	// What is left of the present one.
	skip int

	lock sync.Mutex
	ends bool
}

func (c *conn) Read(into []byte) (int, error) {
	count, err := c.Conn.Read(into)
	for rest := into[:max(count, 0)]; len(rest) > 0; {
		if c.skip > 0 {
			step := min(c.skip, len(rest))
			c.skip, rest = c.skip-step, rest[step:]
			continue
		}
		step := copy(c.head[c.have:], rest)
		c.have, rest = c.have+step, rest[step:]
		if c.have == len(c.head) {
			c.have = 0
			c.skip = int(binary.BigEndian.Uint32(c.head[:])) - 2
			if c.losses.take(int16(binary.BigEndian.Uint16(c.head[4:]))) {
				c.lock.Lock()
				c.ends = true
				c.lock.Unlock()
			}
		}
	}
	return count, err
}

func (c *conn) Write(from []byte) (int, error) {
	c.lock.Lock()
	ends := c.ends
	c.lock.Unlock()
	if ends {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return c.Conn.Write(from)
}
