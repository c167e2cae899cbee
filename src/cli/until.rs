//! Times and durations as Docker's `until` takes them.

use crate::plan::Age;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use std::str::FromStr;

/// A time that things must be older than, and how it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Until {
    time: Timestamp,
    text: String,
}

impl Until {
    pub(super) fn age(&self) -> Age {
        Age { until: self.time, text: self.text.clone() }
    }

    fn parse(text: &str, now: Timestamp) -> Result<Self, String> {
        let time = point(text).or_else(|| now.checked_sub(duration(text)?).ok());
        let time = time.ok_or_else(|| {
            format!("{text:?} is neither a duration (90m, 24h, 7d) nor a time (2026-01-31T12:00:00Z, or seconds since 1970)")
        })?;
        Ok(Self { time, text: text.to_owned() })
    }
}

/// A point in time: RFC 3339, or seconds since 1970.
fn point(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

/// A duration, whose days have 24 hours.
fn duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok().filter(|duration| !duration.is_negative())
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, Timestamp::now())
    }
}

/// Parses a filter, of which there is one kind: `until=TIME`.
pub(super) fn filter(text: &str) -> Result<Until, String> {
    match text.split_once('=') {
        Some(("until", time)) => time.parse(),
        _ => Err(format!("{text:?} is no filter of prune: there is until=TIME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        Until::parse(text, Timestamp::from_second(1_000_000).unwrap()).ok().map(|until| until.time.as_second())
    }

    #[test]
    fn a_duration_counts_back_from_now_and_a_time_is_itself() {
        for (text, expected) in [
            ("10m", 1_000_000 - 600),
            ("1h30m", 1_000_000 - 5400),
            ("7d", 1_000_000 - 7 * 86_400),
            ("0s", 1_000_000),
            ("1970-01-02T00:00:00Z", 86_400),
            ("86400", 86_400),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "-1h", "soon", "1 fortnight", "24h ago"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_filter_is_until() {
        assert!(filter("until=24h").is_ok());
        for text in ["until", "until=", "label=x", "24h"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }
}
