//! Taking connections: how many there may be, how long they may be idle, and how much memory they may hold. A stranger who
//! only connects, or never reads, keeps nobody else out.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::origin::Origin;
use crate::config::HttpSettings;
use crate::domain::network::Network;
use crate::error::{Error, Result};

mod admission;
mod answers;
mod connection;
pub mod open_files;
mod watch;

use admission::{Admission, Connections};
use answers::{HeldAnswers, unavailable};
use connection::Watched;
pub use watch::Greeting;
use watch::Watch;

/// The longest head of a request, in bytes. Cookies with both tokens take less than a tenth of it.
const LONGEST_HEAD: usize = 32 * 1024;

/// How many bytes one connection buffers of a body or of an answer.
const BUFFER: usize = 64 * 1024;

/// How long a connection beyond the bounds may last.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// The pause after the system could not accept a connection, and while others are to be closed first.
const PAUSE: Duration = Duration::from_millis(10);
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// The state that all connections share.
struct Server {
    router: Router,
    settings: Arc<HttpSettings>,
    answers: Arc<HeldAnswers>,
    stopping: CancellationToken,
}

/// Serves `router` until `stop` ends, then waits for the requests under way. `files` is the number of connections that the
/// system can hold.
///
/// # Errors
/// INTERNAL when connections can't be accepted, or no more: then nobody is served.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Arc<HttpSettings>,
    files: usize,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    serve_by(thread::Builder::new(), listener, router, settings, files, stop).await
}

