use super::super::Failure;
use super::super::args::ReplayFlags;
use super::super::input::{Input, Setting};
use super::live;
use super::{name_of, told};
use crate::replay::{LogSizes, ReplayServer, Trace, TraceOptions};

/// The server of the scenario that is asked for; the fields that a log must have
/// for it are added to `options`. Where quotas depend on how many
/// users or devices a key has, the log is read twice.
pub(super) fn server(
    flags: &ReplayFlags,
    path: &std::path::Path,
    log_path: &std::path::Path,
    options: &mut TraceOptions,
) -> Result<ReplayServer, Failure> {
    if path.as_os_str() == "-" && log_path.as_os_str() == "-" {
        let why = "error: --scenario - and --trace -: both cannot be standard input; expected a file for one of them";
        return Err(Failure::Input(why.to_owned()));
    }
    let input = Input::read(Some(path), &Setting::all(&flags.set))?;
    let scenario = (input.source.scenario()).map_err(|problems| input.failure(&problems))?;
    let made = |sizes: &LogSizes| {
        let server = ReplayServer::of_scenario(&scenario, sizes);
        server.map_err(|error| input.complaint(error.to_string()))
    };
    let server = made(&LogSizes::default())?;
    options.fields = server.fields(&flags.column);
    if !server.needs_sizes() {
        return Ok(server);
    }
    let nothing = || {};
    let log = live::Input::open(log_path, &nothing)?;
    if matches!(log, live::Input::Live(_)) {
        let why = format!(
            "error: {}: quotas of the scenario depend on how many users or devices a key has, so that the log is read twice; expected a file",
            name_of(log_path)
        );
        return Err(Failure::Input(why));
    }
    let mut trace = Trace::new(log, options.clone());
    let sizes = LogSizes::of_log(&server, &mut trace);
    let sizes = sizes.map_err(|error| Failure::Input(told(log_path, &error)))?;
    made(&sizes)
}
