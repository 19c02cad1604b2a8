//! The subcommands about people and rights.

use clap::Subcommand;
use tasks_management::cli;
use tasks_management::config::Settings;
use uuid::Uuid;

/// The subcommands of `user`.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Adds a user; the password is read from the standard input.
    Add {
        /// The name to log in with.
        username: String,
        /// Family name.
        #[arg(long, default_value = "")]
        last_name: String,
        /// Given names.
        #[arg(long, default_value = "")]
        other_names: String,
        /// E-mail address.
        #[arg(long)]
        email: Option<String>,
        /// Code of a language.
        #[arg(long, default_value = "en")]
        language: String,
        /// Name of a role; may be given several times.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Adds a user as whom nobody can log in, for programs.
        #[arg(long)]
        no_password: bool,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Sets a user's password, read from the standard input; the user's sessions end.
    SetPassword {
        /// The user's name.
        username: String,
    },
    /// Gives a user a role.
    Grant {
        /// The user's name.
        username: String,
        /// The role's name.
        role: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Takes a role from a user.
    Revoke {
        /// The user's name.
        username: String,
        /// The role's name.
        role: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows users by name.
    List {
        /// Only those in whose names each of these words stands.
        #[arg(long)]
        search: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows all there is about one user.
    Show {
        /// The user's name.
        username: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows a user's roles.
    Roles {
        /// The user's name.
        username: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Blocks a user who has left: sessions end at once, and the tasks that would wait are weighed again.
    Block {
        /// The user's name.
        username: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lets a blocked user in again.
    Unblock {
        /// The user's name.
        username: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows the sessions of a user that go on, or ends them.
    Sessions {
        /// The user's name.
        username: String,
        /// Ends them.
        #[arg(long)]
        end: bool,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Gives a user another name to log in with.
    Rename {
        /// The user's name.
        username: String,
        /// The new name.
        new: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The subcommands of `role`.
#[derive(Subcommand)]
pub enum RoleCommand {
    /// Shows roles by name.
    List {
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows all there is about one role.
    Show {
        /// The role's name.
        role: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Creates a role.
    Create {
        /// A name that no other role has.
        role: String,
        /// Numbers of rights, as `rights list` shows them.
        rights: Vec<i32>,
        /// Takes other numbers too, for other programs.
        #[arg(long)]
        unknown: bool,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Has a role grant these rights, and no others.
    SetRights {
        /// The role's name.
        role: String,
        /// Numbers of rights, as `rights list` shows them.
        rights: Vec<i32>,
        /// Takes all rights from the role.
        #[arg(long, conflicts_with = "rights")]
        none: bool,
        /// Takes other numbers too, for other programs.
        #[arg(long)]
        unknown: bool,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Deletes a role that nobody has.
    Delete {
        /// The role's name.
        role: String,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The subcommands of `token`.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Shows the tokens that go on.
    List {
        /// Only those of the user with this name.
        #[arg(long)]
        user: Option<String>,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes a token for a program, and shows it once.
    Create {
        /// The name of the user in whose name the program asks.
        username: String,
        /// What the token is for.
        name: String,
        /// Numbers of rights that the user has, as `rights list` shows them.
        rights: Vec<i32>,
        /// In how many days it ends.
        #[arg(long, default_value_t = 30)]
        days: u32,
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ends tokens.
    Revoke {
        /// Tokens, as `token list` shows them.
        #[arg(required = true)]
        tokens: Vec<Uuid>,
    },
}

/// The subcommands of `rights`.
#[derive(Subcommand)]
pub enum RightsCommand {
    /// Shows the rights, and what each opens.
    List {
        /// Shows JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Does what a subcommand of `user` says.
pub async fn user(settings: Settings, command: UserCommand) -> Result<String, String> {
    match command {
        UserCommand::Add { username, last_name, other_names, email, language, roles, no_password, json } => {
            let password = if no_password { None } else { Some(cli::read_password()?) };
            let new = cli::NewUser { username, password, last_name, other_names, email, language, roles };
            cli::add_user(settings, new, json).await
        }
        UserCommand::SetPassword { username } => {
            let password = cli::read_password()?;
            cli::set_password(settings, username, password).await
        }
        UserCommand::Grant { username, role, json } => cli::grant(settings, username, role, json).await,
        UserCommand::Revoke { username, role, json } => cli::revoke(settings, username, role, json).await,
        UserCommand::List { search, limit, json } => cli::list_users(settings, search, limit, json).await,
        UserCommand::Show { username, json } => cli::show_user(settings, username, json).await,
        UserCommand::Roles { username, json } => cli::roles_of(settings, username, json).await,
        UserCommand::Block { username, json } => cli::set_active(settings, username, false, json).await,
        UserCommand::Unblock { username, json } => cli::set_active(settings, username, true, json).await,
        UserCommand::Sessions { username, end, json } => cli::sessions(settings, username, end, json).await,
        UserCommand::Rename { username, new, json } => cli::rename(settings, username, new, json).await,
    }
}

/// Does what a subcommand of `role` says.
pub async fn role(settings: Settings, command: RoleCommand) -> Result<String, String> {
    match command {
        RoleCommand::List { json } => cli::list_roles(settings, json).await,
        RoleCommand::Show { role, json } => cli::show_role(settings, role, json).await,
        RoleCommand::Create { role, rights, unknown, json } => {
            cli::create_role(settings, role, cli::GivenRights { rights, unknown }, json).await
        }
        RoleCommand::SetRights { rights, none: false, .. } if rights.is_empty() => {
            Err("no rights are named: name those that the role is to grant, or take all from it by --none"
                .to_owned())
        }
        RoleCommand::SetRights { role, rights, none: _, unknown, json } => {
            cli::set_rights(settings, role, cli::GivenRights { rights, unknown }, json).await
        }
        RoleCommand::Delete { role, json } => cli::delete_role(settings, role, json).await,
    }
}

/// Does what a subcommand of `token` says.
pub async fn token(settings: Settings, command: TokenCommand) -> Result<String, String> {
    match command {
        TokenCommand::List { user, json } => cli::list_tokens(settings, user, json).await,
        TokenCommand::Create { username, name, rights, days, json } => {
            cli::create_token(settings, username, name, days, rights, json).await
        }
        TokenCommand::Revoke { tokens } => cli::revoke_tokens(settings, tokens).await,
    }
}

/// Does what a subcommand of `rights` says.
pub async fn rights(settings: Settings, command: RightsCommand) -> Result<String, String> {
    match command {
        RightsCommand::List { json } => cli::list_rights(settings, json).await,
    }
}
