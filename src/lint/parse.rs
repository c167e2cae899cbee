//! Reading a policy.
//!
//! ```toml
//! [max-size]                 # one rule of a kind …
//! limit = "1GB"
//!
//! [[max-layers]]             # … or several
//! images = ["shop/*"]        # which images; all that have a name if left out
//! except = ["shop/base"]
//! limit = 12
//! level = "warn"             # fail if left out
//! missing = "fail"           # if there is no such image; warn if left out
//! ```

use super::policy::{Check, Level, Missing, Policy, Rule};
use super::value::{Own, Wrong};
use crate::suggest::Unknown;
use toml::{Table, Value};

/// What every rule may say.
const COMMON: [&str; 4] = ["images", "except", "level", "missing"];

/// How a rule's own keys become a check.
type Read = fn(Own<'_>) -> Result<Check, Wrong>;

/// Every rule: its name, the keys that it has beside those, and how these are read.
const RULES: [(&str, &[&str], Read); 20] = [
    ("base", &["on"], |own| own.at("on").patterns().map(Check::Base)),
    ("max-exclusive", &["limit"], |own| own.at("limit").limit().map(Check::MaxExclusive)),
    ("max-growth", &["limit"], |own| own.at("limit").limit().map(Check::MaxGrowth)),
    ("max-inodes", &["limit"], |own| own.at("limit").count().map(Check::MaxInodes)),
    ("max-layers", &["limit"], |own| own.at("limit").count().map(Check::MaxLayers)),
    ("max-set-size", &["limit"], |own| own.at("limit").bytes().map(Check::MaxSetSize)),
    ("max-sharing-lost", &["limit"], |own| own.at("limit").limit().map(Check::MaxSharingLost)),
    ("max-size", &["limit"], |own| own.at("limit").bytes().map(Check::MaxSize)),
    ("max-user-waste", &["limit"], |own| own.at("limit").percent().map(Check::MaxUserWaste)),
    ("max-waste", &["limit"], |own| own.at("limit").limit().map(Check::MaxWaste)),
    ("min-efficiency", &["limit"], |own| own.at("limit").share().map(Check::MinEfficiency)),
    ("min-free-inodes", &["limit"], |own| own.at("limit").limit().map(Check::MinFreeInodes)),
    ("min-free-space", &["limit"], |own| own.at("limit").limit().map(Check::MinFreeSpace)),
    ("min-shared", &["limit"], |own| own.at("limit").limit().map(Check::MinShared)),
    ("no-duplicate-layers", &[], |_| Ok(Check::NoDuplicateLayers)),
    ("no-garbage", &[], |_| Ok(Check::NoGarbage)),
    ("no-new-duplicates", &[], |_| Ok(Check::NoNewDuplicates)),
    ("no-path", &["paths", "allow"], |own| Ok(Check::NoPath { paths: own.at("paths").paths()?, allow: own.may("allow").paths()? })),
    ("no-setuid", &["allow"], |own| Ok(Check::NoSetuid { allow: own.may("allow").paths()? })),
    ("same-base", &[], |_| Ok(Check::SameBase)),
];

/// Why a policy cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// There is no such rule.
    #[error("{0}")]
    Rule(Unknown),
    /// A rule has no such key.
    #[error("{rule}: {unknown}")]
    Key {
        /// The rule.
        rule: String,
        /// The key.
        unknown: Unknown,
    },
    /// A value means nothing.
    #[error("{rule}: {key}: {cause}")]
    Value {
        /// The rule.
        rule: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        cause: String,
    },
}

/// Reads a policy.
///
/// # Errors
/// When it is no TOML, or names a rule or a key that does not exist, or a value means nothing: a rule that is not understood must not seem to
/// be kept.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let table: Table = toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string().trim_end().to_owned()))?;
    let mut rules = Vec::new();
    for (name, value) in &table {
        let known = RULES.iter().find(|(known, ..)| known == name);
        let &(_, own, check) = known.ok_or_else(|| PolicyError::Rule(Unknown::new("rule", name, RULES.iter().map(|(name, ..)| *name))))?;
        for (number, table) in tables(name, value)?.into_iter().enumerate() {
            let shown = if value.is_array() { format!("[[{name}]] number {}", number + 1) } else { format!("[{name}]") };
            rules.push(rule(&shown, table, own, check)?);
        }
    }
    Ok(Policy { rules })
}

