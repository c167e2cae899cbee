//! How long ago something was, in Docker's words.

use jiff::Timestamp;

/// The longest span that Docker's own arithmetic can hold, in seconds: 292 years.
const LONGEST: i64 = i64::MAX / 1_000_000_000;

/// Says how long before `now` something happened, as Docker's CREATED columns do.
///
/// What lies in the future happened `Less than a second ago`, as with Docker.
#[must_use]
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.as_second().saturating_sub(then.as_second())))
}

/// Puts a number of seconds into Docker's words: one unit, rounded down, except that half an hour counts as one.
#[must_use]
pub fn span(seconds: i64) -> String {
    let seconds = seconds.min(LONGEST);
    let hours = (seconds + 1800) / 3600;
    match (seconds, hours) {
        (..=0, _) => "Less than a second".to_owned(),
        (1, _) => "1 second".to_owned(),
        (..60, _) => format!("{seconds} seconds"),
        (..120, _) => "About a minute".to_owned(),
        (..3600, _) => format!("{} minutes", seconds / 60),
        (_, 1) => "About an hour".to_owned(),
        (_, ..48) => format!("{hours} hours"),
        (_, ..336) => format!("{} days", hours / 24),
        (_, ..1440) => format!("{} weeks", hours / 24 / 7),
        (_, ..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_ages_as_docker_does() {
        // Printed by `docker images` for images of these ages in seconds.
        for (seconds, docker) in [
            (0, "Less than a second ago"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "About a minute ago"),
            (119, "About a minute ago"),
            (120, "2 minutes ago"),
            (3599, "59 minutes ago"),
            (3600, "About an hour ago"),
            (5399, "About an hour ago"),
            (5400, "2 hours ago"),
            (86_399, "24 hours ago"),
            (169_200, "47 hours ago"),
            (172_799, "2 days ago"),
            (1_207_799, "13 days ago"),
            (1_207_800, "2 weeks ago"),
            (5_182_199, "8 weeks ago"),
            (5_182_200, "2 months ago"),
            (63_070_199, "24 months ago"),
            (63_070_200, "1 years ago"),
            (63_072_000, "2 years ago"),
            (94_607_999, "2 years ago"),
            (94_608_000, "3 years ago"),
        ] {
            let now = Timestamp::from_second(2_000_000_000).unwrap();
            let then = Timestamp::from_second(2_000_000_000 - seconds).unwrap();
            assert_eq!(ago(then, now), docker, "{seconds}");
        }
    }

    #[test]
    fn survives_the_ends_of_time() {
        assert_eq!(ago(Timestamp::MIN, Timestamp::MAX), "292 years ago");
        assert_eq!(ago(Timestamp::MAX, Timestamp::MIN), "Less than a second ago");
        assert_eq!(span(i64::MIN), "Less than a second");
    }
}
