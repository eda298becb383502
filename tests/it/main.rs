//! Integration tests, in one binary; a module per subject.

mod book;
mod closed_forms;
mod commands;
mod cost;
mod determinism;
mod errors;
mod overload;
mod replay;
mod support;
mod validation;
