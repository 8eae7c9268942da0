#[path = "timetable.rs"]
mod timetable;
use timetable::*;

#[test]
fn timetable() {
    assert_eq!(parse_time("07:05"), Ok(425));
    assert_eq!(parse_time("7"), Err(TimeError::Shape));
    assert_eq!(parse_time("x:10"), Err(TimeError::Number));
    assert_eq!(parse_time("24:00"), Err(TimeError::Range));
    assert_eq!(format_time(1445), "00:05");
    assert_eq!(next_departure(&[400, 430, 460], 430), Some(430), "a bus that leaves now can be caught");
    assert_eq!(next_departure(&[400], 401), None);
    assert_eq!(longest_gap(&[400, 430, 500, 520]), 70);
    assert_eq!(longest_gap(&[400]), 0);
    assert_eq!(board("12", &[425, 430]).unwrap(), "12: 07:05 07:10");
}
