package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a key pair in two files, read again when they change. It is safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   string // of the files when they were last tried
	checked time.Time
}

// newCertificate reads a key pair for the first time.
func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s and its key %s: %w", certFile, keyFile, err)
	}
	c.loaded, c.stamp = &pair, c.filesStamp()
	return c, nil
}

// certificateCheck is how often a handshake looks at the files.
const certificateCheck = time.Second

// forHandshake returns the present certificate. A pair that cannot be read, such as one that is half replaced, leaves the old one in
// use; that is logged once.
func (c *certificate) forHandshake(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= certificateCheck {
		c.checked = now
		if stamp := c.filesStamp(); stamp != c.stamp {
			c.stamp = stamp
			pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
			if err != nil {
				c.log.Error("the changed certificate cannot be used; the old one stays", logError, err)
			} else {
				c.loaded = &pair
				c.log.Info("certificate read again")
			}
		}
	}
	return c.loaded, nil
}

// filesStamp changes when either file does.
func (c *certificate) filesStamp() string {
	stamp := ""
	for _, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			stamp += fmt.Sprintf("%d %d ", info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamp
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.forHandshake}
}
