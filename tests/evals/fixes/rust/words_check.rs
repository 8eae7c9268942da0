#[path = "words.rs"]
mod words;
use words::*;

#[test]
fn words() {
    assert_eq!(counts("Sea sea shore").get("sea"), Some(&2));
    assert_eq!(commonest("b a B a c"), Some("a".to_string()));
    assert_eq!(commonest(""), None);
    assert_eq!(longer("tea", "pots"), "pots");
    assert_eq!(longer("tea", "pot"), "tea");
    assert_eq!(shorten("harbour", 7), "harbour");
    assert_eq!(shorten("harbours", 5), "harb…", "at most 5 characters, the ellipsis is one of them");
    assert_eq!(capitalised(vec!["fog".to_string(), "élan".to_string()]), ["Fog", "Élan"]);
}
