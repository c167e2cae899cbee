//! What is measured and what it is limited to.

use crate::render::size::{self, Digits};
use serde::{Serialize, Serializer};
use std::fmt;

/// A measured amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Bytes, allocated ones.
    Bytes(u64),
    /// A number of things.
    Count(u64),
    /// A whole percentage.
    Percent(u64),
}

/// A limit that is either a number of bytes or a part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes.
    Bytes(u64),
    /// Whole percents.
    Percent(u64),
}

impl Limit {
    /// Reads a size, or a whole number of percents.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix('%') {
            Some(number) => match number.trim_end().parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(format!("{} is no percentage: write a whole number from 0% to 100%", crate::render::escape::brief(text))),
            },
            None => size::parse(text).map(Self::Bytes).map_err(|error| error.to_string()),
        }
    }

    /// What `part` of `whole` is, in the unit of this limit, a broken percent left out: for limits from below. Of nothing, everything is a
    /// hundred percent.
    #[must_use]
    pub fn measure_down(self, part: u64, whole: u64) -> Amount {
        match self {
            Self::Bytes(_) => Amount::Bytes(part),
            Self::Percent(_) => Amount::Percent(size::percent(part, whole).unwrap_or(100)),
        }
    }

    /// The same with a broken percent counted as a whole one: for limits from above. Of nothing, nothing is no percent.
    #[must_use]
    pub fn measure_up(self, part: u64, whole: u64) -> Amount {
        match self {
            Self::Bytes(_) => Amount::Bytes(part),
            Self::Percent(_) if part == 0 => Amount::Percent(0),
            Self::Percent(_) => Amount::Percent(100 - size::percent(whole.saturating_sub(part), whole).unwrap_or(100).min(100)),
        }
    }

    /// The limit as an amount.
    #[must_use]
    pub const fn amount(self) -> Amount {
        match self {
            Self::Bytes(bytes) => Amount::Bytes(bytes),
            Self::Percent(percent) => Amount::Percent(percent),
        }
    }
}

impl Amount {
    /// The word for its unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Bytes(_) => "bytes",
            Self::Count(_) => "count",
            Self::Percent(_) => "percent",
        }
    }

    /// The number, whatever its unit.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Bytes(number) | Self::Count(number) | Self::Percent(number) => number,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.write_str(&size::human(*bytes, Digits::Four)),
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_size_or_a_percentage() {
        for (text, limit) in
            [("500MB", Limit::Bytes(500_000_000)), ("0", Limit::Bytes(0)), ("40%", Limit::Percent(40)), ("100 %", Limit::Percent(100))]
        {
            assert_eq!(Limit::parse(text), Ok(limit));
        }
        for text in ["", "%", "101%", "-1%", "4.5%", "many", "12XB"] {
            assert!(Limit::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_measured_in_the_unit_of_its_limit() {
        assert_eq!((Limit::Bytes(1).measure_down(3, 4), Limit::Bytes(1).measure_up(3, 4)), (Amount::Bytes(3), Amount::Bytes(3)));
        for (part, whole, down, up) in [(3, 4, 75, 75), (1, 3, 33, 34), (0, 4, 0, 0), (4, 4, 100, 100), (0, 0, 100, 0)] {
            let measured = (Limit::Percent(1).measure_down(part, whole), Limit::Percent(1).measure_up(part, whole));
            assert_eq!(measured, (Amount::Percent(down), Amount::Percent(up)), "{part} of {whole}");
        }
    }
}
