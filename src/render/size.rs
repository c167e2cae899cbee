//! Sizes as Docker prints and reads them.
//!
//! Docker divides by 1000 until less than 1000 is left and prints three significant digits (`docker images`, `docker ps`, `docker history`) or
//! four (`docker system df`) with C's `%g`. That has two consequences which look odd but are Docker's, so figures can be compared with its own:
//! a size that rounds up to 1000 keeps its unit, and with three digits it turns into an exponent (`1000kB`, `1e+03kB`).

/// How many significant digits a size is printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// As in `docker images`, `docker ps` and `docker history`.
    Three,
    /// As in `docker system df`.
    Four,
}

/// Why a text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// It is not a number with a unit.
    #[error("{0} is not a size: write a number and B, kB, MB, GB, TB, PB, EB (powers of 1000) or KiB, MiB, … (powers of 1024)")]
    Malformed(String),
    /// It is more than fits into 64 bits.
    #[error("{0} is too large a size")]
    TooLarge(String),
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/// Prints a number of bytes as Docker does.
#[must_use]
pub fn human(bytes: u64, digits: Digits) -> String {
    let mut value = to_float(bytes);
    let mut unit = "B";
    for larger in UNITS.iter().skip(1) {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    format!("{}{unit}", significant(value, digits))
}

/// Prints a part of `whole` with its percentage, as the RECLAIMABLE column of `docker system df` does.
#[must_use]
pub fn share(part: u64, whole: u64) -> String {
    let part_shown = human(part, Digits::Four);
    percent(part, whole).map_or_else(|| part_shown.clone(), |percent| format!("{part_shown} ({percent}%)"))
}

/// Returns the whole percents that `part` is of `whole`, rounded down as Docker does, or nothing if there is no whole.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<u64> {
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole))?;
    u64::try_from(percent).ok()
}

/// Reads a size: a number, perhaps with a fraction, and perhaps a unit (`1024`, `10GB`, `1.5 TB`, `512MiB`), in any case.
///
/// # Errors
/// If it is not such a number, or does not fit into 64 bits.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed(shown(text));
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = factor(unit.strip_prefix(' ').filter(|unit| !unit.is_empty()).unwrap_or(unit)).ok_or_else(malformed)?;
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    if whole.is_empty() || fraction.is_some_and(|digits| digits.is_empty() || digits.contains('.')) {
        return Err(malformed());
    }
    let too_large = || SizeError::TooLarge(shown(text));
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let bytes = u128::from(whole) * u128::from(factor) + of_fraction(fraction.unwrap_or_default(), factor);
    u64::try_from(bytes).map_err(|_| too_large())
}

/// The bytes that the digits after the point stand for, rounded down.
fn of_fraction(digits: &str, factor: u64) -> u128 {
    const KEPT: usize = 18;
    let kept = digits.get(..KEPT).unwrap_or(digits);
    let scale = kept.chars().fold(1_u128, |scale, _| scale * 10);
    kept.parse::<u64>().map_or(0, |digits| u128::from(digits) * u128::from(factor) / scale)
}

fn factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = unit.strip_suffix('i').map_or((unit, 1000_u64), |prefix| (prefix, 1024));
    let power = ["", "k", "m", "g", "t", "p", "e"].iter().position(|known| *known == prefix)?;
    let is_bare_i = base == 1024 && power == 0;
    if is_bare_i { None } else { base.checked_pow(u32::try_from(power).ok()?) }
}

/// Converts exactly as far as the 53 bits of a float go, rounding once, as Go's own conversion does.
fn to_float(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).unwrap_or_default();
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// Prints what C's `%.3g` or `%.4g` prints for a number from 0 to below 19,000.
fn significant(value: f64, digits: Digits) -> String {
    let precision: usize = match digits {
        Digits::Three => 3,
        Digits::Four => 4,
    };
    let scientific = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: usize = exponent.parse().unwrap_or_default();
    match (precision - 1).checked_sub(exponent) {
        Some(0) => format!("{value:.0}"),
        Some(decimals) => without_zeros(&format!("{value:.decimals$}")).to_owned(),
        None => format!("{}e+{exponent:02}", without_zeros(mantissa)),
    }
}

