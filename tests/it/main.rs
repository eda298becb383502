//! Integration tests, in one binary; a module per subject.

mod book;
mod closed_forms;
mod validation;
