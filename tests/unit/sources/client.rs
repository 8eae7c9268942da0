//! Readings on their way to a server.

use std::collections::HashMap;
use crate::net::{Connection, error::{self, NetError as Failure}, retry::*};
use super::units;
pub use self::model::Reading;

mod model;
pub mod wire;

/// Readings that are sent at once.
pub const MAX_BATCH: usize = 100;
static COUNTER: usize = 0;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    pub retries: u32,
    timeout: f64,
}

pub enum State {
    Idle,
    Sending { left: usize },
}

/// Takes readings.
pub trait Sender: Send + Sync {
    type Error;
    fn send(&mut self, readings: &[Reading]) -> Result<(), Failure>;
    fn close(&mut self) {}
}

pub type Batch = Vec<Reading>;

pub struct Client<'a, S: Sender> {
    sender: &'a mut S,
    pending: Batch,
}

impl<'a, S: Sender> Client<'a, S> {
    /// Makes a client.
    pub fn new(sender: &'a mut S) -> Self {
        Client { sender, pending: Vec::new() }
    }

    /// Queues a reading.
    #[inline]
    pub async fn add(
        &mut self,
        reading: Reading,
        options: &Options,
    ) -> Result<(), Failure>
    where
        S: Clone,
    {
        let retries = options.retries;
        self.pending.push(reading);
        let connection = Connection::open(retries)?;
        connection.send_all(&self.pending).await
    }
}

impl<'a, S: Sender> Drop for Client<'a, S> {
    fn drop(&mut self) {
        self.sender.close();
    }
}

fn free_function(a: u32) -> u32 {
    fn inner() {}
    a
}

macro_rules! reading {
    ($value:expr) => { Reading::new($value) };
}
