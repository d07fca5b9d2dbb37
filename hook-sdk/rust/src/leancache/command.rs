//! Commands by name, alone or several at once.

use super::{FromReply, Reply, Result, send};

/// A command under construction.
///
/// ```
/// use hook_sdk::leancache::Command;
///
/// let length: i64 = Command::new("STRLEN").arg("greeting").run()?;
/// # Ok::<(), hook_sdk::leancache::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Command {
    words: Vec<Vec<u8>>,
}

impl Command {
    /// A command of Redis, for example `SET`.
    pub fn new(name: &str) -> Self {
        Self { words: vec![name.as_bytes().to_vec()] }
    }

    /// Adds an argument: a key, a value, a number, an option.
    pub fn arg(mut self, argument: impl ToArgument) -> Self {
        self.words.push(argument.to_argument());
        self
    }

    /// Adds several arguments.
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl ToArgument>) -> Self {
        self.words.extend(arguments.into_iter().map(|argument| argument.to_argument()));
        self
    }

    /// Carries it out.
    ///
    /// # Errors
    /// When it was not carried out, or its reply is an error or of another type.
    pub fn run<T: FromReply>(self) -> Result<T> {
        T::from_reply(send(&[self.words])?.pop().unwrap_or(Reply::Nil))
    }
}

/// Carries several commands out in their order, in one round trip. Their replies become a tuple or a list. Commands of other
/// calls may come in between.
///
/// ```
/// use hook_sdk::leancache::{Command, pipeline};
///
/// let (visits, _): (i64, bool) = pipeline([
///     Command::new("INCR").arg("visits"),
///     Command::new("EXPIRE").arg("visits").arg(3600),
/// ])?;
/// # assert_eq!(visits, 1);
/// # Ok::<(), hook_sdk::leancache::Error>(())
/// ```
///
/// # Errors
/// When they were not carried out, or a reply is an error or of another type. To see the errors of single commands, ask for
/// a `Vec<Reply>`.
pub fn pipeline<T: FromReply>(commands: impl IntoIterator<Item = Command>) -> Result<T> {
    let commands: Vec<_> = commands.into_iter().map(|command| command.words).collect();
    T::from_reply(Reply::Array(send(&commands)?))
}

/// What can be a key, a value or an option of a command.
pub trait ToArgument {
    /// Its bytes; numbers in decimal.
    fn to_argument(&self) -> Vec<u8>;
}

impl<T: ToArgument + ?Sized> ToArgument for &T {
    fn to_argument(&self) -> Vec<u8> {
        (**self).to_argument()
    }
}

impl ToArgument for str {
    fn to_argument(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl ToArgument for String {
    fn to_argument(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl ToArgument for [u8] {
    fn to_argument(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> ToArgument for [u8; N] {
    fn to_argument(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl ToArgument for Vec<u8> {
    fn to_argument(&self) -> Vec<u8> {
        self.clone()
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl ToArgument for $number {
            fn to_argument(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
        }
    )*};
}

numbers!(i16 i32 i64 isize u16 u32 u64 usize f32 f64);
