//! The program as its users run it, without any cluster.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// Runs the program with this on its standard input.
pub fn run_over(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-netpolcheck"))
        .args(args)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // A program that ends before it has read everything is no failure of the test.
    let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
    child.wait_with_output().expect("an end")
}
