//! Addresses to which no mail can be sent.

use tasks_management::CompletionPolicy::Any;

use crate::mails::{deliver, mail_rows, with_mail};
use crate::support::{apply, on_both};

#[apply(on_both)]
async fn an_address_for_which_the_protocol_has_no_words_is_given_up_at_once(backend: Backend) {
    let (app, server) = with_mail(backend).await;
    app.run("UPDATE core_user SET email = 'ada@exämple.org' WHERE username = 'exec1'");
    let group = app.group("one", Any, &["exec1"]).await;
    app.task_in(&group).await;
    deliver(&app).await;
    let mail = mail_rows(&app).await.remove(0);
    assert_eq!(mail["status"], "FAILED");
    assert!(
        mail["error"].as_str().is_some_and(|error| error.contains("can't be sent to this address")),
        "{mail}"
    );
    assert!(server.mails().is_empty());
    assert_eq!(app.count("SELECT count(*) FROM task_management_outbox WHERE status = 'DEAD'"), 1);
}
