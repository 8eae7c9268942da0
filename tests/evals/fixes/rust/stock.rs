//! Stock of a warehouse: what is there, and what has to be ordered.

use std::collections::HashMap;

/// One kind of goods.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    pub name: String,
    pub cents: u32,
}

/// Products with their quantities.
#[derive(Default)]
pub struct Stock {
    quantities: HashMap<String, u32>,
    products: Vec<Product>,
}

impl Stock {
    /// Take delivery of a product.
    pub fn receive(&mut self, product: Product, quantity: u32) {
        *self.quantities.entry(product.name.clone()).or_insert(0) += quantity;
        if !self.products.contains(&product) {
            self.products.push(product);
        }
    }

    /// How many are there.
    pub fn quantity(&self, name: &str) -> u32 {
        self.quantities.get(name).copied().unwrap_or(0)
    }

    /// Take some out; false where there are not enough.
    pub fn take(&mut self, name: &str, wanted: u32) -> bool {
        match self.quantities.get_mut(name) {
            Some(quantity) if *quantity >= wanted => {
                *quantity -= wanted;
                true
            }
            _ => false,
        }
    }

    /// What everything is worth, in cents.
    pub fn worth(&self) -> u64 {
        let mut sum = 0;
        for product in &self.products {
            sum += u64::from(product.cents) * u64::from(self.quantity(&product.name));
        }
        sum
    }
}
