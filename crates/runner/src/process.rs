//! The file permissions of this process, and its end together with its parent.

/// Makes new files and folders accessible to this user only. Unix only; elsewhere it does nothing.
pub fn keep_files_private() {
    #[cfg(unix)]
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
}

/// Ends this process when its parent ends, even if the parent is killed. Linux only; elsewhere it does nothing.
pub fn end_with_parent() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let parent = nix::unistd::getppid();
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // The parent may have ended before the call.
        if nix::unistd::getppid() != parent {
            std::process::exit(1);
        }
    }
    Ok(())
}
