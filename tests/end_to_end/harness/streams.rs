use std::fs::File;
use std::io::BufReader;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// Where the processes of a server write to.
#[derive(Clone, Copy, Debug)]
pub enum Streams {
    /// The log to a file beside the data folder.
    LogFile,
    /// The write end of a pipe whose reader outlives the processes.
    Reader(&'static File),
    /// Both streams to one pipe, as `2>&1 |` does.
    Pipe,
    /// Both streams to one socket, as a service manager's journal has it.
    Socket,
}

/// The other end, which a test reads, leaves alone or drops.
pub type Reader = Box<BufReader<File>>;

impl Streams {
    /// The reader, and what becomes stdout and stderr; `None` where stdout is a pipe of its own.
    pub(super) fn pair(self) -> Option<(Reader, [OwnedFd; 2])> {
        let (reader, writer): (OwnedFd, OwnedFd) = match self {
            Self::LogFile | Self::Reader(_) => return None,
            Self::Pipe => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                (reader.into(), writer.into())
            }
            Self::Socket => {
                let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
                (reader.into(), writer.into())
            }
        };
        let stdout = writer.try_clone().expect("a second handle");
        Some((Box::new(BufReader::new(reader.into())), [stdout, writer]))
    }
}