fn without_zeros(decimal: &str) -> &str {
    decimal.trim_end_matches('0').trim_end_matches('.')
}

fn shown(text: &str) -> String {
    super::escape::brief(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the `docker` command printed for these sizes, with three digits (`docker images`) and with four (`docker system df -v`).
    const DOCKERS: [(u64, &str, &str); 35] = [
        (0, "0B", "0B"),
        (1, "1B", "1B"),
        (10, "10B", "10B"),
        (999, "999B", "999B"),
        (1000, "1kB", "1kB"),
        (1001, "1kB", "1.001kB"),
        (1005, "1kB", "1.005kB"),
        (1015, "1.01kB", "1.015kB"),
        (1024, "1.02kB", "1.024kB"),
        (5585, "5.58kB", "5.585kB"),
        (9995, "9.99kB", "9.995kB"),
        (9996, "10kB", "9.996kB"),
        (10_000, "10kB", "10kB"),
        (10_125, "10.1kB", "10.12kB"),
        (10_135, "10.1kB", "10.13kB"),
        (27_300, "27.3kB", "27.3kB"),
        (99_949, "99.9kB", "99.95kB"),
        (99_950, "100kB", "99.95kB"),
        (99_994, "100kB", "99.99kB"),
        (99_995, "100kB", "100kB"),
        (999_499, "999kB", "999.5kB"),
        (999_500, "1e+03kB", "999.5kB"),
        (999_949, "1e+03kB", "999.9kB"),
        (999_950, "1e+03kB", "1000kB"),
        (999_999, "1e+03kB", "1000kB"),
        (1_000_000, "1MB", "1MB"),
        (1_001_500, "1MB", "1.002MB"),
        (1_125_000, "1.12MB", "1.125MB"),
        (1_980_000, "1.98MB", "1.98MB"),
        (2_375_000, "2.38MB", "2.375MB"),
        (12_345_678, "12.3MB", "12.35MB"),
        (999_999_999, "1e+03MB", "1000MB"),
        (1_234_000_000, "1.23GB", "1.234GB"),
        (2_220_000_000_000_000, "2.22PB", "2.22PB"),
        (9_223_372_036_854_775_807, "9.22EB", "9.223EB"),
    ];

    #[test]
    fn prints_sizes_as_docker_does() {
        for (bytes, three, four) in DOCKERS {
            assert_eq!(human(bytes, Digits::Three), three, "{bytes}");
            assert_eq!(human(bytes, Digits::Four), four, "{bytes}");
        }
        assert_eq!(human(u64::MAX, Digits::Four), "18.45EB");
    }

    #[test]
    fn prints_a_share_as_docker_does() {
        assert_eq!(share(2_498_000_000, 2_650_000_000), "2.498GB (94%)");
        assert_eq!(share(0, 0), "0B");
        assert_eq!(share(999, 1000), "999B (99%)");
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100));
        assert_eq!(percent(u64::MAX, 1), None);
    }

    #[test]
    fn reads_sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("32b", 32),
            ("32K", 32_000),
            ("32 kB", 32_000),
            ("10GB", 10_000_000_000),
            ("512MiB", 536_870_912),
            ("1ki", 1024),
            ("1.5TB", 1_500_000_000_000),
            ("0.3 k", 300),
            ("1.9999999999999999999999B", 1),
            ("0.5KiB", 512),
            ("16e", 16_000_000_000_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_size() {
        for text in ["", "B", "MB", "-1", "+1", " 1", "1 ", "1  kB", "1.", ".5", "1.2.3", "12XB", "1iB", "1kBB", "1e3", "١", "1k b"] {
            assert_eq!(parse(text), Err(SizeError::Malformed(text.to_owned())), "{text}");
        }
        for text in ["18446744073709551616", "16EiB", "99999999999999999999999", "18.5EB"] {
            assert_eq!(parse(text), Err(SizeError::TooLarge(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn reads_back_what_it_prints() {
        // What rounds up to 1000 of a unit is read, rightly, as one of the next.
        for (.., four) in DOCKERS.into_iter().filter(|(.., four)| !four.starts_with("1000")) {
            assert_eq!(human(parse(four).unwrap(), Digits::Four), four);
        }
    }
}
