//! What a runner gives up before it reads any source: descriptors, memory, time, files, the network, other processes.

use std::io;

use rustix::process::{Resource, Rlimit, nice, setrlimit};

use crate::function_runner::kilobytes;

/// What the program itself may need beside the memory of the function.
const OWN_MEMORY: u64 = 96 * 1024 * 1024;

/// How far it stands back for others on the processor.
const NICE: i32 = 10;

/// Closes what it was given beside its standard streams.
pub fn close_strays() -> io::Result<()> {
    let names: Vec<i32> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in names.into_iter().filter(|descriptor| *descriptor > 2) {
        // That by which the list was read is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

/// Bounds what this process may take of the machine.
pub fn limit(memory: u64, seconds: u64) -> io::Result<()> {
    let most = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Fsize, most(0))?;
    setrlimit(Resource::Nofile, most(3))?;
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds + 1), maximum: Some(seconds + 2) })?;
    // Not every system bounds these; the engine bounds its memory anyway.
    let _ = setrlimit(Resource::As, most(memory));
    let _ = setrlimit(Resource::Nproc, most(0));
    // Whoever waits for an answer goes before.
    let _ = nice(NICE);
    Ok(())
}

/// What this process has of memory before its order.
pub struct OwnMemory {
    /// How many bytes of addresses it has already, and may need beside the memory of the function.
    pub addresses: u64,
    /// How many kilobytes it has, beside its program's file.
    pub kilobytes: u64,
}

/// Looks at the memory of this process.
pub fn own_memory() -> OwnMemory {
    // An allocator may reserve more than it uses.
    const UNKNOWN: u64 = 4 * 1024 * 1024 * 1024;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let addresses = kilobytes(&status, "VmSize").map_or(UNKNOWN, |kilobytes| kilobytes * 1024);
    OwnMemory {
        addresses: addresses + OWN_MEMORY,
        kilobytes: kilobytes(&status, "RssAnon").unwrap_or_default(),
    }
}

/// Gives up what the system lets a superuser do, for this thread, those it starts, and whatever would take its place.
#[cfg(target_os = "linux")]
pub fn give_up_privileges() -> io::Result<()> {
    use rustix::thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_capabilities,
    };

    // Without the right to take these away, there is nothing that they would bound; beyond the last one, there are no more.
    for number in 0..u64::BITS {
        if remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)).is_err() {
            break;
        }
    }
    // What is not permitted is not ambient either. Old kernels do not know the word.
    let _ = clear_ambient_capability_set();
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// Takes the file system and the network away from this thread and those it starts, where the kernel has Landlock.
#[cfg(target_os = "linux")]
pub fn enclose() -> io::Result<()> {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetCreated, Scope};

    const LATEST: ABI = ABI::V6;
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(LATEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LATEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LATEST)))
        .and_then(Ruleset::create);
    ruleset.and_then(RulesetCreated::restrict_self).map(drop).map_err(io::Error::other)
}

/// Refuses all calls of the system but those by which a process computes, on all threads; also what was opened before is of no use then.
#[cfg(target_os = "linux")]
pub fn filter() -> io::Result<()> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(calls::allowed()?, refused, SeccompAction::Allow, arch);
    let program: BpfProgram = filter.and_then(BpfProgram::try_from).map_err(io::Error::other)?;
    apply_filter_all_threads(&program).map_err(io::Error::other)
}

/// Other systems have nothing of the kind.
#[cfg(not(target_os = "linux"))]
pub fn give_up_privileges() -> io::Result<()> {
    Ok(())
}

/// Other systems have nothing of the kind.
#[cfg(not(target_os = "linux"))]
pub fn enclose() -> io::Result<()> {
    Ok(())
}

/// Other systems have nothing of the kind.
#[cfg(not(target_os = "linux"))]
pub fn filter() -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod calls {
    use std::collections::BTreeMap;
    use std::io;

    use seccompiler::{
        SeccompCmpArgLen as Length, SeccompCmpOp as Compare, SeccompCondition as Condition,
        SeccompRule as Rule,
    };

    /// Calls that need no more than what the process has.
    const FREE: &[libc::c_long] = &[
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_gettimeofday,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ];

    pub fn allowed() -> io::Result<BTreeMap<i64, Vec<Rule>>> {
        let no_code = condition(2, Compare::MaskedEq(value(libc::PROT_EXEC)), 0)?;
        let anonymous = value(libc::MAP_ANONYMOUS);
        let only = |rule: Vec<Condition>| Rule::new(rule).map(|rule| vec![rule]).map_err(io::Error::other);
        let mut calls: BTreeMap<i64, Vec<Rule>> = FREE.iter().map(|call| (*call, Vec::new())).collect();
        calls.insert(libc::SYS_read, only(vec![condition(0, Compare::Eq, 0)?])?);
        calls.insert(libc::SYS_write, only(vec![condition(0, Compare::Eq, 1)?])?);
        calls.insert(libc::SYS_mprotect, only(vec![no_code.clone()])?);
        let no_file = condition(3, Compare::MaskedEq(anonymous), anonymous)?;
        calls.insert(libc::SYS_mmap, only(vec![no_code, no_file])?);
        // By these a process ends itself that has no memory left.
        let itself = condition(0, Compare::Eq, u64::from(std::process::id()))?;
        calls.insert(libc::SYS_tgkill, only(vec![itself])?);
        Ok(calls)
    }

    fn condition(argument: u8, compare: Compare, with: u64) -> io::Result<Condition> {
        Condition::new(argument, Length::Dword, compare, with).map_err(io::Error::other)
    }

    fn value(flag: libc::c_int) -> u64 {
        u64::from(flag.unsigned_abs())
    }
}
