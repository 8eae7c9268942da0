//! Words of a text: counted, shortened and put in order.

use std::collections::BTreeMap;

/// How often each word occurs, in lower case.
pub fn counts(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for word in text.split_whitespace() {
        *found.entry(word.to_lowercase()).or_insert(0) += 1;
    }
    found
}

/// The word that occurs most often, the first in the alphabet where several do.
pub fn commonest(text: &str) -> Option<String> {
    let mut best: Option<(String, usize)> = None;
    for (word, count) in counts(text) {
        let better = best.as_ref().map_or(true, |(_, most)| count > *most);
        if better {
            best = Some((word, count));
        }
    }
    best.map(|(word, _)| word)
}

/// The longer of two words, the first where they are equally long.
pub fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if other.chars().count() > one.chars().count() {
        other
    } else {
        one
    }
}

/// A text of at most so many characters, with an ellipsis where it was cut.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    kept + "…"
}

/// The words, each with its first letter in upper case.
pub fn capitalised(words: Vec<String>) -> Vec<String> {
    let mut result = Vec::with_capacity(words.len());
    for word in &words {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            result.push(first.to_uppercase().collect::<String>() + letters.as_str());
        }
    }
    assert!(result.len() <= words.len());
    result
}
