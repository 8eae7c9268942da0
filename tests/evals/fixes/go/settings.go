package settings

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrMissing says that a key is not set.
var ErrMissing = errors.New("missing")

// Settings are read from lines such as `port = 8080`.
type Settings map[string]string

// Parse reads lines; empty ones and comments are passed over.
func Parse(text string) (Settings, error) {
	found := Settings{}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("line %d: no value", number+1)
		}
		found[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return found, nil
}

// Int gives a number.
func (s Settings) Int(key string) (int, error) {
	text, ok := s[key]
	if !ok {
		return 0, ErrMissing
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	return value, nil
}

// Bool says whether a key is switched on.
func (s Settings) Bool(key string) bool {
	switch strings.ToLower(s[key]) {
	case "on", "yes", "true":
		return true
	}
	return false
}

// Address joins host and port.
func (s Settings) Address() (string, error) {
	port, err := s.Int("port")
	if err != nil {
		return "", err
	}
	return s["host"] + ":" + strconv.Itoa(port), nil
}
