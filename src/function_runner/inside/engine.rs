//! QuickJS, bounded in memory, stack and time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::prelude::MutFn;
use rquickjs::promise::PromiseState;
use rquickjs::{Context, Ctx, Error, FromJs, Function, Module, Object, Promise, Runtime, Value};
use serde_json::value::RawValue;

use super::{Heard, tell};
use crate::domain::function_run::reason::{
    BAD_RESULT, BROKEN_OFF, NO_RESULT, OUT_OF_MEMORY, TIMED_OUT, UNNAMED,
};
use crate::domain::function_run::{LOG_BYTES, MOST_LINES};
use crate::function_runner::message::{Fault, Job, Reply, Told};

const PRELUDE: &str = include_str!("prelude.js");
/// The name of the function's module, as stacks show it.
const MODULE: &str = "function.js";
/// A quarter of the smallest stack that main threads usually have.
const STACK: usize = 1024 * 1024;

/// What people read of a run that needed too much memory.
const LITTLE_MEMORY: &str = "it needs more memory than it may have (memoryLimit)";
/// How long a question with its variables may be, in characters; in JSON it takes six times as many bytes at most.
const QUESTION_LENGTH: usize = 2 * 1024 * 1024;

type Outcome<T> = Result<T, Fault>;

/// Whether a source is a module; it is not executed.
pub fn check(source: String, memory_mb: u64) -> Told {
    let deadline = Instant::now() + Duration::from_secs(60);
    let outcome = within(memory_mb, deadline, |ctx| {
        let declared = Module::declare(ctx.clone(), MODULE, source);
        declared.map(drop).map_err(|error| plain(&ctx, &error))
    });
    match outcome {
        Ok(()) => Told::Result(RawValue::NULL.to_owned()),
        Err(fault) => Told::Failed(fault),
    }
}

/// Executes a run.
pub fn run(job: Job, memory_mb: u64, seconds: u64, heard: &Heard) -> Told {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let outcome =
        within(memory_mb, deadline, |ctx| Execution { ctx, deadline, asked: Rc::default(), heard }.run(job));
    match outcome {
        _ if Instant::now() >= deadline => {
            Told::Failed(Fault::new(TIMED_OUT, format!("it took longer than {seconds} s (timeLimit)")))
        }
        Ok(result) => Told::Result(result),
        Err(fault) => Told::Failed(fault),
    }
}

/// Does something by an engine with these bounds.
fn within<T>(memory_mb: u64, deadline: Instant, work: impl FnOnce(Ctx<'_>) -> Outcome<T>) -> Outcome<T> {
    let failed = |error: Error| Fault::new(BROKEN_OFF, format!("the engine can't be started: {error}"));
    let runtime = Runtime::new().map_err(failed)?;
    runtime.set_memory_limit(usize::try_from(memory_mb * 1024 * 1024).unwrap_or(usize::MAX));
    runtime.set_max_stack_size(STACK);
    runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= deadline)));
    let context = Context::full(&runtime).map_err(failed)?;
    let outcome = context.with(work);
    // The process ends now. What a function that was broken off has left need not be taken apart.
    let _kept = ManuallyDrop::new((context, runtime));
    outcome
}

/// A run that is executed.
struct Execution<'a, 'js> {
    ctx: Ctx<'js>,
    deadline: Instant,
    /// How many questions the function has asked.
    asked: Rc<Cell<u32>>,
    heard: &'a Heard,
}

