//! The classes of what can be taken back or mended.

use crate::check::Code;
use crate::graph::verdict::Garbage;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What kind of thing an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// It is garbage, and taken.
    Garbage(Garbage),
    /// It is damaged, and mended.
    Damage(Code),
}

impl Class {
    /// Its stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Garbage(garbage) => garbage.code(),
            Self::Damage(code) => code.name(),
        }
    }

    /// What is in it, in a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Garbage(garbage) => garbage.describe(),
            Self::Damage(code) => code.sentence(),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let garbage = Garbage::ALL.into_iter().find(|garbage| garbage.code() == text).map(Self::Garbage);
        let damage = || Code::all().find(|code| code.name() == text).map(Self::Damage);
        garbage.or_else(damage).ok_or_else(|| format!("{text:?} is no kind of garbage or damage"))
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Class {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
