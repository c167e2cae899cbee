//! dockerd's own answers, in bytes, as its API gives them: the `docker` command rounds.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde::de::DeserializeOwned;

/// dockerd's API behind its socket.
#[derive(Debug)]
pub(crate) struct Api {
    socket: PathBuf,
}

impl Api {
    /// Returns the API behind `socket`.
    pub(crate) fn at(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Reports whether dockerd answers.
    pub(crate) fn ping(&self) -> bool {
        self.request("/_ping").is_ok_and(|(status, body)| status == 200 && body == b"OK")
    }

    /// Returns the answer to a GET.
    ///
    /// # Panics
    /// When dockerd refuses, or answers something else than a `T`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, body) = self.request(path).unwrap_or_else(|error| panic!("GET {path}: {error}"));
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 200, "GET {path}: {text}");
        serde_json::from_slice(&body).unwrap_or_else(|error| panic!("GET {path}: {error}: {text}"))
    }

    /// HTTP 1.0, so that the answer is not chunked and ends with the connection.
    fn request(&self, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let bad = || std::io::Error::other("not an HTTP answer");
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(bad)?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).ok_or_else(bad)?;
        Ok((status, answer.split_off(end + 4)))
    }
}
