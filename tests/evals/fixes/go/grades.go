package grades

import (
	"errors"
	"strings"
)

// ErrEmpty says that there is nothing to compute with.
var ErrEmpty = errors.New("no grades")

// Book holds the grades of pupils.
type Book struct {
	grades map[string][]int
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{grades: make(map[string][]int)}
}

// Add writes a grade down.
func (b *Book) Add(pupil string, grade int) {
	key := strings.ToLower(pupil)
	b.grades[key] = append(b.grades[key], grade)
}

// Mean is the average of a pupil's grades.
func (b *Book) Mean(pupil string) (float64, error) {
	grades := b.grades[strings.ToLower(pupil)]
	if len(grades) == 0 {
		return 0, ErrEmpty
	}
	sum := 0
	for _, grade := range grades {
		sum += grade
	}
	return float64(sum) / float64(len(grades)), nil
}

// Last gives the most recent grades, at most n.
func (b *Book) Last(pupil string, n int) []int {
	grades := b.grades[strings.ToLower(pupil)]
	if len(grades) <= n {
		return grades
	}
	return grades[len(grades)-n:]
}

// Passed says whether the mean is good enough; a pupil without grades has not passed.
func (b *Book) Passed(pupil string, least float64) bool {
	mean, err := b.Mean(pupil)
	if err != nil {
		return false
	}
	return mean >= least
}
