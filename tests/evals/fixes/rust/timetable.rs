//! Departures of a bus line, in minutes after midnight.

use std::fmt::Write;

/// Why a time could not be read.
#[derive(Debug, PartialEq)]
pub enum TimeError {
    Shape,
    Number,
    Range,
}

/// Minutes from `HH:MM`.
pub fn parse_time(text: &str) -> Result<u32, TimeError> {
    let (hours, minutes) = text.split_once(':').ok_or(TimeError::Shape)?;
    let hours: u32 = hours.parse().map_err(|_| TimeError::Number)?;
    let minutes: u32 = minutes.parse().map_err(|_| TimeError::Number)?;
    if hours > 23 || minutes > 59 {
        return Err(TimeError::Range);
    }
    Ok(hours * 60 + minutes)
}

/// `HH:MM` from minutes.
pub fn format_time(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// The first departure that is not before a time.
pub fn next_departure(departures: &[u32], now: u32) -> Option<u32> {
    departures.iter().copied().filter(|&time| time >= now).min()
}

/// The longest wait between two departures, which are sorted.
pub fn longest_gap(departures: &[u32]) -> u32 {
    let mut longest = 0;
    for pair in departures.windows(2) {
        longest = longest.max(pair[1] - pair[0]);
    }
    longest
}

/// All departures in one line.
pub fn board(line: &str, departures: &[u32]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    write!(text, "{line}:")?;
    for &time in departures {
        write!(text, " {}", format_time(time))?;
    }
    Ok(text)
}
