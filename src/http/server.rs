//! Taking connections: how many, how long they may be idle, and what they may hold. A stranger who only connects, or never reads,
//! keeps nobody else out.

use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
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
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::origin::Origin;
use crate::config::HttpSettings;
use crate::domain::network::Network;

mod admission;
mod answers;
mod connection;
pub mod open_files;

use admission::{Admission, Connections};
use answers::{HeldAnswers, unavailable};
use connection::{Watch, Watched};

/// The longest head of a request, in bytes; a cookie with both tokens takes less than a tenth.
const LONGEST_HEAD: usize = 32 * 1024;

/// What one connection keeps of a body that comes or an answer that goes.
const BUFFER: usize = 64 * 1024;

/// How long a connection beyond the bounds has, for all that it wants.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// How long nothing is accepted after the system could not.
const PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
struct Server {
    router: Router,
    settings: Arc<HttpSettings>,
    answers: Arc<HeldAnswers>,
    stopping: CancellationToken,
}

/// Serves `router` until `stop` ends, then waits for the requests that are under way. `files`: how many connections the system
/// can hold.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Arc<HttpSettings>,
    files: usize,
    stop: impl Future<Output = ()>,
) {
    let connections = Connections::new(&settings, files);
    let server = Arc::new(Server {
        router,
        answers: HeldAnswers::new(settings.held_answer_bytes),
        settings,
        stopping: CancellationToken::new(),
    });
    let tasks = TaskTracker::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let admission = connections.admit(peer.ip());
                tasks.spawn(serve_connection(Arc::clone(&server), stream, peer, admission));
            }
            // The client went away before it was served.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                connections.report("the limit of open files (ulimit -n)", None, Some(&error));
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    server.stopping.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn serve_connection(server: Arc<Server>, stream: TcpStream, peer: SocketAddr, admission: Admission) {
    // Answers are written whole, so waiting for more to send gains nothing.
    let _ = stream.set_nodelay(true);
    let Admission { slot, beyond, evicted } = admission;
    let watch = Watch::new(&server.settings);
    let service = service_fn({
        let (server, watch) = (Arc::clone(&server), Arc::clone(&watch));
        move |request| {
            let (server, watch) = (Arc::clone(&server), Arc::clone(&watch));
            async move { Ok::<_, Infallible>(answer(&server, &watch, peer, beyond, request).await) }
        }
    });
    let connection = http1::Builder::new()
        // Time is kept by `Watched`, which tells a slow head from an idle connection.
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
    let Ok(response) = server.router.clone().oneshot(request).await;
    server.answers.keep(response, network, watch, working)
}

/// Operators are answered however many others are there.
fn is_for_operators(path: &str) -> bool {
    ["/healthz", "/readyz", "/metrics"].contains(&path)
}