/// The tables of one kind of rule.
fn tables<'t>(name: &str, value: &'t Value) -> Result<Vec<&'t Table>, PolicyError> {
    let one_or_more = match value {
        Value::Table(table) => Some(vec![table]),
        Value::Array(tables) => tables.iter().map(Value::as_table).collect(),
        _ => None,
    };
    one_or_more.ok_or_else(|| PolicyError::Syntax(format!("{name} is a rule: write it as a table, [{name}] or [[{name}]]")))
}

fn rule(name: &str, table: &Table, own: &[&'static str], check: Read) -> Result<Rule, PolicyError> {
    let keys = || COMMON.iter().chain(own).copied();
    if let Some(unknown) = table.keys().find(|key| !keys().any(|known| known == key.as_str())) {
        return Err(PolicyError::Key { rule: name.to_owned(), unknown: Unknown::new("key", unknown, keys()) });
    }
    let wrong = |Wrong { key, cause }| PolicyError::Value { rule: name.to_owned(), key, cause };
    let own = Own::new(table);
    let patterns = |key| if table.contains_key(key) { own.at(key).patterns().map_err(wrong) } else { Ok(Vec::new()) };
    let rule = Rule {
        check: check(own).map_err(wrong)?,
        images: patterns("images")?,
        except: patterns("except")?,
        level: own.may("level").one_of(&[("fail", Level::Fail), ("warn", Level::Warn)]).map_err(wrong)?,
        missing: own
            .may("missing")
            .one_of(&[("fail", Missing::Fail), ("warn", Missing::Warn), ("ignore", Missing::Ignore)])
            .map_err(wrong)?,
    };
    if rule.check.is_about_host() && ["images", "except", "missing"].into_iter().any(|key| table.contains_key(key)) {
        return Err(wrong(Wrong { key: "images", cause: "the rule is about the host, not about images".to_owned() }));
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::super::{Limit, Paths};
    use super::*;

    fn one(text: &str) -> Rule {
        let policy = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(policy.rules.len(), 1, "{text}");
        policy.rules[0].clone()
    }

    fn paths(patterns: &[&str]) -> Paths {
        Paths::new(patterns.iter().map(|pattern| (*pattern).to_owned()).collect())
    }

    #[test]
    fn every_rule_is_read() {
        let mut read = std::collections::BTreeSet::new();
        for (text, check) in [
            ("[base]\non = 'debian:12'", Check::Base(vec!["debian:12".to_owned()])),
            ("[base]\non = ['a', 'b']", Check::Base(vec!["a".to_owned(), "b".to_owned()])),
            ("[max-exclusive]\nlimit = '10%'", Check::MaxExclusive(Limit::Percent(10))),
            ("[max-growth]\nlimit = '5MB'", Check::MaxGrowth(Limit::Bytes(5_000_000))),
            ("[max-sharing-lost]\nlimit = '5%'", Check::MaxSharingLost(Limit::Percent(5))),
            ("[no-new-duplicates]", Check::NoNewDuplicates),
            ("[max-inodes]\nlimit = 7", Check::MaxInodes(7)),
            ("[max-layers]\nlimit = 7", Check::MaxLayers(7)),
            ("[max-set-size]\nlimit = '1kB'", Check::MaxSetSize(1000)),
            ("[max-size]\nlimit = 4096", Check::MaxSize(4096)),
            ("[min-free-inodes]\nlimit = '5%'", Check::MinFreeInodes(Limit::Percent(5))),
            ("[min-free-space]\nlimit = '5GB'", Check::MinFreeSpace(Limit::Bytes(5_000_000_000))),
            ("[min-shared]\nlimit = '1MB'", Check::MinShared(Limit::Bytes(1_000_000))),
            ("[max-user-waste]\nlimit = '250%'", Check::MaxUserWaste(250)),
            ("[max-waste]\nlimit = '5%'", Check::MaxWaste(Limit::Percent(5))),
            ("[min-efficiency]\nlimit = '95 %'", Check::MinEfficiency(95)),
            ("[no-path]\npaths = '/a'", Check::NoPath { paths: paths(&["/a"]), allow: Paths::default() }),
            ("[no-path]\npaths = ['a', '*/b']\nallow = 'c'", Check::NoPath { paths: paths(&["/a", "*/b"]), allow: paths(&["/c"]) }),
            ("[no-setuid]", Check::NoSetuid { allow: Paths::default() }),
            ("[no-setuid]\nallow = []", Check::NoSetuid { allow: Paths::default() }),
            ("[no-setuid]\nallow = ['/bin/su']", Check::NoSetuid { allow: paths(&["/bin/su"]) }),
            ("[no-duplicate-layers]", Check::NoDuplicateLayers),
            ("[no-garbage]", Check::NoGarbage),
            ("[same-base]", Check::SameBase),
        ] {
            let rule = one(text);
            assert_eq!((rule.check.name(), rule.level), (text[1..].split(']').next().unwrap(), Level::Fail));
            assert_eq!(rule.check, check);
            read.insert(rule.check.name());
        }
        assert_eq!(read, RULES.iter().map(|(name, ..)| *name).collect());
    }

    #[test]
    fn rules_of_one_kind_stand_beside_each_other() {
        let policy =
            parse("[[max-size]]\nimages = ['a*']\nexcept = 'ab'\nlevel = 'warn'\nmissing = 'fail'\nlimit = 1\n[[max-size]]\nlimit = 2\n")
                .unwrap();
        let [first, second] = policy.rules.as_slice() else { panic!("{policy:?}") };
        assert_eq!(
            (first.images.as_slice(), first.except.as_slice(), first.level),
            (["a*".to_owned()].as_slice(), ["ab".to_owned()].as_slice(), Level::Warn)
        );
        assert_eq!((first.missing, second.missing), (Missing::Fail, Missing::Warn));
        assert_eq!((&first.check, &second.check), (&Check::MaxSize(1), &Check::MaxSize(2)));
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_says_where() {
        for (text, error) in [
            ("[max-sise]\nlimit = 1", "unknown rule max-sise, did you mean max-size?"),
            ("[[max-size]]\nlimit = 1\n[[max-size]]\nlimits = 1", "[[max-size]] number 2: unknown key limits, did you mean limit?"),
            ("[max-size]", "[max-size]: limit: the rule needs it"),
            ("[max-size]\nlimit = 'big'", "[max-size]: limit: "),
            ("[max-size]\nlimit = -1", "[max-size]: limit: "),
            ("[max-layers]\nlimit = '7'", "[max-layers]: limit: write a whole number"),
            ("[min-shared]\nlimit = '140%'", "[min-shared]: limit: 140% is no percentage"),
            ("[same-base]\nlevel = 'maybe'", "[same-base]: level: write \"fail\" or \"warn\""),
            ("[same-base]\nmissing = 'maybe'", "[same-base]: missing: write \"fail\", \"warn\" or \"ignore\""),
            ("[no-garbage]\nmissing = 'fail'", "[no-garbage]: images: the rule is about the host"),
            ("[same-base]\nimages = []", "[same-base]: images: write a name"),
            ("[same-base]\nlimit = 1", "[same-base]: unknown key limit"),
            ("[no-garbage]\nimages = 'a'", "[no-garbage]: images: the rule is about the host"),
            ("max-size = 1", "max-size is a rule: write it as a table"),
            ("[min-efficiency]\nlimit = '101%'", "[min-efficiency]: limit: 101% is no percentage"),
            ("[min-efficiency]\nlimit = '5MB'", "[min-efficiency]: limit: write a percentage such as \"95%\""),
            ("[max-user-waste]\nlimit = 5", "[max-user-waste]: limit: write a percentage"),
            ("[no-path]", "[no-path]: paths: the rule needs it"),
            ("[no-path]\npaths = []", "[no-path]: paths: write a path or a list of paths"),
            ("[no-path]\npaths = '/a'\nallowed = '/b'", "[no-path]: unknown key allowed, did you mean allow?"),
            ("[no-setuid]\nallow = 4", "[no-setuid]: allow: write a path or a list of paths"),
            ("[max-size", "TOML parse error at line 1"),
        ] {
            let found = parse(text).expect_err(text).to_string();
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }

    #[test]
    fn an_empty_policy_has_no_rules() {
        assert_eq!(parse("# nothing\n"), Ok(Policy::default()));
    }
}
