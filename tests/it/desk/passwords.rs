//! Setting a new password at the desk: by the link of a mail, which is asked for there.

use serde_json::json;
use tasks_management::Settings;

use super::world::World;
use crate::mails::{at, deliver, recipients};
use crate::support::smtp::{MailServer, Protection};
use crate::support::{Backend, until};

const PLACE: &str = "#set_password?user={username}&token={token}";

async fn start(server: &MailServer) -> World {
    let usual = at(server);
    let linked = |all: &mut Settings| {
        usual(all);
        all.mail.reset_url = format!("https://tasks.example.org/{PLACE}");
    };
    World::start_with(Backend::Sqlite, (1_400, 900), linked).await
}

/// Asks for a link at the desk, and returns what stands behind the address of the desk in it.
async fn asked(world: &World, server: &MailServer) -> String {
    let browser = &world.browser;
    browser.click("button", "Forgotten your password?");
    browser.sees("Send me a link");
    browser.wait("document.activeElement?.name === 'username'");
    browser.press("exec5\u{e007}");
    browser.sees("a link is on its way there");
    // The server's own workers may be at it already.
    deliver(&world.app).await;
    until("the mail has come", || !server.mails().is_empty()).await;
    let mails = server.take();
    assert_eq!(recipients(&mails), ["exec5@example.org"]);
    let text = mails[0].text();
    let link = text.lines().find_map(|line| line.trim().strip_prefix("https://tasks.example.org/"));
    link.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn fill(world: &World, first: &str, second: &str) {
    for (name, text) in [("first", first), ("second", second)] {
        let css = format!("input[name={name}]");
        world.browser.wait(&format!("document.querySelector('{css}') ? true : false"));
        world.browser.script("document.querySelector(arguments[0]).value = ''", json!([css]));
        world.browser.fill(&css, text);
    }
    world.browser.click("button", "Set the password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_forgotten_the_password_sets_another_one_by_the_link_of_a_mail() {
    let server = MailServer::start(Protection::Plain).await;
    let world = start(&server).await;
    world.open("");
    let link = asked(&world, &server).await;
    let browser = &world.browser;
    browser.open("about:blank");
    world.open(&link);
    browser.sees("Set a new password");
    browser.sees("It needs at least 8 characters.");
    browser.wait("document.activeElement?.name === 'first'");
    super::seeing::check(&world, "a new password");
    fill(&world, "a grey whale sings", "a grey whale sinks");
    browser.sees("These are two different passwords.");
    fill(&world, "exec5exec5", "exec5exec5");
    browser.sees("A password must not hold the names or the e-mail address of its owner.");
    browser.wait("document.activeElement?.name === 'first'");
    fill(&world, "a grey whale sings", "a grey whale sings");
    browser.sees("Your new password is set.");
    browser.sees("Waiting for me");
    super::seeing::check(&world, "with a notice");
    // The token stands in the address no longer.
    assert!(!browser.address().contains("token"), "{}", browser.address());
    // It was for once: who comes again is told so, and can ask for another one.
    browser.click("button", "Log out");
    browser.sees("Forgotten your password?");
    browser.open("about:blank");
    world.open(&link);
    fill(&world, "another grey whale", "another grey whale");
    browser.sees("This token is not for this user, was used already, or has ended: ask for a new one.");
    browser.click("button", "Ask for another link");
    browser.wait("document.querySelector('input[name=username]')?.value === 'exec5'");
    browser.click("button", "Send me a link");
    browser.sees("a link is on its way there");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_reads_french_is_refused_in_french() {
    let world = World::start(Backend::Sqlite).await;
    world.open("#set_password?user=exec5&token=nothing");
    let browser = &world.browser;
    browser.sees("Set a new password");
    browser.click("button", "To the page for logging in");
    browser.click("button", "Français");
    browser.sees("Mot de passe oublié");
    assert!(!browser.address().contains("token"), "{}", browser.address());
    world.open("#set_password?user=exec5&token=nothing");
    browser.sees("Il faut au moins 8 caractères.");
    for name in ["first", "second"] {
        browser.fill(&format!("input[name={name}]"), "une baleine grise");
    }
    browser.click("button", "Définir le mot de passe");
    browser.sees("jeton");
    // Where no mails are sent, nobody is offered one: somebody else helps.
    browser.sees("Demandez à quelqu’un qui gère les personnes ici");
    assert!(!browser.text("main").contains("lien"), "{}", browser.text("main"));
    browser.click("button", "Vers la page de connexion");
    browser.sees("Demandez à quelqu’un qui gère les personnes ici");
    browser.wait("document.querySelector('input[name=password]') ? true : false");
    assert!(!browser.text("main").contains("lien"), "{}", browser.text("main"));
    world.open("?forgotten=1");
    browser.wait("document.querySelector('input[name=password]') ? true : false");
    super::seeing::check(&world, "without mails");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_back_button_leads_from_the_forgotten_password_to_logging_in() {
    let server = MailServer::start(Protection::Plain).await;
    let world = start(&server).await;
    let browser = &world.browser;
    browser.open("about:blank");
    world.open("?list=all");
    browser.click("button", "Forgotten your password?");
    browser.sees("Send me a link");
    browser.back();
    browser.wait("document.querySelector('input[name=password]') ? true : false");
    browser.wait("document.activeElement?.name === 'username'");
    assert!(browser.address().ends_with("?list=all"), "{}", browser.address());
    browser.script("history.forward()", json!([]));
    browser.sees("Send me a link");
    browser.click("button", "To the page for logging in");
    world.log_in_here("exec5");
    browser.wait("document.querySelector('main h1')?.innerText.startsWith('All tasks') ?? false");
    // From the link of a mail, the button leads back to the link.
    browser.click("button", "Log out");
    browser.sees("Forgotten your password?");
    browser.open("about:blank");
    world.open("?list=all#set_password?user=exec5&token=nothing");
    browser.click("button", "Ask for another link");
    browser.sees("Send me a link");
    browser.back();
    browser.sees("Set the password");
    browser.click("button", "Ask for another link");
    browser.click("button", "To the page for logging in");
    browser.wait("document.querySelector('input[name=password]') ? true : false");
    assert!(browser.address().ends_with("?list=all"), "{}", browser.address());
}
