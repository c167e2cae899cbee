//! The classes of what can be taken back.

use crate::graph::verdict::Garbage;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A class of things that can be taken back: a kind of garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub Garbage);

impl Class {
    /// Its stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0.code()
    }

    /// What is in it, in a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        self.0.describe()
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
        Garbage::ALL.into_iter().find(|garbage| garbage.code() == text).map(Self).ok_or_else(|| format!("{text:?} is no kind of garbage"))
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
