use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use flate2::read::MultiGzDecoder;

use super::super::{Failure, input};

/// For how long a silent input is waited for before rows that are held back to
/// be put in order are handed out all the same.
const PATIENCE: Duration = Duration::from_millis(250);
/// How much is read at once, and how many of that wait to be taken.
const CHUNK: usize = 1 << 16;
/// What a file begins with that is compressed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const CHUNKS: usize = 4;

/// A log as it comes.
pub(super) enum Input<'f> {
    /// A file is there as a whole.
    File(File),
    /// The same, compressed by gzip.
    Gzip(Box<MultiGzDecoder<File>>),
    /// Another program may write for as long as it likes.
    Live(Live<'f>),
}

/// An input that may be silent for a while. Before it waits it calls for what
/// was decided so far to be shown.
pub(super) struct Live<'f> {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    taken: usize,
    show: &'f dyn Fn(),
}

impl<'f> Input<'f> {
    /// Opens a file, or standard input as `-`.
    pub(super) fn open(path: &Path, show: &'f dyn Fn()) -> Result<Input<'f>, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Input::Live(Live::new(io::stdin(), show)?));
        }
        let cannot_read = |error: io::Error| {
            let (path, why) = (path.display(), input::reason(&error));
            Failure::Input(format!("error: cannot read {path}: {why}"))
        };
        let mut file = input::open(path).map_err(cannot_read)?;
        if !file.metadata()?.is_file() {
            return Ok(Input::Live(Live::new(file, show)?));
        }
        let mut start = Vec::new();
        let mut magic = file.by_ref().take(GZIP.len() as u64);
        magic.read_to_end(&mut start).map_err(cannot_read)?;
        file.rewind().map_err(cannot_read)?;
        Ok(match start == GZIP {
            true => Input::Gzip(Box::new(MultiGzDecoder::new(file))),
            false => Input::File(file),
        })
    }
}

impl Read for Input<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::File(file) => file.read(out),
            Input::Gzip(file) => file.read(out),
            Input::Live(live) => live.read(out),
        }
    }
}

impl<'f> Live<'f> {
    fn new(mut input: impl Read + Send + 'static, show: &'f dyn Fn()) -> Result<Live<'f>, Failure> {
        let (sender, chunks) = sync_channel(CHUNKS);
        // It ends with the input, or with the program.
        let reader = move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let read = input.read(&mut chunk);
                let last = !matches!(read, Ok(1..));
                let sent = sender.send(read.map(|length| {
                    chunk.truncate(length);
                    chunk
                }));
                if last || sent.is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("input".to_owned());
        thread.spawn(reader).context("cannot start a thread")?;
        Ok(Live {
            chunks,
            chunk: Vec::new(),
            taken: 0,
            show,
        })
    }
}

impl Read for Live<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.chunk.len() {
            self.taken = 0;
            self.chunk = match self.chunks.try_recv() {
                Ok(chunk) => chunk?,
                Err(TryRecvError::Disconnected) => return Ok(0),
                Err(TryRecvError::Empty) => {
                    (self.show)();
                    match self.chunks.recv_timeout(PATIENCE) {
                        Ok(chunk) => chunk?,
                        Err(RecvTimeoutError::Disconnected) => return Ok(0),
                        Err(RecvTimeoutError::Timeout) => {
                            self.chunk.clear();
                            return Err(io::ErrorKind::WouldBlock.into());
                        }
                    }
                }
            };
        }
        let left = &self.chunk[self.taken..];
        let length = left.len().min(out.len());
        out[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        Ok(length)
    }
}
