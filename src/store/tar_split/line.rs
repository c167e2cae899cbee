//! One line.

use super::base64;
use super::{Entry, Member};
use serde::Deserialize;
use std::borrow::Cow;

const FILE: i64 = 1;
const SEGMENT: i64 = 2;

/// What a line says.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    r#type: i64,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name_raw: Option<Cow<'a, str>>,
    #[serde(default)]
    size: i64,
    #[serde(borrow, default)]
    payload: Option<Cow<'a, str>>,
    pub(super) position: u64,
}

impl<'a> Line<'a> {
    /// Parses the JSON of a line.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|error| error.to_string())
    }

    /// The entry that the line is, with what its payload stands for put into `payload`.
    pub(super) fn entry<'b>(self, payload: &'b mut Vec<u8>) -> Result<Entry<'b>, String>
    where
        'a: 'b,
    {
        if let Some(text) = &self.payload {
            base64::decode(text.as_bytes(), payload).ok_or("its payload is no base64")?;
        }
        match self.r#type {
            SEGMENT if self.payload.is_some() => Ok(Entry::Segment(payload)),
            SEGMENT => Err("it is a segment without a payload".to_owned()),
            FILE => self.member(payload).map(Entry::File),
            other => Err(format!("type {other} is neither a segment nor a file")),
        }
    }

    fn member(self, payload: &[u8]) -> Result<Member<'a>, String> {
        let size = u64::try_from(self.size).map_err(|_| format!("{} is no size", self.size))?;
        let crc = <[u8; 8]>::try_from(payload).ok().map(u64::from_be_bytes);
        if size > 0 && crc.is_none() {
            return Err("it has a content and no checksum of it".to_owned());
        }
        Ok(Member { name: self.name()?, size, crc: crc.filter(|_| size > 0) })
    }

    /// The name: the raw one if there is one, as tar-split itself reads it.
    fn name(self) -> Result<Cow<'a, [u8]>, String> {
        if let Some(raw) = self.name_raw.filter(|raw| !raw.is_empty()) {
            let mut name = Vec::new();
            base64::decode(raw.as_bytes(), &mut name).ok_or("its name is no base64")?;
            return Ok(Cow::Owned(name));
        }
        match self.name.filter(|name| !name.is_empty()) {
            Some(Cow::Borrowed(name)) => Ok(Cow::Borrowed(name.as_bytes())),
            Some(Cow::Owned(name)) => Ok(Cow::Owned(name.into_bytes())),
            None => Err("it is a file without a name".to_owned()),
        }
    }
}
