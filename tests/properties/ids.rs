//! Whatever is printed of an identifier is read back as the same, and nothing else is read as it.

use layerwise::id::{ChainId, ContainerId, DiffId, Digest, DirId, FileName, ImageId, LinkId, MountName};
use layerwise::store::buildkit::SnapshotKey;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::{Debug, Display};
use std::str::FromStr;

/// Asserts that `text` is read, printed and read again without a change.
fn survives<T>(text: &str) -> Result<(), TestCaseError>
where
    T: FromStr + Display + PartialEq + Debug + serde::Serialize + for<'a> TryFrom<&'a [u8]>,
    <T as FromStr>::Err: Debug,
{
    let read: T = text.parse().unwrap();
    prop_assert_eq!(read.to_string(), text);
    prop_assert_eq!(read.to_string().parse::<T>().unwrap(), T::try_from(text.as_bytes()).ok().unwrap());
    prop_assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::Value::from(text));
    Ok(())
}

/// Asserts that what is read of `text` is all of `text`.
fn whole<T: Display + for<'a> TryFrom<&'a [u8]>>(text: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(read) = T::try_from(text) {
        prop_assert_eq!(read.to_string().into_bytes(), text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::cases::cases(256))]

    #[test]
    fn identifiers_are_read_back(hex in "[0-9a-f]{64}", build in "[0-9a-z]{25}", link in "[A-Z2-7]{26}", image in "[a-z0-9]{1,9}(/[a-z0-9._-]{0,5}[a-z]){0,3}(:[a-z0-9]{1,5})?") {
        let digest = format!("sha256:{hex}");
        survives::<Digest>(&digest)?;
        survives::<ImageId>(&digest)?;
        survives::<DiffId>(&digest)?;
        survives::<ChainId>(&digest)?;
        survives::<ContainerId>(&hex)?;
        let FileName(image_id) = FileName::<ImageId>::try_from(hex.as_bytes()).unwrap();
        prop_assert_eq!(image_id.to_string(), digest.clone());
        prop_assert_eq!(ImageId::from_hex(image_id.hex().to_string().as_bytes()).unwrap(), image_id);
        for name in [hex.clone(), format!("{hex}-init"), build.clone()] {
            survives::<DirId>(&name)?;
        }
        survives::<LinkId>(&link)?;
        let spelled: String = format!("-{image}").bytes().map(|byte| format!("{byte:02x}")).collect();
        for name in [hex.clone(), build.clone(), format!("{hex}-{image}"), format!("{hex}{spelled}")] {
            survives::<MountName>(&name)?;
        }
        for key in [digest, build, hex, image] {
            let read = SnapshotKey::parse(key.as_bytes());
            prop_assert_eq!(read.to_string(), key.clone());
            prop_assert_eq!(SnapshotKey::parse(read.to_string().as_bytes()), read);
        }
    }

    #[test]
    fn nothing_is_left_out_of_what_is_read(noise in vec(any::<u8>(), 0..90), cut in 0..80_usize, hex in "[0-9a-fA-F/.-]{60,70}") {
        let near = format!("sha256:{hex}");
        for text in [&noise[..], hex.as_bytes(), near.as_bytes(), &near.as_bytes()[cut.min(near.len())..]] {
            whole::<Digest>(text)?;
            whole::<ChainId>(text)?;
            whole::<ContainerId>(text)?;
            whole::<DirId>(text)?;
            whole::<LinkId>(text)?;
            whole::<MountName>(text)?;
        }
    }
}
