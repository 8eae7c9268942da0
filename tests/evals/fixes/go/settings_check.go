package settings

import (
	"errors"
	"testing"
)

func TestSettings(t *testing.T) {
	found, err := Parse("# server\nhost = moon\n\nport= 80\ndebug = Yes\nbad = x1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := found.Address(); err != nil || got != "moon:80" {
		t.Errorf("Address() = %q, %v", got, err)
	}
	if !found.Bool("debug") || found.Bool("port") {
		t.Error("Bool is wrong")
	}
	if _, err := found.Int("nothing"); !errors.Is(err, ErrMissing) {
		t.Errorf("Int of a missing key: %v", err)
	}
	if _, err := found.Int("bad"); err == nil {
		t.Error("Int of a word has no error")
	}
	if _, err := Parse("port"); err == nil || err.Error() != "line 1: no value" {
		t.Errorf("Parse without a value: %v", err)
	}
}
