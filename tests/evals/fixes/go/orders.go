package orders

import (
	"fmt"
	"sort"
	"strings"
)

// Item is one position of an order; prices are in cents.
type Item struct {
	Name     string
	Cents    int
	Quantity int
}

// Order is what a customer wants.
type Order struct {
	Customer string
	Items    []Item
}

// Total sums up the order.
func (o *Order) Total() int {
	total := 0
	for _, item := range o.Items {
		total += item.Cents * item.Quantity
	}
	return total
}

// Discount gives the total after a share, such as 0.1, was taken off.
func (o *Order) Discount(share float64) int {
	return int(float64(o.Total()) * (1 - share))
}

// Names lists what was ordered, sorted and without doubles.
func (o *Order) Names() []string {
	seen := map[string]bool{}
	var names []string
	for _, item := range o.Items {
		if !seen[item.Name] {
			seen[item.Name] = true
			names = append(names, item.Name)
		}
	}
	sort.Strings(names)
	return names
}

// Size tells small orders from large ones.
func (o *Order) Size() string {
	if len(o.Items) > 10 {
		return "large"
	}
	return "small"
}

// Summary is one line for a person.
func (o *Order) Summary() string {
	return fmt.Sprintf("%s: %s (%d)", o.Customer, strings.Join(o.Names(), ", "), o.Total())
}
