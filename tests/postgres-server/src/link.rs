//! A way to a server that can be slow, or lose what the server answers.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// How the link treats what the server answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    /// They pass, each part after this time.
    After(Duration),
    /// They are kept back; the server goes on.
    Held,
}

struct State {
    answers: Answers,
    connections: Vec<TcpStream>,
}

/// A port of 127.0.0.1 that leads to the server.
pub struct Link {
    port: u16,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Link {
    /// A link that changes nothing yet, to this port of 127.0.0.1.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { answers: Answers::After(Duration::ZERO), connections: Vec::new() };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let of_link = state.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Without a server, the client finds a closed connection.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    join(client, server, &of_link);
                }
            }
        });
        Self { port, state }
    }

    /// Where it is reached.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on each part of an answer comes this much later.
    pub fn delay(&self, by: Duration) {
        self.set(Answers::After(by));
    }

    /// From now on no answer comes, while the server gets everything that is sent to it.
    pub fn hold_answers(&self) {
        self.set(Answers::Held);
    }

    /// Answers pass again, those that were held too.
    pub fn pass(&self) {
        self.set(Answers::After(Duration::ZERO));
    }

    /// Ends all connections.
    pub fn cut(&self) {
        let (state, _) = &*self.state;
        for connection in state.lock().unwrap_or_else(PoisonError::into_inner).connections.drain(..) {
            // It may have ended by itself.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn set(&self, answers: Answers) {
        let (state, changed) = &*self.state;
        state.lock().unwrap_or_else(PoisonError::into_inner).answers = answers;
        changed.notify_all();
    }
}

fn join(client: TcpStream, server: TcpStream, state: &Arc<(Mutex<State>, Condvar)>) {
    for socket in [&client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
    state.0.lock().unwrap_or_else(PoisonError::into_inner).connections.extend(both);
    let (from_client, to_client) = (client.try_clone().unwrap(), client);
    let (from_server, to_server) = (server.try_clone().unwrap(), server);
    let state = state.clone();
    thread::spawn(move || carry(from_client, to_server, || {}));
    thread::spawn(move || {
        carry(from_server, to_client, || {
            let (lock, changed) = &*state;
            let held = lock.lock().unwrap_or_else(PoisonError::into_inner);
            let state = changed.wait_while(held, |state| state.answers == Answers::Held);
            let answers = state.unwrap_or_else(PoisonError::into_inner).answers;
            if let Answers::After(delay) = answers {
                thread::sleep(delay);
            }
        })
    });
}

/// Until one side ends; then the other one ends too.
fn carry(mut from: TcpStream, mut to: TcpStream, before_each_part: impl Fn()) {
    let mut part = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut part) {
        before_each_part();
        let Some(bytes) = part.get(..length) else { break };
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
