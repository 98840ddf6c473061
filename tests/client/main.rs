//! The client against servers that misbehave on command: every trap that the core library owns.

mod credentials;
mod discovery;
mod faults;
mod kubeconfig;
mod lists;
mod proxies;
mod tls;
mod tools;
mod words;
