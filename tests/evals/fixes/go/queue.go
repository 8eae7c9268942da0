package queue

import (
	"fmt"
	"sync"
	"time"
)

// Job is something to be done at a time.
type Job struct {
	Name string
	At   time.Time
	Cost int
}

// Queue holds jobs; it may be used from several goroutines.
type Queue struct {
	mu   sync.Mutex
	jobs []Job
}

// Push adds a job.
func (q *Queue) Push(name string, at time.Time, cost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, Job{name, at, cost})
}

// Len says how many jobs wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs)
}

// Fill pushes several jobs of one cost, a minute apart.
func (q *Queue) Fill(names []string, start time.Time, cost int) {
	for i, name := range names {
		q.Push(name, start.Add(time.Duration(i)*time.Minute), cost)
	}
}

// Due takes out the jobs whose time has come.
func (q *Queue) Due(now time.Time) []Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	var due, later []Job
	for _, job := range q.jobs {
		if job.At.After(now) {
			later = append(later, job)
		} else {
			due = append(due, job)
		}
	}
	q.jobs = later
	return due
}

// Describe is one line for a log.
func Describe(job Job) string {
	return fmt.Sprintf("%s at %s costs %d", job.Name, job.At.Format("15:04"), job.Cost)
}
