//! Lines on their way to a stream whose reader may be slow, stuck or gone. Writing a line never waits and never fails;
//! a line that finds no room, or that the stream does not take, is lost and counted.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Lines that may wait for the reader of a stream.
const MAX_WAITING_LINES: usize = 4_096;
/// Their bytes together.
const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Longer lines are cut.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// The end of a line that was cut.
const CUT: &str = " … (cut)\n";
/// A message of the queue begins with the number of lines that were lost right before it.
const HEADER_BYTES: usize = size_of::<u64>();

/// The way to a stream.
#[derive(Debug)]
pub struct LineQueue {
    channel: NonBlocking,
    counts: Arc<Counts>,
}

/// Writes what waits when it is dropped, for about a second at most.
pub type LastLines = WorkerGuard;

/// The line that stands in a stream where `n` lines are missing; `None` where the stream must hold nothing but data.
pub type GapNotice = fn(n: u64) -> Option<String>;

#[derive(Debug, Default)]
struct Counts {
    waiting_lines: AtomicUsize,
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
    /// The lost lines that the stream does not report yet.
    unreported: AtomicU64,
}

impl LineQueue {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// There is no file handle left.
    pub fn to(stream: impl AsFd, gap_notice: GapNotice) -> io::Result<(Self, LastLines)> {
        // Not through the standard library's handle: its lock would be held by a write that is stuck.
        let file = File::from(stream.as_fd().try_clone_to_owned()?);
        let counts = Arc::new(Counts::default());
        let stream = Stream { file, counts: counts.clone(), gap_notice, torn: false };
        let (channel, last_lines) = NonBlockingBuilder::default()
            .thread_name("hookd-output")
            // The queue is never full, for lines are counted before: its guard would print to say so, and printing may hang.
            .buffered_lines_limit(MAX_WAITING_LINES + 1)
            .lossy(true)
            .finish(stream);
        Ok((Self { channel, counts }, last_lines))
    }

    /// Sends a line, which ends with its newline.
    pub fn send(&self, line: &str) {
        let mut message = Vec::with_capacity(HEADER_BYTES + line.len().min(MAX_LINE_BYTES));
        message.extend([0; HEADER_BYTES]);
        if line.len() > MAX_LINE_BYTES {
            let kept = line.floor_char_boundary(MAX_LINE_BYTES - CUT.len());
            message.extend(line.as_bytes().iter().take(kept).chain(CUT.as_bytes()));
        } else {
            message.extend(line.as_bytes());
        }
        if !self.counts.reserve(message.len()) {
            self.counts.lose(1);
            return;
        }
        let lost_before = self.counts.unreported.swap(0, Ordering::Relaxed);
        message.iter_mut().zip(lost_before.to_le_bytes()).for_each(|(header, byte)| *header = byte);
        // The channel has room; its thread is gone only when the process ends.
        let _ = self.channel.clone().write_all(&message);
    }

    /// Lines that were lost since the start.
    pub fn lost(&self) -> u64 {
        self.counts.lost.load(Ordering::Relaxed)
    }
}

