//! Integration tests, in one binary; a module per subject.

mod book;
mod budgets;
mod calls;
mod cases;
mod clients;
mod closed_forms;
mod commands;
mod cost;
mod determinism;
mod draws;
mod errors;
mod estimates;
mod folder;
mod guards;
mod limits;
mod outages;
mod overload;
mod profile;
mod replay;
mod replicas;
mod report;
mod reuse;
mod support;
mod trace;
mod validation;
