//! What all identifiers have in common: a text form.

/// Gives an identifier type its text form: `FromStr`, `TryFrom<&[u8]>` over `parse`, and serialisation over `Display`.
macro_rules! text_form {
    ($name:ident, $expected:literal) => {
        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(text: &[u8]) -> Result<Self, IdError> {
                Self::parse(text).ok_or_else(|| IdError::new(text, $expected))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.as_bytes().try_into()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
