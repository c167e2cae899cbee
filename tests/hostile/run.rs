//! Running the real binary on a data-root, with an end to it.

use crate::world::World;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) output: String,
    pub(crate) errors: String,
}

/// Far longer than any of it takes: what takes longer hangs.
const HANGS: Duration = Duration::from_secs(120);

/// Runs `layerwise` on the data-root of `world`.
pub(crate) fn layerwise(world: &World, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.args(arguments).arg("--data-root").arg(world.root());
    run(command)
}

fn run(mut command: Command) -> Ran {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let streams: [Box<dyn std::io::Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
    let (done, wait) = mpsc::channel();
    let readers = streams.map(|mut stream| {
        let done = done.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            done.send(()).unwrap_or_default();
            bytes
        })
    });
    for _ in 0..2 {
        if wait.recv_timeout(HANGS).is_err() {
            child.kill().unwrap();
            panic!("{command:?} does not end");
        }
    }
    let [output, errors] = readers.map(|reader| String::from_utf8(reader.join().unwrap()).expect("the output is UTF-8"));
    Ran { status: child.wait().unwrap().code().unwrap(), output, errors }
}

/// Asserts that a terminal shows `text` as it stands: no control characters but line ends, nothing that turns or hides text.
pub(crate) fn assert_harmless(text: &str, name: &str) {
    let hides = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}');
    let harmful: Vec<_> = text.lines().filter(|line| line.chars().any(|c| c.is_control() || hides(c))).collect();
    assert!(harmful.is_empty(), "{name}: {harmful:?}");
}

/// What a run opened, as `strace` sees it.
pub(crate) struct Trace;

impl Trace {
    /// Whether there is a `strace` that may trace.
    pub(crate) fn works() -> bool {
        let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).stdin(Stdio::null()).output();
        traced.is_ok_and(|traced| traced.status.success())
    }

    /// The paths of everything that was opened, as the kernel names it.
    pub(crate) fn of(world: &World, arguments: &[&str]) -> Vec<PathBuf> {
        let log = world.at("../trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-qq", "-s", "1", "-e", "trace=open,openat,openat2,creat", "-o"]).arg(&log);
        command.arg(env!("CARGO_BIN_EXE_layerwise")).args(arguments).arg("--data-root").arg(world.root());
        let ran = run(command);
        assert!(matches!(ran.status, 0 | 1), "{}", ran.errors);
        let text = fs::read(&log).unwrap();
        let text = String::from_utf8_lossy(&text);
        // `… = 3</the/path>`, also at the end of a call that another thread's interrupted.
        let returned = text.lines().filter_map(|line| line.rsplit_once(" = ")?.1.split_once('<'));
        returned.filter_map(|(_, path)| path.strip_suffix('>')).map(PathBuf::from).collect()
    }
}
