#[path = "stock.rs"]
mod stock;
use stock::*;

#[test]
fn stock() {
    let mut stock = Stock::default();
    let bolt = Product { name: "bolt".to_string(), cents: 20 };
    stock.receive(bolt.clone(), 30);
    stock.receive(bolt, 5);
    stock.receive(Product { name: "nut".to_string(), cents: 10 }, 7);
    assert_eq!(stock.quantity("bolt"), 35);
    assert_eq!(stock.quantity("saw"), 0);
    assert_eq!(stock.worth(), 770);
    assert!(stock.take("nut", 7));
    assert!(!stock.take("nut", 1));
    assert!(!stock.take("saw", 1));
    assert_eq!(stock.worth(), 700);
}