/// One write is one line or several.
impl Write for &LineQueue {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.send(&String::from_utf8_lossy(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Counts {
    /// Takes room for a message; false where there is not enough.
    fn reserve(&self, bytes: usize) -> bool {
        let lines = self.waiting_lines.fetch_add(1, Ordering::Relaxed);
        let waiting = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = lines < MAX_WAITING_LINES && waiting.saturating_add(bytes) <= MAX_WAITING_BYTES;
        if !fits {
            self.release(bytes);
        }
        fits
    }

    fn release(&self, bytes: usize) {
        self.waiting_lines.fetch_sub(1, Ordering::Relaxed);
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        self.unreported.fetch_add(lines, Ordering::Relaxed);
    }
}

/// The end of the queue: on a thread of its own, which may wait for the reader for ever.
struct Stream {
    file: File,
    counts: Arc<Counts>,
    gap_notice: GapNotice,
    /// The last line has no end: the disk was full in the middle of it.
    torn: bool,
}

impl Stream {
    fn tell_of_gap(&mut self, lines: u64) {
        if lines == 0 {
            return;
        }
        if let Some(notice) = (self.gap_notice)(lines)
            && !self.put(notice.as_bytes())
        {
            self.counts.unreported.fetch_add(lines, Ordering::Relaxed);
        }
    }

    /// False where the stream does not take the line.
    fn put(&mut self, line: &[u8]) -> bool {
        if self.torn && self.put_part(b"\n").is_err() {
            return false;
        }
        self.torn = false;
        let mut written = 0;
        while let Some(rest) = line.get(written..).filter(|rest| !rest.is_empty()) {
            match self.put_part(rest) {
                Ok(bytes) => written += bytes,
                Err(_) => {
                    self.torn = written > 0;
                    return false;
                }
            }
        }
        true
    }

    fn put_part(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another program that has the same pipe or terminal made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_for_room()?,
                written => return written,
            }
        }
    }

    fn wait_for_room(&self) -> io::Result<()> {
        let mut wanted = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: one structure, which outlives the call.
        match unsafe { libc::poll(&raw mut wanted, 1, -1) } {
            -1 if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}

/// Never fails: otherwise the thread of the queue would drop its current lines.
impl Write for Stream {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        if let Some((lost_before, line)) = message.split_first_chunk::<HEADER_BYTES>() {
            self.tell_of_gap(u64::from_le_bytes(*lost_before));
            if !self.put(line) {
                self.counts.lose(1);
            }
        }
        self.counts.release(message.len());
        Ok(message.len())
    }

    /// Called whenever nothing waits any more.
    fn flush(&mut self) -> io::Result<()> {
        let lost = self.counts.unreported.swap(0, Ordering::Relaxed);
        self.tell_of_gap(lost);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use super::*;

    fn notice(lines: u64) -> Option<String> {
        Some(format!("{lines} lost\n"))
    }

    /// F-15: the bound holds in lines and in bytes, no writer waits, and the gap is reported where the lines are
    /// missing.
    #[test]
    fn a_stuck_reader_costs_lines_and_not_time() {
        for line in [format!("{}\n", "x".repeat(100)), format!("{}\n", "x".repeat(10_000))] {
            let (reader, writer) = io::pipe().unwrap();
            let (queue, last_lines) = LineQueue::to(writer, notice).unwrap();
            let sent = 20_000;
            for _ in 0..sent {
                queue.send(&line);
            }
            let lost = queue.lost();
            let in_memory = sent - lost;
            assert!(in_memory <= MAX_WAITING_LINES as u64 + 65_536 / line.len() as u64 + 1, "{in_memory} lines wait");
            assert!(in_memory * line.len() as u64 <= MAX_WAITING_BYTES as u64 + 65_536 + line.len() as u64);
            let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
            // Where the thread made room again, more lines came after a first notice.
            let (mut whole, mut told) = (0, 0);
            while whole + told < sent {
                match lines.next().unwrap() {
                    text if text == line.trim_end() => whole += 1,
                    notice => told += notice.strip_suffix(" lost").unwrap().parse::<u64>().unwrap(),
                }
            }
            assert_eq!(told, lost);
            queue.send("next\n");
            assert_eq!(lines.next().unwrap(), "next");
            drop(last_lines);
        }
    }

    /// F-15: a reader that went away costs its lines; one that comes back sees how many.
    #[test]
    fn a_reader_that_went_away_sees_the_gap_when_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let first = open();
        let writer = File::options().write(true).open(&path).unwrap();
        let (queue, last_lines) = LineQueue::to(writer, notice).unwrap();
        drop(first);
        for _ in 0..3 {
            queue.send("no process reads this\n");
        }
        while queue.lost() < 3 {
            std::thread::yield_now();
        }
        let mut lines = BufReader::new(open()).lines().map(Result::unwrap);
        queue.send("next\n");
        // The thread may be about to report the gap by itself.
        let mut read = [lines.next().unwrap(), lines.next().unwrap()];
        read.sort();
        assert_eq!(read, ["3 lost", "next"]);
        assert_eq!(queue.lost(), 3);
        drop(last_lines);
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (queue, last_lines) = LineQueue::to(writer, notice).unwrap();
        queue.send(&format!("{}\n", "ä".repeat(MAX_LINE_BYTES)));
        drop(last_lines);
        drop(queue);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert!(text.len() <= MAX_LINE_BYTES && text.ends_with(CUT), "{} bytes", text.len());
    }

    #[test]
    fn a_pipe_that_does_not_block_loses_nothing() {
        let (reader, writer) = io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
        let (queue, last_lines) = LineQueue::to(writer, notice).unwrap();
        let reading = std::thread::spawn(move || BufReader::new(reader).lines().count());
        for number in 0..3_000 {
            queue.send(&format!("{number:0>200}\n"));
        }
        let lost = queue.lost();
        drop(last_lines);
        drop(queue);
        assert_eq!((reading.join().unwrap(), lost), (3_000, 0));
    }
}