/// The same, with a thread of this kind to accept connections.
async fn serve_by(
    thread: thread::Builder,
    listener: TcpListener,
    router: Router,
    settings: Arc<HttpSettings>,
    files: usize,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let door = Door {
        connections: Connections::new(&settings, files),
        server: Arc::new(Server {
            router,
            answers: HeldAnswers::new(settings.held_answer_bytes),
            settings,
            stopping: CancellationToken::new(),
        }),
        tasks: TaskTracker::new(),
        workers: Handle::current(),
        closing: CancellationToken::new(),
    };
    let (server, tasks, closing) =
        (Arc::clone(&door.server), door.tasks.clone(), door.closing.clone().drop_guard());
    let mut accepting = door.accept_aside(thread, listener).await.map_err(Error::internal)?;
    tokio::select! {
        () = stop => {}
        _ = &mut accepting => return Err(Error::internal("connections are accepted no more")),
    }
    drop(closing);
    let _ = accepting.await;
    server.stopping.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Where connections are accepted.
struct Door {
    connections: Arc<Connections>,
    server: Arc<Server>,
    /// The connections under way.
    tasks: TaskTracker,
    /// The runtime that serves them.
    workers: Handle,
    closing: CancellationToken,
}

impl Door {
    /// Accepts connections on a thread of its own, so that nobody waits at the door because the workers are busy: a system
    /// drops newcomers when a thousand wait, and they try again only after a second or three. What it returns ends with the
    /// thread.
    async fn accept_aside(
        self,
        thread: thread::Builder,
        listener: TcpListener,
    ) -> io::Result<oneshot::Receiver<Infallible>> {
        let listener = listener.into_std()?;
        let open = move || -> io::Result<_> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let entered = runtime.enter();
            let listener = TcpListener::from_std(listener)?;
            drop(entered);
            Ok((runtime, listener))
        };
        let (opened, outcome) = oneshot::channel::<io::Result<()>>();
        let (goes_on, ended) = oneshot::channel();
        thread.name("accept".to_owned()).spawn(move || {
            let _goes_on = goes_on;
            match open() {
                Ok((runtime, listener)) => {
                    let _ = opened.send(Ok(()));
                    runtime.block_on(self.accept(listener));
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        })?;
        outcome.await.map_err(io::Error::other)??;
        Ok(ended)
    }

    async fn accept(&self, listener: TcpListener) {
        loop {
            // Otherwise the system would have no room for the next one, and thousands would wait at the door.
            while self.connections.are_closing() && !self.closing.is_cancelled() {
                tokio::time::sleep(SHORT_PAUSE).await;
            }
            let accepted = tokio::select! {
                biased;
                () = self.closing.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            // The stream may belong to the runtime of the workers from now on.
            let accepted = accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
            match accepted {
                Ok((stream, peer)) => {
                    let watch = Watch::new(&self.server.settings);
                    let admission = self.connections.admit(peer.ip(), &watch);
                    let (server, is_beyond) = (Arc::clone(&self.server), admission.beyond.is_some());
                    let serving = async move {
                        match TcpStream::from_std(stream) {
                            Ok(stream) => serve_connection(server, stream, peer, watch, admission).await,
                            Err(error) => tracing::debug!(%peer, %error, "a connection broke off"),
                        }
                    };
                    // A flood of connections that are refused never comes to the workers.
                    if is_beyond {
                        self.tasks.spawn(serving);
                    } else {
                        self.tasks.spawn_on(serving, &self.workers);
                    }
                }
                // The client went away before it was served.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionRefused
                            | ErrorKind::ConnectionAborted
                            | ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    self.connections.report("the limit of open files (ulimit -n)", None, Some(&error));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn serve_connection(
    server: Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    watch: Arc<Watch>,
    admission: Admission,
) {
    // Answers are written in one piece, so waiting for more data gains nothing.
    let _ = stream.set_nodelay(true);
    let Admission { slot, beyond, evicted } = admission;
    let service = service_fn({
        let (server, watch) = (Arc::clone(&server), Arc::clone(&watch));
        move |request| {
            let (server, watch) = (Arc::clone(&server), Arc::clone(&watch));
            async move { Ok::<_, Infallible>(answer(&server, &watch, peer, beyond, request).await) }
        }
    });
    let connection = http1::Builder::new()
        // `Watched` bounds the time, because it tells a slow head from an idle connection.
        .header_read_timeout(None::<Duration>)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(BUFFER)
        .keep_alive(beyond.is_none())
        .serve_connection(TokioIo::new(Watched::new(stream, Arc::clone(&watch), slot)), service)
        .with_upgrades();
    tokio::pin!(connection);
    let life = async {
        match beyond {
            Some(_) => tokio::time::sleep(SHORT_LIFE).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(life);
    let mut told = false;
    loop {
        tokio::select! {
            outcome = connection.as_mut() => {
                if let Err(error) = outcome {
                    tracing::debug!(%peer, %error, "a connection broke off");
                }
                return;
            }
            () = server.stopping.cancelled(), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
            () = watch.ended() => return,
            () = evicted.cancelled() => return,
            () = &mut life => return,
        }
    }
}

async fn answer(
    server: &Server,
    watch: &Arc<Watch>,
    peer: SocketAddr,
    beyond: Option<&'static str>,
    mut request: Request<Incoming>,
) -> Response {
    let working = watch.begin();
    let origin =
        Origin::of(Some(peer.ip().to_canonical()), request.headers(), &server.settings.trusted_proxies);
    let network = Network::around(origin.address.unwrap_or_else(|| peer.ip()));
    if let Some(setting) = beyond.filter(|_| !is_for_operators(request.uri().path())) {
        let mut refused = unavailable(Response::default(), setting);
        refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return refused.map(|body| working.body(body, None));
    }
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(watch.greeting());
    let Ok(response) = server.router.clone().oneshot(request).await;
    server.answers.keep(response, network, watch, working)
}

/// Whether the path is for operators, who are answered however many other connections there are.
fn is_for_operators(path: &str) -> bool {
    ["/healthz", "/readyz", "/metrics"].contains(&path)
}

#[cfg(test)]
mod tests {
    use async_graphql::futures_util::stream;
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::error::ErrorCode;

    /// Twice as long as anything may be idle.
    const LONG: Duration = Duration::from_secs(2);

    /// Three parts with long pauses between them, as `multipart/mixed` has.
    async fn parts() -> Response {
        let parts = stream::unfold(0, |number| async move {
            if number == 3 {
                return None;
            }
            tokio::time::sleep(LONG).await;
            Some((Ok::<_, io::Error>(format!("part {number}")), number + 1))
        });
        ([(header::CONTENT_TYPE, "multipart/mixed; boundary=-")], Body::from_stream(parts)).into_response()
    }

    /// A connection that is HTTP no more, as that of a WebSocket.
    async fn upgraded(request: axum::extract::Request) -> Response {
        tokio::spawn(async move {
            let mut stream = TokioIo::new(hyper::upgrade::on(request).await.expect("it goes on"));
            let mut word = [0_u8; 4];
            stream.read_exact(&mut word).await.expect("a word");
            tokio::time::sleep(LONG).await;
            stream.write_all(&word).await.expect("it is said again");
        });
        let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }

    #[tokio::test]
    async fn a_server_that_can_accept_nothing_ends_with_an_error() {
        // No system has room for such a stack.
        let thread = thread::Builder::new().stack_size(1 << 60);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (router, settings) = (Router::new(), Arc::new(HttpSettings::default()));
        let served = serve_by(thread, listener, router, settings, usize::MAX, std::future::pending()).await;
        assert_eq!(served.expect_err("nobody is served").code(), ErrorCode::Internal);
    }

    #[tokio::test]
    async fn connections_beyond_the_bounds_are_answered_without_the_workers() {
        let settings = HttpSettings { max_connections_per_address: 1, ..HttpSettings::default() };
        let thread = async || thread::current().name().unwrap_or_default().to_owned();
        let router = Router::new().route("/healthz", get(thread));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server =
            tokio::spawn(serve(listener, router, Arc::new(settings), usize::MAX, std::future::pending()));
        let ask = async || {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it goes out");
            let mut bytes = [0; 1_000];
            let length = stream.read(&mut bytes).await.expect("an answer");
            (String::from_utf8_lossy(&bytes[..length]).into_owned(), stream)
        };
        let (one, _held) = ask().await;
        let (other, _) = ask().await;
        assert!(one.starts_with("HTTP/1.1 200") && !one.ends_with("accept"), "{one}");
        assert!(other.starts_with("HTTP/1.1 200") && other.ends_with("accept"), "{other}");
        server.abort();
    }

    #[tokio::test]
    async fn streams_and_connections_that_are_http_no_more_are_spared_by_idle_limits() {
        let settings = HttpSettings {
            head_timeout_s: 1,
            idle_timeout_s: 1,
            write_timeout_s: 1,
            ..HttpSettings::default()
        };
        let router = Router::new().route("/parts", get(parts)).route("/echo", get(upgraded));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server =
            tokio::spawn(serve(listener, router, Arc::new(settings), usize::MAX, std::future::pending()));
        let ask = async |request: &str| {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.write_all(request.as_bytes()).await.expect("it goes out");
            stream
        };
        let mut parts = ask("GET /parts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let mut echo =
            ask("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n").await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(echo.read_u8().await.expect("a head"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        tokio::time::sleep(LONG).await;
        echo.write_all(b"word").await.expect("it goes out");
        let mut word = [0_u8; 4];
        echo.read_exact(&mut word).await.expect("it comes back");
        assert_eq!(&word, b"word");
        let mut text = String::new();
        parts.read_to_string(&mut text).await.expect("all of it");
        assert!(text.contains("part 0") && text.contains("part 2"), "{text}");
        server.abort();
    }
}
