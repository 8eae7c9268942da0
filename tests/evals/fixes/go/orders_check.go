package orders

import "testing"

func TestOrders(t *testing.T) {
	order := Order{"Eva", []Item{{"tea", 300, 2}, {"cup", 450, 1}, {"tea", 300, 1}}}
	if got := order.Total(); got != 1350 {
		t.Errorf("Total() = %d, want 1350", got)
	}
	if got := order.Discount(0.1); got != 1215 {
		t.Errorf("Discount(0.1) = %d, want 1215", got)
	}
	if got := order.Summary(); got != "Eva: cup, tea (1350)" {
		t.Errorf("Summary() = %q", got)
	}
	if got := order.Size(); got != "small" {
		t.Errorf("Size() = %q", got)
	}
	big := Order{"Eva", make([]Item, 11)}
	if got := big.Size(); got != "large" {
		t.Errorf("Size() = %q", got)
	}
}
