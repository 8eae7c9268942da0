package queue

import (
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	var q Queue
	start := time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
	q.Fill([]string{"a", "b", "c"}, start, 4)
	if got := q.Len(); got != 3 {
		t.Fatalf("Len() = %d, want 3", got)
	}
	due := q.Due(start.Add(time.Minute))
	if len(due) != 2 || due[0].Name != "a" || q.Len() != 1 {
		t.Errorf("Due() = %v, %d left", due, q.Len())
	}
	if got := Describe(due[1]); got != "b at 09:01 costs 4" {
		t.Errorf("Describe() = %q", got)
	}
}
