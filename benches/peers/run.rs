//! Running a program and measuring what it took.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::error::Error;
use std::process::Command;
use std::time::Instant;

/// What one run took.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) wall: f64,
    pub(crate) processor: f64,
    /// The most memory it had, in MB.
    pub(crate) memory: f64,
    pub(crate) printed: String,
}

/// Runs a command below a process of its own, because the kernel tells the peak of all children together.
pub(crate) fn measure(command: &[String]) -> Result<Run, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).arg("--under").args(command).output()?;
    let text = String::from_utf8(output.stdout)?;
    let (figures, printed) =
        text.split_once('\n').ok_or_else(|| format!("{}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr)))?;
    let figures = figures.split(' ').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let [wall, processor, memory] = figures[..] else { return Err(format!("{command:?} was not measured").into()) };
    Ok(Run { wall, processor, memory, printed: printed.to_owned() })
}

/// Is that process: runs the command, and prints what it took before what it printed.
pub(crate) fn under(command: &[String]) -> Result<(), Box<dyn Error>> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let begin = Instant::now();
    let output = Command::new(program).args(arguments).output()?;
    let wall = begin.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let processor = std::time::Duration::from_micros(u64::try_from((usage.user_time() + usage.system_time()).num_microseconds())?);
    let memory = f64::from(u32::try_from(usage.max_rss())?) * 1024.0 / 1e6;
    println!("{wall} {} {memory}", processor.as_secs_f64());
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// Makes the kernel forget what it has read of file systems.
pub(crate) fn drop_caches() -> Result<(), Box<dyn Error>> {
    nix::unistd::sync();
    Ok(std::fs::write("/proc/sys/vm/drop_caches", "3")?)
}

/// The middle one of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
