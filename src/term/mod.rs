//! The terminal: colour, progress, prompts.