impl<'js> Execution<'_, 'js> {
    fn run(&self, job: Job) -> Outcome<Box<RawValue>> {
        let prelude =
            self.prelude(&job.environment, job.result_bytes).map_err(|error| plain(&self.ctx, &error))?;
        let declared = Module::declare(self.ctx.clone(), MODULE, job.source);
        let begun = declared.and_then(Module::eval).map_err(|error| self.fault(&prelude, &error));
        let (module, evaluated) = begun?;
        self.settle::<Value<'js>>(&prelude, &evaluated)?;
        let called = || -> Result<Promise<'js>, Error> {
            let main: Value<'js> = module.namespace()?.get("default")?;
            prelude.get::<_, Function<'js>>("run")?.call((main, job.task.get()))
        };
        let promise = called().map_err(|error| self.fault(&prelude, &error))?;
        let json: String = self.settle(&prelude, &promise)?;
        if json.len() > job.result_bytes {
            let message = format!("the result has {} bytes, {} are allowed", json.len(), job.result_bytes);
            return Err(Fault::new(BAD_RESULT, message));
        }
        RawValue::from_string(json).map_err(|error| Fault::new(BROKEN_OFF, error.to_string()))
    }

    /// What a function finds beside the language.
    fn prelude(
        &self,
        environment: &BTreeMap<String, String>,
        result_bytes: usize,
    ) -> Result<Object<'js>, Error> {
        let mut log = Log::default();
        let asked = Rc::clone(&self.asked);
        let say = Function::new(self.ctx.clone(), MutFn::new(move |line: String| log.say(line)))?;
        let ask = Function::new(self.ctx.clone(), move |query: String, variables: Option<String>| {
            asked.set(asked.get() + 1);
            ask(asked.get(), query, variables)
        })?;
        let environment = serde_json::to_string(environment).unwrap_or_default();
        let make: Function<'js> = self.ctx.eval(PRELUDE)?;
        make.call((say, ask, environment, LOG_BYTES + 1, QUESTION_LENGTH, result_bytes))
    }

    /// Goes on until a promise is settled. What the function has asked is answered when there is nothing else to do.
    fn settle<T: FromJs<'js>>(&self, prelude: &Object<'js>, promise: &Promise<'js>) -> Outcome<T> {
        let mut answered = 0;
        while promise.state() == PromiseState::Pending && Instant::now() < self.deadline {
            if self.ctx.execute_pending_job() {
                continue;
            }
            if answered == self.asked.get() {
                let message = "it waits for something that never comes: nothing is under way any more";
                return Err(Fault::new(NO_RESULT, message));
            }
            let reply =
                self.heard.next::<Reply>().map_err(|error| Fault::new(BROKEN_OFF, error.to_string()))?;
            answered += 1;
            answer(prelude, reply).map_err(|error| self.fault(prelude, &error))?;
        }
        match promise.result() {
            Some(result) => result.map_err(|error| self.fault(prelude, &error)),
            None => Err(Fault::new(TIMED_OUT, "")),
        }
    }

    /// What was thrown, as the prelude describes it; that may run code of the function.
    fn fault(&self, prelude: &Object<'js>, error: &Error) -> Fault {
        if !error.is_exception() {
            return plain(&self.ctx, error);
        }
        let thrown = self.ctx.catch();
        if thrown.is_null() && self.had_no_memory() {
            return Fault::new(OUT_OF_MEMORY, LITTLE_MEMORY);
        }
        let describe = prelude.get::<_, Function<'js>>("describe");
        let described = describe.and_then(|describe| describe.call::<_, Object<'js>>((thrown,)));
        let read = described.and_then(|said| Ok((said.get::<_, String>("name")?, said.get("message")?)));
        read.map_or_else(|error| self.undescribed(&error), |(name, message)| known(&name, message))
    }

    /// What the engine says of an error that the function keeps from being described.
    fn undescribed(&self, error: &Error) -> Fault {
        let thrown = self.ctx.catch();
        if thrown.is_null() && !self.had_no_memory() { unshown(error) } else { said(&thrown, error) }
    }

    /// Whether null was thrown by the engine. It does so where there is no memory left for an error; the memory may be free again by
    /// now, so the process is asked, which sees how much there was.
    fn had_no_memory(&self) -> bool {
        tell_or_end(&Told::Null { before: self.heard.own_kilobytes });
        loop {
            match self.heard.next::<Reply>() {
                Ok(Reply { number: Reply::OF_NULL, answer }) => return answer.is_err(),
                // The answer to a question, for which nobody waits any more.
                Ok(_) => {}
                Err(_) => return true,
            }
        }
    }
}

/// Tells the function what came of a question.
fn answer(prelude: &Object<'_>, reply: Reply) -> Result<(), Error> {
    let answer: Function<'_> = prelude.get("answer")?;
    match reply.answer {
        Ok(json) => answer.call((reply.number, json.get())),
        Err(Fault { name, message }) => answer.call((reply.number, message, name)),
    }
}

/// The log, of which no more is told than is kept.
#[derive(Default)]
struct Log {
    lines: usize,
    bytes: usize,
}

impl Log {
    fn say(&mut self, line: String) {
        // One more than is kept, so that the log says that it is full.
        if self.lines <= MOST_LINES && self.bytes <= LOG_BYTES {
            self.lines += 1;
            self.bytes += line.len();
            tell_or_end(&Told::Line(line));
        }
    }
}

/// Asks the interface; returns the number of the question.
fn ask(number: u32, query: String, variables: Option<String>) -> u32 {
    let variables = variables.and_then(|json| RawValue::from_string(json).ok());
    tell_or_end(&Told::Question { number, query, variables });
    number
}

/// Tells something to the process. Without it there is nothing left to do.
fn tell_or_end(told: &Told) {
    if tell(told).is_err() {
        std::process::exit(1);
    }
}

/// What the engine says, where the prelude can't describe it.
fn plain(ctx: &Ctx<'_>, error: &Error) -> Fault {
    said(&ctx.catch(), error)
}

/// What the engine says of what was thrown; null is thrown by itself.
fn said(thrown: &Value<'_>, error: &Error) -> Fault {
    if thrown.is_null() || matches!(error, Error::Allocation) {
        return Fault::new(OUT_OF_MEMORY, LITTLE_MEMORY);
    }
    match thrown.as_exception() {
        Some(exception) => {
            let name = exception.get::<_, String>("name").unwrap_or_default();
            known(&name, exception.message().unwrap_or_default())
        }
        None => unshown(error),
    }
}

fn unshown(error: &Error) -> Fault {
    Fault::new(UNNAMED, format!("what it has thrown can't be shown: {error}"))
}

/// The error under the name by which it goes here.
fn known(name: &str, message: String) -> Fault {
    if name == "InternalError" && message.starts_with("out of memory") {
        return Fault::new(OUT_OF_MEMORY, LITTLE_MEMORY);
    }
    Fault { name: name.to_owned(), message }
}
