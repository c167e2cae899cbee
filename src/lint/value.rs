//! Reading the values of a policy.

use super::amount::Limit;
use super::paths::Paths;
use crate::render::size;
use toml::{Table, Value};

/// A value that means nothing.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) key: &'static str,
    pub(super) cause: String,
}

/// The keys of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'t>(&'t Table);

/// A key of a rule, and its value if it has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'t> {
    name: &'static str,
    value: Option<&'t Value>,
    is_needed: bool,
}

impl<'t> Own<'t> {
    pub(super) const fn new(table: &'t Table) -> Self {
        Self(table)
    }

    /// A key that must be there.
    pub(super) fn at(self, key: &'static str) -> Key<'t> {
        Key { name: key, value: self.0.get(key), is_needed: true }
    }

    /// A key that may be left out.
    pub(super) fn may(self, key: &'static str) -> Key<'t> {
        Key { is_needed: false, ..self.at(key) }
    }
}

impl<'t> Key<'t> {
    fn wrong(self, cause: impl Into<String>) -> Wrong {
        Wrong { key: self.name, cause: cause.into() }
    }

    fn there(self) -> Result<&'t Value, Wrong> {
        self.value.ok_or_else(|| self.wrong("the rule needs it"))
    }

    /// One text, or a list of some; nothing if it is neither.
    fn texts(self) -> Result<Option<Vec<String>>, Wrong> {
        Ok(match self.there()? {
            Value::String(one) => Some(vec![one.clone()]),
            Value::Array(some) => some.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => None,
        })
    }

    /// One pattern of names, or a list of some.
    pub(super) fn patterns(self) -> Result<Vec<String>, Wrong> {
        let patterns = self.texts()?.filter(|patterns| !patterns.is_empty());
        patterns.ok_or_else(|| self.wrong("write a name or a list of names, in which * stands for anything"))
    }

    /// One pattern of paths, or a list of some, which may be empty if the key may be left out.
    pub(super) fn paths(self) -> Result<Paths, Wrong> {
        if self.value.is_none() && !self.is_needed {
            return Ok(Paths::default());
        }
        let paths = self.texts()?.filter(|paths| !(paths.is_empty() && self.is_needed) && paths.iter().all(|path| !path.is_empty()));
        paths.map(Paths::new).ok_or_else(|| self.wrong("write a path or a list of paths, in which * stands for anything"))
    }

    pub(super) fn count(self) -> Result<u64, Wrong> {
        let count = self.there()?.as_integer().and_then(|count| u64::try_from(count).ok());
        count.ok_or_else(|| self.wrong("write a whole number"))
    }

    /// The text of a size: a number of bytes needs no quotes.
    fn text(self) -> Result<String, Wrong> {
        match self.there()? {
            Value::String(text) => Ok(text.clone()),
            Value::Integer(number) => Ok(number.to_string()),
            _ => Err(self.wrong("write a size such as \"500MB\", or a percentage where there is a whole")),
        }
    }

    pub(super) fn bytes(self) -> Result<u64, Wrong> {
        size::parse(&self.text()?).map_err(|error| self.wrong(error.to_string()))
    }

    /// A size, or a percentage of a whole.
    pub(super) fn limit(self) -> Result<Limit, Wrong> {
        Limit::parse(&self.text()?).map_err(|cause| self.wrong(cause))
    }

    /// Percents of something that may be more than the whole.
    pub(super) fn percent(self) -> Result<u64, Wrong> {
        let text = self.there()?.as_str().and_then(|text| text.strip_suffix('%')?.trim_end().parse().ok());
        text.ok_or_else(|| self.wrong("write a percentage such as \"95%\""))
    }

    /// Percents of a whole.
    pub(super) fn share(self) -> Result<u64, Wrong> {
        let percent = self.percent()?;
        if percent > 100 {
            return Err(self.wrong(format!("{percent}% is no percentage of a whole")));
        }
        Ok(percent)
    }

    /// One of a few words; the usual meaning if it is left out.
    pub(super) fn one_of<T: Copy + Default>(self, words: &[(&str, T)]) -> Result<T, Wrong> {
        let Some(value) = self.value else { return Ok(T::default()) };
        let found = words.iter().find(|(word, _)| value.as_str() == Some(*word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let quoted: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let (last, others) =
                quoted.split_last().map_or((String::new(), String::new()), |(last, others)| (last.clone(), others.join(", ")));
            self.wrong(format!("write {others} or {last}"))
        })
    }
}
