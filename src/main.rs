//! The `ratelab` command; see [`ratelab::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ratelab::cli::main()
}
