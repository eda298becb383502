//! Integration tests, in one binary; a module per subject.

mod book;
mod closed_forms;
mod commands;
mod determinism;
mod errors;
mod limits;
mod overload;
mod replay;
mod support;
mod validation;
