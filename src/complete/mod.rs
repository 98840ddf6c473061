//! kubectl's completion protocol, live values, installation.
