//! The names of errors that runs have without their functions naming them. Retry policies know them, and docs/functions.md explains each;
//! a test holds both together. The prelude of functions in JavaScript (`function_runner/inside/prelude.js`) has its own beside these.

/// Somebody has ended it.
pub const CANCELED: &str = "canceled";
/// Its process is gone.
pub const ZOMBIE: &str = "zombieTaskCleaned";
/// There are too many others behind it.
pub const TOO_DEEP: &str = "tooDeep";
/// It took too long.
pub const TIMED_OUT: &str = "timeLimitExceeded";
/// It can't be begun.
pub const NOT_BEGUN: &str = "notBegun";
/// Its result can't be kept.
pub const BAD_RESULT: &str = "invalidResult";
/// It broke off.
pub const BROKEN_OFF: &str = "brokenOff";
/// Its receiver could not be asked, or did not answer.
#[cfg(feature = "webhooks")]
pub const UNREACHABLE: &str = "unreachable";
/// Its process was ended by something else.
#[cfg(feature = "javascript")]
pub const KILLED: &str = "killed";
/// It needed too much memory.
#[cfg(feature = "javascript")]
pub const OUT_OF_MEMORY: &str = "outOfMemory";
/// It waits for nothing.
#[cfg(feature = "javascript")]
pub const NO_RESULT: &str = "noResult";
/// Its process can't shut itself in.
#[cfg(feature = "javascript")]
pub const NO_SANDBOX: &str = "noSandbox";
/// Its result is no JSON; the prelude says it.
#[cfg(feature = "javascript")]
pub const NOT_SERIALIZABLE: &str = "notSerializable";
/// It asks the interface in nobody's name.
#[cfg(feature = "javascript")]
pub const NO_ACCOUNT: &str = "noServiceAccount";
/// It asks the interface too often.
#[cfg(feature = "javascript")]
pub const TOO_MANY: &str = "tooManyQuestions";
/// A question, or the answer to it, is too large; the prelude says it, too.
#[cfg(feature = "javascript")]
pub const TOO_LARGE: &str = "tooLarge";
/// What has failed has no name of its own.
pub const UNNAMED: &str = "Error";
