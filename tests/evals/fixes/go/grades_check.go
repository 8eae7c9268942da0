package grades

import (
	"errors"
	"reflect"
	"testing"
)

func TestGrades(t *testing.T) {
	book := NewBook()
	for _, grade := range []int{3, 5, 4} {
		book.Add("Mia", grade)
	}
	if got := book.Last("mia", 2); !reflect.DeepEqual(got, []int{5, 4}) {
		t.Errorf("Last(mia, 2) = %v, want [5 4]", got)
	}
	if got := book.Last("mia", 9); len(got) != 3 {
		t.Errorf("Last(mia, 9) = %v, want all three", got)
	}
	if got, err := book.Mean("MIA"); err != nil || got != 4 {
		t.Errorf("Mean(MIA) = %v, %v", got, err)
	}
	if _, err := book.Mean("Tom"); !errors.Is(err, ErrEmpty) {
		t.Errorf("Mean(Tom) has error %v", err)
	}
	if !book.Passed("Mia", 3.5) || book.Passed("Mia", 4.5) || book.Passed("Tom", 0) {
		t.Error("Passed is wrong")
	}
}
